"""The raw dump of NYU Depth v2: what the Kinect delivered, one folder a recording.

A folder holds `d-<time>-<n>.pgm` (depth), `r-<time>-<n>.ppm` (colour) and accelerometer dumps, each
at its own time. The steps are those of the dataset's toolbox (`get_synched_frames.m`,
`project_depth_map.m`).
"""

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import UInt16

from jaxdepth.data.images import FilePath, read_image
from jaxdepth.data.readers.damage import damage_named, read_bytes
from jaxdepth.data.readers.frame import Frame
from jaxdepth.data.readers.lists import scene_of_folder
from jaxdepth.data.readers.nyu_camera import (
    COLOR,
    NO_READING,
    SIZE,
    project_raw_depth,
    undistort_image,
)
from jaxdepth.errors import DataError

FAULTY = frozenset({"d-1315166703.129542-2466101449.pgm"})
"""Depth files that are broken in the published archive."""

_NAME = re.compile(r"([dr])-(\d+\.\d+)-\d+\.(pgm|ppm)")
_PGM_HEADER = re.compile(rb"P5\s+(?:#[^\n]*\n\s*)*(\d{1,5})\s+(\d{1,5})\s+(\d{1,5})\s")
_PGM = "a 16-bit PGM of raw depth"


class RawFrame(NamedTuple):
    """A depth file and the colour file nearest to it in time; `gap` is their distance, seconds."""

    depth: Path
    color: Path
    gap: float


def find_recordings(root: FilePath, scenes: Iterable[str]) -> dict[str, list[Path]]:
    """Finds the folders of scenes in the dump, below its root or one folder deeper.

    A scene was recorded in one folder of its name or in several, with a letter behind it.

    Args:
        root: where the dump, or its archives side by side, are unpacked.
        scenes: names such as `read_scene_list` returns.

    Returns:
        For each scene, in the given order, its folders sorted by name.

    Raises:
        DataError: the root is missing, a scene has no folder, or one folder is there twice.
    """
    root = Path(root)
    with damage_named(root, "the folder of the raw dump"):
        wanted: dict[str, dict[str, Path]] = {scene: {} for scene in scenes}
        for folder in _subfolders(root):
            inner = [folder] if scene_of_folder(folder.name) in wanted else _subfolders(folder)
            for path in inner:
                found = wanted.get(scene_of_folder(path.name), {})
                if path.name in found:
                    raise DataError(
                        f"{found[path.name]} and {path}: a recording must be there once; remove "
                        "one of the folders"
                    )
                found[path.name] = path
    missing = [scene for scene, found in wanted.items() if not found]
    if missing:
        raise DataError(
            f"{root}: each of {len(wanted)} scenes must have a folder, {len(missing)} have none: "
            f"{', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}; unpack the missing "
            "archives or shorten the list of scenes"
        )
    return {scene: [found[name] for name in sorted(found)] for scene, found in wanted.items()}


def pair_by_time(folder: FilePath) -> list[RawFrame]:
    """Pairs every depth file of a recording with the colour file nearest in time.

    Colour files are passed once, in order: the next one is taken while it is not farther in time
    from the depth file than the one before. Files known to be `FAULTY` are left out.

    Raises:
        DataError: the folder is missing, or has no depth or no colour file.
    """
    folder = Path(folder)
    found: dict[str, list[tuple[float, str]]] = {"d": [], "r": []}
    with damage_named(folder, "a folder of raw frames"), os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            right_suffix = match and match[3] == {"d": "pgm", "r": "ppm"}[match[1]]
            if right_suffix and entry.name not in FAULTY:
                found[match[1]].append((float(match[2]), entry.name))
    depths, colors = sorted(found["d"]), sorted(found["r"])
    if not depths or not colors:
        raise DataError(
            f"{folder} must hold depth files d-<time>-<n>.pgm and colour files r-<time>-<n>.ppm, "
            f"got {len(depths)} and {len(colors)}; unpack the archive again, or leave the folder "
            "out"
        )
    pairs, at = [], 0
    for time, name in depths:
        gap = abs(time - colors[at][0])
        while at + 1 < len(colors) and abs(time - colors[at + 1][0]) <= gap:
            at += 1
            gap = abs(time - colors[at][0])
        pairs.append(RawFrame(folder / name, folder / colors[at][1], gap))
    return pairs


def pair_scene(folders: Iterable[FilePath]) -> list[RawFrame]:
    """Pairs the files of all of a scene's recordings, one recording after the other.

    Raises:
        DataError: as `pair_by_time` does.
    """
    return [pair for folder in folders for pair in pair_by_time(folder)]


def read_raw_depth(path: FilePath) -> UInt16[np.ndarray, "480 640"]:
    """Reads a depth file of the dump: a PGM whose bytes are in the wrong order.

    Returns:
        The Kinect's numbers, 0 to 2047.

    Raises:
        DataError: the file is missing, damaged, cut short, of another size, or has numbers above
            2047, as one has that another program wrote in the right order.
    """
    content = read_bytes(path, _PGM)
    header = _PGM_HEADER.match(content)
    if header is None:
        raise DataError(
            f"cannot read {path} as {_PGM}: it does not begin with a PGM header (P5); unpack the "
            "file again"
        )
    width, height, maximum = map(int, header.groups())
    if (height, width) != SIZE or not 255 < maximum < 65536:
        raise DataError(
            f"{path}: raw depth must be {SIZE[0]}x{SIZE[1]} (height x width) of 16 bits, got "
            f"{height}x{width} with the maximum {maximum}; take the dump's original file"
        )
    pixels = content[header.end() :]
    if len(pixels) != 2 * height * width:
        raise DataError(
            f"{path}: {2 * height * width} bytes must follow the PGM header, got {len(pixels)}; "
            "the file is cut short or damaged: unpack it again"
        )
    raw = np.frombuffer(pixels, "<u2").reshape(SIZE)  # a proper PGM would have ">u2"
    if raw.max() > NO_READING:
        raise DataError(
            f"{path}: raw depth must be at most {NO_READING} after swapping bytes, got "
            f"{raw.max()}; the file is damaged or another program has rewritten it: take the "
            "dump's original"
        )
    return raw.astype(np.uint16)


def read_raw_frame(frame: RawFrame) -> Frame:
    """Reads a pair of files, takes out the lenses' distortion and projects depth into the image.

    Args:
        frame: from `pair_by_time`.

    Returns:
        Image and depth of 480x640; depth has holes and an empty border, see
        `jaxdepth.data.readers.nyu_camera`.

    Raises:
        DataError: a file is missing, damaged or of another form or size.
    """
    image = read_image(frame.color)
    if image.shape[:2] != SIZE:
        raise DataError(
            f"{frame.color}: an image must be {SIZE[0]}x{SIZE[1]} (height x width), got "
            f"{image.shape[0]}x{image.shape[1]}; take the dump's original file"
        )
    folder = frame.depth.parent.name
    return Frame(
        name=f"{folder}/{frame.depth.stem}",
        file=f"{folder}/{frame.color.name}",
        scene=scene_of_folder(folder),
        image=undistort_image(image),
        depth=project_raw_depth(read_raw_depth(frame.depth)),
        intrinsics=COLOR.intrinsics,
    )


def sample_evenly(frames: Mapping[str, int], budget: int) -> dict[str, list[int]]:
    """Spreads a number of frames evenly over scenes, and evenly in time within each.

    No two scenes' shares differ by more than one, but that a scene without enough frames gives all
    it has. Papers train on 120,000 or 220,000 frames of the 249 training scenes chosen so.

    Args:
        frames: how many frames each scene has.
        budget: how many to take.

    Returns:
        For each scene, the ascending indices of the frames taken; all, if the budget is larger
        than all there are.

    Raises:
        ValueError: the budget is not positive.
    """
    if budget < 1:
        raise ValueError(f"budget must be a positive number of frames, got {budget}.")
    shares = _even_shares(list(frames.values()), budget)
    return {
        scene: [(2 * i + 1) * count // (2 * share) for i in range(share)]
        for (scene, count), share in zip(frames.items(), shares, strict=True)
    }


def _even_shares(counts: Sequence[int], budget: int) -> list[int]:
    shares = [0] * len(counts)
    left = min(budget, sum(counts))
    # From the smallest scene on: what it cannot give, the larger ones share.
    order = sorted(range(len(counts)), key=lambda i: counts[i])
    for position, i in enumerate(order):
        shares[i] = min(counts[i], left // (len(counts) - position))
        left -= shares[i]
    return shares


def _subfolders(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:  # it tells folders from thousands of files without a look
        return sorted(
            Path(entry.path)
            for entry in entries
            if entry.is_dir(follow_symlinks=False)
            or (entry.is_symlink() and os.path.isdir(entry))  # not a link to itself
        )
