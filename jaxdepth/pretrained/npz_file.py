"""This project's own files of weights: the arrays as they are, and whose they are."""

import contextlib
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from flax.traverse_util import flatten_dict

from jaxdepth.errors import DataError
from jaxdepth.models.base import BASES, CONVENTIONS
from jaxdepth.pretrained.entries import Entries, damage_named

_METADATA = "metadata"


def save_npz(path: str | os.PathLike, base: str, variables: Mapping, *, convention: str) -> None:
    """Writes a base network's variables to a file that `load_pretrained` reads.

    The file has one array a parameter, named like `params/conv1_1/conv/kernel`, and `metadata`, a
    JSON text with the base and the convention. It is complete or it is not there.

    Args:
        path: ends in `.npz`.
        base: `"vgg16"`, `"vgg19"` or `"resnet50"`.
        variables: `{"params": …}`, with `"batch_stats"` where there is batch normalisation.
        convention: that the network was made with, `"torch"` or `"keras"`.

    Raises:
        ValueError: `path`, `base` or `convention` is none of the above.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"path must end in .npz, got {path}.")
    if base not in BASES:
        raise ValueError(f"base must be one of {', '.join(BASES)}, got {base!r}.")
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}.")
    arrays = {key: np.asarray(x) for key, x in flatten_dict(dict(variables), sep="/").items()}
    metadata = json.dumps({"base": base, "convention": convention})
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "wb") as file:
            np.savez(file, **{_METADATA: np.array(metadata)}, **arrays)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def open_npz(path: Path) -> Iterator[tuple[Entries, dict]]:
    """Opens a file that `save_npz` wrote: its entries, and its base and convention by name.

    Raises:
        DataError: the file is damaged or was written by something else.
    """
    errors = (OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError)
    with damage_named(path, *errors, zipfile.BadZipFile, zlib.error):
        # np.load leaves a file that it opened itself and that is damaged open.
        with open(path, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files}
        text = str(arrays.pop(_METADATA, ""))
        if not text:
            raise DataError(
                f"{path}: has no metadata, so it was not written by jaxdepth.pretrained.save_npz."
            )
        metadata = {str(key): str(value) for key, value in dict(json.loads(text)).items()}
    yield Entries({name: x.shape for name, x in arrays.items()}, arrays.__getitem__), metadata
