"""Make3D: photographs with the depth of a laser scanner on a coarse grid."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxdepth.data.images import FilePath, read_image
from jaxdepth.data.readers.damage import damage_named
from jaxdepth.data.readers.frame import Frame, valid_metres
from jaxdepth.data.readers.mat5 import read_mat5
from jaxdepth.errors import DataError

COUNTS = {"train": 400, "test": 134}
"""Pairs in each published split."""

GRID = (55, 305)
"""Height and width of a depth grid. It covers a photograph of 2272x1704: cells are not square."""

_IMAGE = re.compile(r"img-(?:10\.21)?(.+)\.jpg", re.IGNORECASE)
_DEPTH = re.compile(r"depth_sph_corr-(?:10\.21)?(.+)\.mat", re.IGNORECASE)


class Make3dFiles(NamedTuple):
    """Two files that belong together, and the stem they share."""

    name: str
    image: Path
    depth: Path


def pair_make3d(
    image_folder: FilePath, depth_folder: FilePath, *, count: int | None = None
) -> list[Make3dFiles]:
    """Pairs `img-<stem>.jpg` with `depth_sph_corr-<stem>.mat`; some stems have "10.21" before them.

    Args:
        image_folder: such as `Train400Img` or `Test134`; files may be in folders below it, such
            as the one an archive was unpacked in.
        depth_folder: such as `Train400Depth` or `Gridlaserdata`, likewise.
        count: how many pairs there must be, see `COUNTS`; None for any number.

    Returns:
        Pairs sorted by stem.

    Raises:
        DataError: a folder is missing, two files have one stem, a file has no partner, or the count
            is another.
    """
    images = _by_stem(Path(image_folder), _IMAGE)
    depths = _by_stem(Path(depth_folder), _DEPTH)
    alone = [images[s] for s in images.keys() - depths] + [
        depths[s] for s in depths.keys() - images
    ]
    if alone:
        raise DataError(
            f"{min(alone)}: every img-<stem>.jpg of {image_folder} must have its "
            f"depth_sph_corr-<stem>.mat in {depth_folder}, {len(alone)} files have no partner; "
            "unpack both archives again"
        )
    if not images or (count is not None and len(images) != count):
        raise DataError(
            f"{image_folder} and {depth_folder} must have {count or 'some'} pairs, got "
            f"{len(images)}; unpack both archives again"
        )
    return [Make3dFiles(stem, images[stem], depths[stem]) for stem in sorted(images)]


def read_grid(path: FilePath) -> Float[np.ndarray, "55 305"]:
    """Reads a depth grid: the last of the four channels of `Position3DGrid`.

    Returns:
        Metres, float32; the scanner's range ends at about 80.

    Raises:
        DataError: the file is missing, damaged or has no such grid.
    """
    grid = read_mat5(path, ("Position3DGrid",))["Position3DGrid"]
    if grid.shape != (*GRID, 4):
        raise DataError(
            f"{path}: Position3DGrid must be 55x305x4, got {'x'.join(map(str, grid.shape))}; take "
            "the dataset's original file"
        )
    return valid_metres(grid[..., 3])


def read_make3d_frame(files: Make3dFiles) -> Frame:
    """Reads a photograph with its grid, each in its own size.

    Raises:
        DataError: a file is missing, damaged or of another form.
    """
    return Frame(
        name=files.name,
        file=files.image.name,
        scene="",
        image=read_image(files.image),
        depth=read_grid(files.depth),
    )


def _by_stem(folder: Path, pattern: re.Pattern) -> dict[str, Path]:
    with damage_named(folder, "a folder of Make3D"), os.scandir(folder):  # rglob would find nothing
        paths = sorted(folder.rglob("*"))
    found: dict[str, Path] = {}
    for path in paths:
        if match := pattern.fullmatch(path.name):
            if match[1] in found:
                raise DataError(
                    f"{found[match[1]]} and {path}: a stem may be there once; remove one of them"
                )
            found[match[1]] = path
    return found
