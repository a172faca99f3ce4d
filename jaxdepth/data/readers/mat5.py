"""Arrays of MAT v5 files, MATLAB's format before 7.3.

The format is "MAT-File Format" of The MathWorks, level 5: a header of 128 bytes, then elements of a
type, a length and content, which may be compressed. SciPy's reader is not used, as it can crash
the process on a damaged file.
"""

import math
import zlib
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from jaxdepth.data.images import FilePath
from jaxdepth.data.readers.damage import damage_named, read_bytes
from jaxdepth.errors import DataError

_WHAT = "a MAT v5 file"
_MATRIX, _COMPRESSED = 14, 15
_LARGEST = 2**28
"""Bytes that an element may have when it is decompressed: a small file can fill the memory."""
_STORED = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
_CLASSES = {
    6: "f8", 7: "f4", 8: "i1", 9: "u1", 10: "i2", 11: "u2", 12: "i4", 13: "u4", 14: "i8", 15: "u8",
}  # fmt: skip
_COMPLEX = 0x800


class _Variable(NamedTuple):
    """A variable's name and shape; `numbers` is None unless it is an array of real numbers."""

    name: str
    shape: tuple[int, ...]
    numbers: np.ndarray | None


def read_mat5(path: FilePath, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Reads named arrays of real numbers, in MATLAB's shapes.

    Args:
        path: the file.
        names: what to read; all else in the file is left alone.

    Raises:
        DataError: the file is missing, damaged or of another version, lacks a name, or what is
            under it is empty or no array of finite real numbers.
    """
    content = read_bytes(path, _WHAT)
    if b"MATLAB 7.3" in content[:128] or b"\x89HDF" in content[:520]:
        raise DataError(
            f"cannot read {path} as {_WHAT}: it is of version 7.3 (HDF5); in MATLAB, save it "
            "with -v7"
        )
    with damage_named(path, _WHAT):
        found = {variable.name: variable for variable in _variables(content)}
    for name in names:
        if name not in found:
            raise DataError(f"{path} must hold {name} and does not; is it another file's copy?")
        _, shape, numbers = found[name]
        if numbers is None or numbers.size == 0:
            raise DataError(
                f"{path}: {name} must be an array of real numbers, got "
                f"{'another type' if numbers is None else 'none'}, shape {shape}; copy the file "
                "here again"
            )
        if not np.isfinite(numbers).all():
            raise DataError(
                f"{path}: {name} must be finite and holds NaN or infinite values; copy the file "
                "here again"
            )
    return {name: found[name].numbers for name in names}


def _variables(content: bytes) -> Iterator[_Variable]:
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or int.from_bytes(content[124:126], "little") not in (0x0100, 0x0001):
        raise ValueError("it has no header of such a file")
    for kind, body in _elements(content[128:], order):
        if kind == _COMPRESSED:
            stream = zlib.decompressobj()
            body = stream.decompress(body, _LARGEST)
            if not stream.eof:
                raise ValueError(f"an element is cut short or has more than {_LARGEST} bytes")
            ((kind, body),) = _elements(body, order)
        if kind == _MATRIX:
            yield _variable(body, order)


def _elements(content: bytes, order: str) -> Iterator[tuple[int, bytes]]:
    """Types and contents; content is padded to 8 bytes, unless compressed."""
    at = 0
    while at < len(content):
        kind, length = np.frombuffer(content, order + "u4", 2, at).tolist()
        at += 8
        short = kind >> 16
        if short:  # up to four bytes stand in the place of the length
            kind, length, at = kind & 0xFFFF, short, at - 4
        if at + length > len(content) or short > 4:
            raise ValueError(f"an element of {length} bytes goes beyond its end")
        yield kind, content[at : at + length]
        unit = 4 if short else 1 if kind == _COMPRESSED else 8
        at += -(-length // unit) * unit


def _variable(body: bytes, order: str) -> _Variable:
    parts = _elements(body, order)
    flags = int(_numbers(*next(parts), order)[0])
    shape = tuple(_numbers(*next(parts), order).tolist())
    name = next(parts)[1].decode("ascii")
    dtype = _CLASSES.get(flags & 0xFF)
    if dtype is None or flags & _COMPLEX:
        return _Variable(name, shape, None)
    numbers = _numbers(*next(parts), order)
    if min(shape) < 0 or math.prod(shape) != numbers.size:
        raise ValueError(f"{name} has {numbers.size} numbers for the shape {shape}")
    return _Variable(name, shape, numbers.astype(dtype).reshape(shape, order="F"))


def _numbers(kind: int, content: bytes, order: str) -> np.ndarray:
    """MATLAB stores numbers in the smallest type that holds them all."""
    if kind not in _STORED:
        raise ValueError(f"there is no type {kind} of numbers")
    return np.frombuffer(content, order + _STORED[kind])
