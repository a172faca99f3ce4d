"""Pairs of files of one name in two folders: images or predictions, and depth maps."""

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from jaxdepth.data.images import FilePath, read_depth, read_ground_truth, read_image
from jaxdepth.errors import DataError

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
"""Suffixes, in lower case, by which a folder's files are taken for images."""

DEPTH_SUFFIXES = frozenset({".npy", ".npz", ".pgm", ".png", ".tif", ".tiff"})
"""Suffixes, in lower case, by which a folder's files are taken for depth maps."""


class Pair(NamedTuple):
    """Two files that belong together, and what they have in common.

    `name` is their path below the two folders, with "/" on every system and without suffix, such as
    `"kitchen/0001"`.
    """

    name: str
    first: Path
    second: Path


class Matches(NamedTuple):
    """The pairs of two folders, sorted by name, and the files that have no partner."""

    pairs: list[Pair]
    only_first: list[Path]
    only_second: list[Path]

    def warning(self) -> str | None:
        """One line that names some of the files without partner, or None if all have one."""
        alone = [*self.only_first, *self.only_second]
        if not alone:
            return None
        return (
            f"{len(alone)} files have no partner of the same name in the other folder and are left "
            f"out: {_examples(alone)}"
        )


def match_pairs(
    first_dir: FilePath,
    second_dir: FilePath,
    *,
    first_suffixes: Iterable[str] = IMAGE_SUFFIXES,
    second_suffixes: Iterable[str] = DEPTH_SUFFIXES,
    first_ending: str = "",
    second_ending: str = "",
) -> Matches:
    """Matches the files of two folders by name, whatever their suffixes.

    Sub-folders are searched too, and files in them match by their path below the folder. Hidden
    files and folders, links to a folder above, and files of other suffixes are not looked at. With
    an ending, only files whose name before the suffix ends so take part, and match by the rest:
    `first_ending="_colors"`, `second_ending="_depth"` match `0001_colors.png` with
    `0001_depth.png`, in two folders or one.

    Args:
        first_dir: folder of images, or of predictions (then pass `first_suffixes=DEPTH_SUFFIXES`).
        second_dir: folder of depth maps.
        first_suffixes: suffixes of the first folder's files, in lower case.
        second_suffixes: suffixes of the second folder's files, in lower case.
        first_ending: what every name in the first folder ends with.
        second_ending: what every name in the second folder ends with.

    Returns:
        At least one pair, and the files without a partner; what becomes of them, the caller says.

    Raises:
        DataError: a folder is missing or has no such files, two files in one have the same name, or
            no file of one has a partner in the other.
    """
    first = _files_by_name(Path(first_dir), first_suffixes, first_ending)
    second = _files_by_name(Path(second_dir), second_suffixes, second_ending)
    names = sorted(first.keys() & second.keys())
    if not names:
        raise DataError(
            f"no file of {first_dir} has a partner of the same name in {second_dir}: "
            f"{_examples(first.values())} against {_examples(second.values())}; "
            "rename them so that they are equal up to the suffix"
        )
    return Matches(
        pairs=[Pair(name, first[name], second[name]) for name in names],
        only_first=[path for name, path in sorted(first.items()) if name not in second],
        only_second=[path for name, path in sorted(second.items()) if name not in first],
    )


def check_pair(
    pair: Pair,
    first_size: tuple[int, int],
    second_size: tuple[int, int],
    *,
    resize: bool = False,
) -> None:
    """Refuses two files whose sizes (height, width) cannot show the same view.

    They can if one is the other scaled, up to a pixel of the smaller: then their corners coincide.

    Args:
        pair: the files, for the error.
        first_size: height and width of the first file, pixels.
        second_size: height and width of the second, pixels.
        resize: whether other sizes are accepted too, and stretched over each other.

    Raises:
        DataError: the aspect ratios differ and `resize` is not set.
    """
    (h1, w1), (h2, w2) = first_size, second_size
    if resize or abs(h1 * w2 - h2 * w1) <= max(h1, w1, h2, w2):
        return
    raise DataError(
        f"{pair.first} is {h1}x{w1} (height x width) and {pair.second} is {h2}x{w2}: their aspect "
        "ratios differ, so they do not show the same view; pass --resize (resize=True) to stretch "
        "one over the other"
    )


def read_image_pairs(
    pairs: Iterable[Pair],
    *,
    depth_scale: float | int,
    depth_invalid_values: Sequence[float | int] = (),
    resize: bool = False,
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Reads pairs of an image and its ground truth, one at a time.

    Args:
        pairs: from `match_pairs`.
        depth_scale: file units of the depth maps in a metre.
        depth_invalid_values: values of the depth files that mean "no measurement", beside 0.
        resize: whether to accept an image and a depth map of different aspect ratios.

    Yields:
        The image's path, the image `[h, w, 3]` uint8 and the ground truth `[H, W]` float32, metres,
        each in its file's size.

    Raises:
        DataError: a file cannot be read, a depth map has no valid pixel, or a pair's aspect ratios
            differ and `resize` is not set.
    """
    for pair in pairs:
        image = read_image(pair.first)
        target = read_ground_truth(
            pair.second, scale=depth_scale, invalid_values=depth_invalid_values
        )
        check_pair(pair, image.shape[:2], target.shape, resize=resize)
        yield str(pair.first), image, target


def read_prediction_pairs(
    pairs: Iterable[Pair],
    *,
    prediction_scale: float | int,
    depth_scale: float | int,
    depth_invalid_values: Sequence[float | int] = (),
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Reads pairs of a predicted depth map and its ground truth, one at a time.

    Their sizes are left to the evaluation protocol, as a prediction may cover its crop alone.

    Args:
        pairs: from `match_pairs` with `first_suffixes=DEPTH_SUFFIXES`.
        prediction_scale: file units of the predictions in a metre.
        depth_scale: file units of the ground truth in a metre.
        depth_invalid_values: values of the ground-truth files that mean "no measurement", beside 0.

    Yields:
        The prediction's path, the prediction `[h, w]` and the ground truth `[H, W]`, float32,
        metres; 0 = no prediction, no measurement.

    Raises:
        DataError: a file cannot be read, or a ground truth has no valid pixel.
    """
    for pair in pairs:
        prediction = read_depth(pair.first, scale=prediction_scale)
        target = read_ground_truth(
            pair.second, scale=depth_scale, invalid_values=depth_invalid_values
        )
        yield str(pair.first), prediction, target


def _files_by_name(folder: Path, suffixes: Iterable[str], ending: str) -> dict[str, Path]:
    """Name → file, for all files of a folder and below it that end as they should."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; check its path")
    suffixes = frozenset(suffixes)
    files: dict[str, Path] = {}
    for directory, subfolders, entries in os.walk(folder, followlinks=True):
        above = {path.resolve() for path in (Path(directory), *Path(directory).parents)}
        subfolders[:] = sorted(
            name
            for name in subfolders
            if not name.startswith(".") and Path(directory, name).resolve() not in above
        )
        for path in (Path(directory, entry) for entry in sorted(entries)):
            stem = path.stem.removesuffix(ending)
            wanted = path.suffix.lower() in suffixes and stem and path.stem == stem + ending
            if path.name.startswith(".") or not wanted:
                continue
            name = path.relative_to(folder).with_name(stem).as_posix()
            if name in files:
                raise DataError(
                    f"{files[name]} and {path} in the folder {folder} have the same name up to the "
                    "suffix, so their partner is not clear; keep one of them there"
                )
            files[name] = path
    if not files:
        kinds = ", ".join(sorted(suffixes))
        raise DataError(f"the folder {folder} has no file named *{ending} with suffix {kinds}")
    return files


def _examples(paths: Iterable[Path]) -> str:
    names = sorted(str(path) for path in paths)
    return ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
