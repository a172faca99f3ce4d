"""DIML / CVL RGB-D: rooms seen by a Kinect v2, with depth as measured and filled.

Kim, Jung, Min, Sohn, "Deep Monocular Depth Estimation via Integration of Global and Local
Predictions" (2018). The sample release holds
`<split>/<resolution>/<category>/color/<stem>_c.png` and beside `color` the folders `depth_filled`
and `depth_raw` with `<stem>_depth_filled.png` and `<stem>_depth_raw.png`, 16-bit millimetres.
"""

import re
from pathlib import Path
from typing import Literal, NamedTuple

from jaxdepth.data.images import FilePath, read_image
from jaxdepth.data.readers.damage import damage_named
from jaxdepth.data.readers.depth_png import read_depth_png
from jaxdepth.data.readers.frame import Frame, Intrinsics, check_sizes
from jaxdepth.errors import DataError

COUNTS = {"train": 1609, "test": 503}
"""Frames in each split of the sample release; papers score the 503."""

_FOLDERS = {"color": "_c", "depth_filled": "_depth_filled", "depth_raw": "_depth_raw"}


class DimlFiles(NamedTuple):
    """The three files of a frame; `name` is `<category>/<stem>`."""

    name: str
    image: Path
    depth: Path
    raw_depth: Path


def find_diml(
    root: FilePath,
    split: Literal["train", "test"],
    *,
    resolution: Literal["HR", "LR"] = "LR",
    count: int | None = None,
) -> list[DimlFiles]:
    """Finds the frames of a split, whatever its categories are called.

    Args:
        root: where the release is unpacked: the folder of `train` and `test`.
        split: which of them.
        resolution: images of 756x1344 pixels (height x width) or 288x512.
        count: how many frames there must be, see `COUNTS`; None for any number.

    Returns:
        Frames sorted by name.

    Raises:
        DataError: a folder is missing, a frame lacks one of its files, or the count is another.
    """
    folder = Path(root, split, resolution)
    with damage_named(folder, "a folder of DIML's categories"):
        categories = sorted(path for path in folder.iterdir() if (path / "color").is_dir())
    frames = [files for category in categories for files in _frames(category)]
    if not frames or (count is not None and len(frames) != count):
        raise DataError(
            f"{folder} must have {'some' if count is None else count} frames at "
            f"<category>/color/<stem>_c.png, got {len(frames)} in {len(categories)} categories; "
            "unpack the archives again"
        )
    return frames


def read_diml_frame(files: DimlFiles, *, intrinsics: Intrinsics | None = None) -> Frame:
    """Reads one frame; its scene is the category, such as `"12. Livingroom"`.

    Args:
        files: from `find_diml`.
        intrinsics: of the camera at this resolution, which the release does not tell.

    Returns:
        Image, filled depth and raw depth of one size, as the files have it.

    Raises:
        DataError: a file is missing, damaged or of another form, or the sizes differ.
    """
    image = read_image(files.image)
    depth, raw_depth = (read_depth_png(path, scale=1000) for path in (files.depth, files.raw_depth))
    check_sizes(files.image, image, files.depth, depth)
    check_sizes(files.image, image, files.raw_depth, raw_depth)
    return Frame(
        name=files.name,
        file=files.image.name,
        scene=files.image.parents[1].name,
        image=image,
        depth=depth,
        raw_depth=raw_depth,
        intrinsics=intrinsics,
    )


def _frames(category: Path) -> list[DimlFiles]:
    found = {folder: _by_stem(category / folder, end) for folder, end in _FOLDERS.items()}
    color = found["color"]
    for folder, files in found.items():
        for here, there, name in ((color, files, folder), (files, color, "color")):
            if alone := sorted(here.keys() - there):
                raise DataError(
                    f"{here[alone[0]]}: every frame must have one file in color, depth_filled and "
                    f"depth_raw, {len(alone)} have none in {category / name}; unpack the archive "
                    "again"
                )
    return [
        DimlFiles(f"{category.name}/{stem}", *(found[folder][stem] for folder in _FOLDERS))
        for stem in sorted(color)
    ]


def _by_stem(folder: Path, ending: str) -> dict[str, Path]:
    pattern = re.compile(rf"([^.].*){ending}\.png", re.IGNORECASE)
    with damage_named(folder, "a folder of DIML"):
        matches = [(pattern.fullmatch(path.name), path) for path in folder.iterdir()]
    return {match[1]: path for match, path in matches if match}
