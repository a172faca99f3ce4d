"""A file of weights, opened: names and shapes first, arrays when they are asked for."""

import contextlib
import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import numpy as np

from jaxdepth.errors import DataError
from jaxdepth.pretrained.report import Shape


class Entries(NamedTuple):
    """The arrays of an open file.

    Attributes:
        shapes: name → shape.
        read: the array of a name; raises `DataError` where the file is damaged.
    """

    shapes: dict[str, Shape]
    read: Callable[[str], np.ndarray]


@contextlib.contextmanager
def damage_named(path: Path, *errors: type[Exception]) -> Iterator[None]:
    """Turns what a library raises about a damaged file into one line that names the file."""
    try:
        yield
    except DataError:
        raise
    except errors as error:
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise DataError(
            f"{path}: damaged, or not a {path.suffix} file ({reason}). Fetch it again."
        ) from error


def import_reader(path: Path, module: str) -> ModuleType:
    """The library that reads a file.

    Raises:
        DataError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise DataError(
            f"{path}: {module}, which reads {path.suffix} files, is not installed: "
            'pip install "jaxdepth[pretrained]".'
        ) from error
