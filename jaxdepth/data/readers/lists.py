"""Text files that list the frames or scenes of a split."""

import math
from collections.abc import Callable
from typing import NamedTuple

from jaxdepth.data.images import FilePath
from jaxdepth.data.readers.damage import read_lines
from jaxdepth.errors import DataError


class ListedFrame(NamedTuple):
    """A line of a list.

    Attributes:
        image: the image's path below the dataset's folder, with "/".
        depth: the depth's path below the ground truth's folder, None where there is none.
        focal: focal length of the image, pixels; None if the list does not tell.
    """

    image: str
    depth: str | None
    focal: float | None = None


def read_frame_list(path: FilePath, *, count: int | None = None) -> list[ListedFrame]:
    """Reads a list of `image depth focal` lines, the form BTS introduced for NYU and for KITTI.

    A leading "/" of a path is dropped, and `None` stands for a frame without ground truth. NYU has
    24,231 training and 654 test frames in this form, KITTI's Eigen split 23,158 and 697, of which
    652 have ground truth (lists of cleinc/bts, `train_test_inputs`).

    Args:
        path: the text file.
        count: how many lines it must have, None for any number.

    Returns:
        The frames in the file's order.

    Raises:
        DataError: the file is missing, empty or no text, a line has another form, names a file
            outside the dataset's folder or one that was named before, or the count is another.
    """
    return _read_frames(path, count, _frame)


def read_densedepth_list(path: FilePath, *, count: int | None = None) -> list[ListedFrame]:
    """Reads a list of `image,depth` lines, the form of DenseDepth for NYU.

    The paths begin with the folder that holds the list, as in `data/nyu2_train.csv`:
    `data/nyu2_train/living_room_0038_out/37.jpg`. There are 50,688 training and 654 test frames.

    Args:
        path: the text file.
        count: how many lines it must have, None for any number.

    Returns:
        The frames in the file's order.

    Raises:
        DataError: as `read_frame_list`.
    """
    return _read_frames(path, count, _densedepth_frame)


def _read_frames(
    path: FilePath, count: int | None, parse: Callable[[FilePath, int, str], ListedFrame]
) -> list[ListedFrame]:
    frames: list[ListedFrame] = []
    seen: dict[str, int] = {}
    for number, line in enumerate(read_lines(path, "a list of frames"), 1):
        if not line:
            continue
        frame = parse(path, number, line)
        if frame.image in seen:
            raise DataError(
                f"{path}, lines {seen[frame.image]} and {number}: each image may be listed once, "
                f"{frame.image} is twice; delete one line"
            )
        seen[frame.image] = number
        frames.append(frame)
    _check_count(path, len(frames), count)
    return frames


def read_scene_list(path: FilePath, *, count: int | None = None) -> list[str]:
    """Reads a list of scene names, one a line; NYU's training scenes are 249.

    Args:
        path: the text file.
        count: how many scenes it must have, None for any number.

    Raises:
        DataError: the file is missing, empty or no text, a line is no name of a folder or was there
            before, or the count is another.
    """
    scenes: dict[str, int] = {}
    for number, line in enumerate(read_lines(path, "a list of scenes"), 1):
        if not line:
            continue
        if "/" in line or line in (".", "..") or " " in line or not line.isprintable():
            raise DataError(
                f"{path}, line {number}: a line must be the name of one scene, got {line[:80]!r}"
            )
        if line in scenes:
            raise DataError(
                f"{path}, lines {scenes[line]} and {number}: each scene may be listed once, {line} "
                "is twice; delete one line"
            )
        scenes[line] = number
    _check_count(path, len(scenes), count)
    return list(scenes)


def scene_of_folder(folder: str) -> str:
    """NYU's scene of a recording: `"kitchen_0028b"` is a part of `"kitchen_0028"`."""
    return folder[:-1] if folder[-2:-1].isdigit() and folder[-1:].isalpha() else folder


def _frame(path: FilePath, number: int, line: str) -> ListedFrame:
    fields = line.split()
    try:
        image, depth, focal = fields[0], fields[1], float(fields[2])
    except (IndexError, ValueError):
        focal = math.nan
    if len(fields) != 3 or not 0 < focal < math.inf:
        raise DataError(
            f"{path}, line {number}: a line must be `image depth focal-length`, the length "
            f"positive, got {line[:80]!r}"
        )
    return ListedFrame(
        _below(path, number, image), None if depth == "None" else _below(path, number, depth), focal
    )


def _densedepth_frame(path: FilePath, number: int, line: str) -> ListedFrame:
    fields = line.split(",")
    if len(fields) != 2:
        raise DataError(f"{path}, line {number}: a line must be `image,depth`, got {line[:80]!r}")
    image, depth = (_below(path, number, field) for field in fields)
    return ListedFrame(image, depth)


def _below(path: FilePath, number: int, listed: str) -> str:
    parts = [part for part in listed.split("/") if part not in ("", ".")]
    if not parts or ".." in parts or not listed.isprintable():
        raise DataError(
            f"{path}, line {number}: a file must be below the dataset's folder, got {listed[:80]!r}"
        )
    return "/".join(parts)


def _check_count(path: FilePath, found: int, count: int | None) -> None:
    if found == 0 or (count is not None and found != count):
        raise DataError(
            f"{path} must list {'something' if count is None else count} and lists {found}; copy "
            "the file here again, or pass the count you mean"
        )
