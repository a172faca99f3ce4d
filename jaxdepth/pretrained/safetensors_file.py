"""Files of weights from torchvision and timm."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jaxdepth.pretrained.entries import Entries, damage_named, import_reader


@contextlib.contextmanager
def open_safetensors(path: Path) -> Iterator[Entries]:
    """Opens a `.safetensors` file; names are those of the state dict.

    Raises:
        DataError: the file is damaged, or the library is not installed.
    """
    safetensors = import_reader(path, "safetensors")
    errors = (safetensors.SafetensorError, OSError, ValueError, TypeError, AttributeError)
    with contextlib.ExitStack() as stack:
        with damage_named(path, *errors):
            file = stack.enter_context(safetensors.safe_open(path, framework="numpy"))
            shapes = {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118

        def read(name: str) -> np.ndarray:
            with damage_named(path, *errors):
                return file.get_tensor(name)

        yield Entries(shapes, read)
