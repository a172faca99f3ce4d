"""Damaged copies of a file, and what a reader must do with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxdepth.errors import DataError


def refuses_damage(
    read: Callable[[Path], Any],
    path: Path,
    *,
    cuts: tuple[float, ...] = (0.0, 0.01, 0.1, 0.5, 0.9, 0.999),
    flips: int = 20,
):
    """Cut copies of a file are a `DataError` that names it; changed bytes are one or are read.

    Args:
        read: the reader, of the file's path.
        path: a good file; it is restored in the end.
        cuts: the parts of the file, from its start, that must not pass for the whole.
        flips: copies with some bytes of their first 300 changed.
    """
    read(path)
    content = path.read_bytes()
    for part in cuts:
        path.write_bytes(content[: int(part * len(content))])
        is_refused(read, path)
    for other in (b"\0" * 64, b"no such format\n" * 9, b"\xff" * 1000):
        path.write_bytes(other)
        is_refused(read, path)
    rng = np.random.default_rng(0)
    for _ in range(flips):
        changed = bytearray(content)
        for at in rng.integers(0, min(len(content), 300), 4):
            changed[at] = rng.integers(256)
        path.write_bytes(changed)
        refusal = None
        try:
            read(path)
        except DataError as error:
            refusal = str(error)
        assert refusal is None or str(path) in refusal
    path.unlink()
    is_refused(read, path)
    path.mkdir()
    is_refused(read, path)
    path.rmdir()
    path.write_bytes(content)
    read(path)


def is_refused(read: Callable[[Path], Any], path: Path, match: str | None = None):
    """Reading fails with a `DataError` that names the file."""
    with pytest.raises(DataError, match=match) as caught:
        read(path)
    assert str(path) in str(caught.value)
