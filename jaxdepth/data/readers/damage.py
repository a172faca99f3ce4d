"""Errors of the libraries that parse files, told as errors of the file."""

import contextlib
import importlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from jaxdepth.data.images import FilePath
from jaxdepth.errors import DataError


@contextlib.contextmanager
def damage_named(path: FilePath, what: str) -> Iterator[None]:
    """Any error inside becomes a `DataError` that names the file and what it should be.

    Args:
        path: the file that is read.
        what: what it should be, such as `"a MAT v5 file"`.

    Raises:
        DataError: instead of any other exception, also `MemoryError`.
    """
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # parsers of damaged files raise whatever comes
        path = Path(path)
        if isinstance(error, OSError) and error.errno:
            reason = f"{os.strerror(error.errno)}; check its path"  # HDF5's own text is long
        elif path.is_file() and path.stat().st_size == 0:
            reason = "the file is empty; copy it here again"
        else:
            lines = str(error).strip().splitlines() or [type(error).__name__]
            detail = lines[0].rstrip(":")
            reason = f"it is damaged, cut short or another format ({detail}); copy it here again"
        raise DataError(f"cannot read {path} as {what}: {reason}") from error


def read_bytes(path: FilePath, what: str) -> bytes:
    """A file's content.

    Raises:
        DataError: it is missing, unreadable or empty.
    """
    with damage_named(path, what):
        content = Path(path).read_bytes()
    if not content:
        raise DataError(f"cannot read {path} as {what}: the file is empty; copy it here again")
    return content


def read_lines(path: FilePath, what: str) -> list[str]:
    """The lines of a UTF-8 text file, without the blanks around them; empty ones stay.

    Raises:
        DataError: it is missing, unreadable, empty or no text.
    """
    content = read_bytes(path, what)
    with damage_named(path, what):
        return [line.strip() for line in content.decode("utf-8-sig").splitlines()]


def import_reader(path: FilePath, module: str) -> ModuleType:
    """The library that reads a file, imported when it is first needed.

    Raises:
        DataError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        name = module.partition(".")[0]
        raise DataError(
            f'{path}: {name}, which reads this file, is not installed: pip install "jaxdepth[data]"'
        ) from error
