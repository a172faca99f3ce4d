"""Reads damaged files of every kind in a process of its own, which may crash.

    python -W always -m tests.data.readers.damages FOLDER

prints a line of JSON for each kind and damage, then one with the peak of memory in MiB.
"""

import contextlib
import json
import os
import resource
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from jaxdepth.errors import DataError
from tests.data.readers.samples import make_samples

Damage = Callable[[Path, bytes], None]
"""Puts something in the place of a file that is no longer there, but for its content."""


def rewritten(change: Callable[[bytes], bytes]) -> Damage:
    return lambda path, content: path.write_bytes(change(content))


def flipped(first: int, last: int | None, count: int) -> Damage:
    """Some bytes between two places become others."""

    def change(content: bytes) -> bytes:
        rng, changed = np.random.default_rng(count), bytearray(content)
        for at in rng.integers(min(first, len(content) - 1), len(content[:last]), count):
            changed[at] = rng.integers(256)
        return bytes(changed)

    return rewritten(change)


def unreadable(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    path.chmod(0)
    if os.access(path, os.R_OK):  # by root, who may read anything but this
        path.unlink()
        path.symlink_to("/proc/self/mem")


def below_a_file(path: Path, content: bytes) -> None:
    del content
    path.parent.write_bytes(b"no folder")


def huge_png(width: int, height: int) -> bytes:
    """A small file that claims to be a large picture."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(100_000)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


def tiff_of_many_samples() -> bytes:
    """A TIFF with 200 channels, of which Pillow complains in its log."""
    tags = {256: 4, 257: 4, 258: 8, 259: 1, 262: 1, 273: 8, 277: 200, 278: 4, 279: 3200}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    return struct.pack("<2sHIH", b"II", 42, 8, len(tags)) + entries + bytes(4 + 3200)


HTML = b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head><body>\n" * 9
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"

ABSENT: dict[str, Damage] = {
    "missing": lambda path, content: None,
    "a folder": lambda path, content: path.mkdir(),
    "below a file": below_a_file,
    "a link to nothing": lambda path, content: path.symlink_to("nothing"),
    "a link to itself": lambda path, content: path.symlink_to(path.name),
}
"""No file; an error may name its folder instead."""

REFUSED: dict[str, Damage] = {
    "unreadable": unreadable,
    "empty": rewritten(lambda content: b""),
    "a web page": rewritten(lambda content: HTML),
    "a pointer of git-lfs": rewritten(lambda content: LFS),
    "zeros": rewritten(lambda content: bytes(len(content))),
    "noise": rewritten(lambda content: np.random.default_rng(0).bytes(len(content))),
    "a TIFF of 200 channels": rewritten(lambda content: tiff_of_many_samples()),
    "a PNG of 400 million pixels": rewritten(lambda content: huge_png(20_000, 20_000)),
    "a PNG of 100 million pixels": rewritten(lambda content: huge_png(10_000, 10_000)),
}
"""What no reader may take for a good file."""

SUSPECT: dict[str, Damage] = {
    "one byte": rewritten(lambda content: content[:1]),
    "its first half": rewritten(lambda content: content[: len(content) // 2]),
    "its first 200 bytes": rewritten(lambda content: content[:200]),
    "all but the last byte": rewritten(lambda content: content[:-1]),
    "without the first byte": rewritten(lambda content: content[1:]),
    "twice": rewritten(lambda content: content + content),
    "with noise behind it": rewritten(lambda content: content + b"\xff\x00\x99 x\n" * 9),
    "bytes in another order": rewritten(lambda content: content[1::2] + content[::2]),
    "another start": flipped(0, 16, 3),
    "another header": flipped(8, 128, 6),
    "another longer header": flipped(8, 600, 12),
    "other bytes": flipped(0, None, 20),
    "many other bytes": flipped(0, None, 2000),
    "zeros in the middle": rewritten(
        lambda content: (
            content[: len(content) // 3].ljust(len(content) // 2, b"\0")
            + content[len(content) // 2 :]
        )
    ),
    "a gap": rewritten(lambda content: content[: len(content) // 3] + content[len(content) // 2 :]),
    "UTF-16": rewritten(lambda content: content.decode("latin-1").encode("utf-16")),
}
"""What may still be read: a change can hit what does not count, or make another good file."""


@contextlib.contextmanager
def damaged(path: Path, damage: Damage, aside: Path) -> Iterator[None]:
    """Keeps the file aside meanwhile, or its folder."""
    content = path.read_bytes()
    place = path.parent if damage is below_a_file else path
    place.rename(aside)
    try:
        damage(path, content)
        yield
    finally:
        if place.is_dir() and not place.is_symlink():
            place.rmdir()
        else:
            place.unlink(missing_ok=True)
        aside.rename(place)


def main(root: Path) -> None:
    for kind, sample in make_samples(root).items():
        for name, damage in (ABSENT | REFUSED | SUSPECT).items():
            result = {"kind": kind, "damage": name, "file": str(sample.file), "error": None}
            with (
                damaged(sample.file, damage, root / "aside"),
                warnings.catch_warnings(record=True) as warned,
            ):
                try:
                    sample.read()
                except DataError as error:
                    result["error"] = str(error)
                except BaseException as error:
                    result["raised"] = repr(error)
            result["warned"] = [str(warning.message) for warning in warned]
            print(json.dumps(result), flush=True)
    print(json.dumps({"peak": _peak_memory()}))


def _peak_memory() -> float:
    """Of this program in MiB; on Linux without that of the one that started it."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024**2 if sys.platform == "darwin" else peak / 1024


if __name__ == "__main__":
    main(Path(sys.argv[1]))
