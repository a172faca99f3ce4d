"""`nyu_depth_v2_labeled.mat`: the 1449 labelled frames of NYU Depth v2, and their splits.

The file is MATLAB 7.3, hence HDF5 with the axes in reverse: an image is `[3, 640, 480]` there.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

import numpy as np
from jaxtyping import Int

from jaxdepth.data.images import MAX_PIXELS, FilePath
from jaxdepth.data.readers.damage import damage_named, import_reader
from jaxdepth.data.readers.frame import Frame, valid_metres
from jaxdepth.data.readers.mat5 import read_mat5
from jaxdepth.data.readers.nyu_camera import COLOR
from jaxdepth.errors import DataError

SPLIT_SIZES = {"train": 795, "test": 654}
"""Frames in each of the published splits."""

_WHAT = "the labelled NYU Depth v2 file (MATLAB 7.3)"
_ARRAYS = {"images": ("u", 4), "depths": ("f", 3), "rawDepths": ("f", 3)}
_TEXTS = ("scenes", "rawRgbFilenames")


def read_splits(
    path: FilePath, *, sizes: dict[str, int | None] | None = None
) -> dict[str, Int[np.ndarray, " frames"]]:
    """Reads `splits.mat`.

    Args:
        path: a MAT v5 file with `trainNdxs` and `testNdxs`, counted from 1.
        sizes: how many frames each split must have, None for any number; by default
            `SPLIT_SIZES`.

    Returns:
        For `"train"` and `"test"` the frames' indices, counted from 0, in the file's order.

    Raises:
        DataError: the file is missing, damaged, or no pair of disjoint splits of these sizes.
    """
    sizes = SPLIT_SIZES if sizes is None else sizes
    found = read_mat5(path, ("trainNdxs", "testNdxs"))
    splits = {}
    for name, size in sizes.items():
        numbers = found[f"{name}Ndxs"].ravel()
        if size is not None and numbers.size != size:
            raise DataError(
                f"{path}: {name}Ndxs must have {size} entries, got {numbers.size}; take the splits "
                "published with the dataset"
            )
        if (numbers < 1).any() or (numbers != np.floor(numbers)).any():
            raise DataError(
                f"{path}: {name}Ndxs must hold whole numbers counted from 1, got "
                f"{numbers.min():g} as the smallest; take the splits published with the dataset"
            )
        splits[name] = numbers.astype(np.int64) - 1
    together = np.concatenate(list(splits.values()))
    values, counts = np.unique(together, return_counts=True)
    if (counts > 1).any():
        raise DataError(
            f"{path}: a frame may be listed once, number {values[counts > 1][0] + 1} is more often;"
            " take the splits published with the dataset"
        )
    return splits


class NyuLabeled:
    """The labelled file, open; frames are read one at a time, by index from 0.

    Use it in a `with` statement, and open it anew in each process.

    Raises:
        DataError: the file is missing, damaged, or lacks an array that it must have; or h5py is
            not installed.
    """

    def __init__(self, path: FilePath):
        self._path = Path(path)
        h5py = import_reader(path, "h5py")
        with damage_named(path, _WHAT):
            self._file = h5py.File(path, "r")
        try:
            with damage_named(path, _WHAT):
                self._length = self._check(h5py)
        except BaseException:
            self._file.close()
            raise

    def __len__(self) -> int:
        return self._length

    def __enter__(self) -> "NyuLabeled":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def read(self, index: int) -> Frame:
        """Reads one frame, `[480, 640]`.

        Its `depth` is filled by the dataset's authors, its `raw_depth` is as measured. Its `name`
        is the frame's number counted from 1, with four digits, as papers cite it.

        Args:
            index: from 0 to the length - 1.

        Raises:
            IndexError: it is not.
            DataError: the file is damaged there.
        """
        if not 0 <= index < self._length:
            raise IndexError(f"{self._path} has frames 0 to {self._length - 1}, got {index}.")
        with damage_named(self._path, f"{_WHAT}, frame {index + 1}"):
            return Frame(
                name=f"{index + 1:04d}",
                file=self._text("rawRgbFilenames", index),
                scene=self._text("scenes", index),
                image=np.ascontiguousarray(self._file["images"][index].transpose(2, 1, 0)),
                depth=valid_metres(self._file["depths"][index].T),
                raw_depth=valid_metres(self._file["rawDepths"][index].T),
                intrinsics=COLOR.intrinsics,
            )

    def iterate(self, indices: Int[np.ndarray, " frames"]) -> Iterator[Frame]:
        """Reads frames one after the other, such as a split of `read_splits`.

        Raises:
            DataError: an index is beyond the file's frames, or the file is damaged.
        """
        if len(indices) and int(np.max(indices)) >= self._length:
            raise DataError(
                f"{self._path}: the split names frame {int(np.max(indices)) + 1}, and the file has "
                f"{self._length} frames; take file and splits of the same dataset"
            )
        return (self.read(int(index)) for index in indices)

    def _check(self, h5py) -> int:
        shapes = {}
        for name, (kind, rank) in _ARRAYS.items():
            item = self._file.get(name)
            if not isinstance(item, h5py.Dataset) or item.dtype.kind != kind or item.ndim != rank:
                raise self._refused(name, f"an array of rank {rank}", item)
            shapes[name] = item.shape
        frames, *size = shapes["depths"]
        wanted = {"images": (frames, 3, *size), "rawDepths": (frames, *size)}
        for name, shape in wanted.items():
            if shapes[name] != shape:
                raise self._refused(name, f"of shape {shape}, as depths has", self._file[name])
        if math.prod(size) > MAX_PIXELS:
            raise self._refused("depths", f"of at most {MAX_PIXELS} pixels", self._file["depths"])
        if frames == 0 or self._file["images"].dtype != np.uint8:
            raise self._refused("images", "an array of 8-bit images", self._file["images"])
        for name in _TEXTS:
            item = self._file.get(name)
            is_dataset = isinstance(item, h5py.Dataset)
            if not is_dataset or item.dtype != h5py.ref_dtype or item.shape != (1, frames):
                raise self._refused(name, f"{frames} references to texts", item)
        return frames

    def _refused(self, name: str, rule: str, item) -> DataError:
        got = "nothing" if item is None else f"{getattr(item, 'dtype', 'a group')}"
        shape = getattr(item, "shape", ())
        return DataError(
            f"{self._path}: {name} must be {rule}, got {got} {shape}; is it the labelled dataset's "
            "original file?"
        )

    def _text(self, name: str, index: int) -> str:
        """A MATLAB string: an array of character codes behind a reference."""
        codes = self._file[self._file[name][0, index]]
        if codes.dtype.kind != "u" or codes.size > 1000:
            raise DataError(
                f"{self._path}: {name}[{index}] must be a text of 1000 characters at most, got "
                f"{codes.size} of {codes.dtype}; copy the file here again"
            )
        return "".join(map(chr, codes[()].ravel().tolist()))
