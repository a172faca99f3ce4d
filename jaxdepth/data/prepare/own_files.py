"""Any folder of images and depth maps: pairs by file-name pattern, or by a list."""

import csv
import functools
import hashlib
import json
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from jaxdepth.data.images import FilePath, read_ground_truth, read_image
from jaxdepth.data.prepare.plan import Dataset, Item, Option, Plan
from jaxdepth.data.readers.damage import read_lines
from jaxdepth.data.readers.frame import Frame, Intrinsics, check_sizes
from jaxdepth.errors import ConfigError, DataError

_CAMERA = Intrinsics._fields


class Listed(NamedTuple):
    """An image and its depth map, below a folder, with what is known of them."""

    image: str
    depth: str
    split: str = "train"
    scene: str = ""
    intrinsics: Intrinsics | None = None


def read_pair(
    folder: FilePath, listed: Listed, *, scale: float, invalid_values: Sequence[float] = ()
) -> Frame:
    """Reads an image and its depth map.

    Args:
        folder: what the paths are below.
        listed: the files.
        scale: file units of the depth map in a metre.
        invalid_values: values of the file that mean "no measurement", beside 0.

    Raises:
        DataError: a file is missing, damaged or of another form, the depth has no measurement, or
            the sizes differ.
    """
    image_file, depth_file = Path(folder, listed.image), Path(folder, listed.depth)
    image = read_image(image_file)
    depth = read_ground_truth(depth_file, scale=scale, invalid_values=invalid_values)
    check_sizes(image_file, image, depth_file, depth)
    return Frame(
        name=_name(listed.image),
        file=listed.image,
        scene=listed.scene,
        image=image,
        depth=depth,
        intrinsics=listed.intrinsics,
    )


def find_by_pattern(folder: FilePath, image: str, depth: str) -> list[Listed]:
    """Pairs the files of a folder by their names.

    Args:
        folder: what the patterns are below.
        image: a path with `{name}`, which may span folders, and perhaps `{split}` and `{scene}`,
            which are one folder's or a part of its name: `"{split}/rgb/{name}.jpg"`.
        depth: the same for depth maps: `"{split}/depth/{name}.png"`.

    Returns:
        Sorted by the images' paths. Depth files are not looked for.

    Raises:
        ConfigError: a pattern lacks {name}, or the depth's has a field that the image's lacks.
        DataError: the folder is missing or no file has such a path.
    """
    fields = re.findall(r"\{(\w*)\}", image)
    unknown = {*fields, *re.findall(r"\{(\w*)\}", depth)} - {"name", "split", "scene"}
    without = set(re.findall(r"\{(\w*)\}", depth)) - set(fields)
    if unknown or without or "name" not in fields or len(set(fields)) < len(fields):
        raise ConfigError(
            "--image and --depth must be paths with {name}, once, and perhaps {split} and {scene}, "
            f"those of --depth being in --image too; got {image!r} and {depth!r}"
        )
    parts = re.split(r"\{(\w+)\}", image)
    for i in range(0, len(parts), 2):
        parts[i] = re.escape(parts[i])
    for i in range(1, len(parts), 2):
        parts[i] = f"(?P<{parts[i]}>{'.+' if parts[i] == 'name' else '[^/]+'})"
    pattern = re.compile("".join(parts))
    found = []
    for path in _files_below(Path(folder)):
        if match := pattern.fullmatch(path):
            groups = match.groupdict()
            named = {key: groups[key] for key in ("split", "scene") if key in groups}
            found.append(Listed(path, depth.format(**groups), **named))
    if not found:
        raise DataError(f"{folder} must have images at {image} and has none; check --image")
    return found


def read_pair_list(path: FilePath) -> list[Listed]:
    """Reads a CSV file with a header, or JSON lines (suffix `.jsonl`): one pair each.

    Columns are image and depth (paths), and perhaps split, scene, and fx, fy, cx, cy (pixels).

    Raises:
        DataError: the file is missing or no such list; the line is named.
    """
    lines = read_lines(path, "a list of pairs")
    if Path(path).suffix.lower() == ".jsonl":
        rows = [(i, _from_json(path, i, line)) for i, line in enumerate(lines, 1) if line]
    else:
        rows = list(enumerate(csv.DictReader(lines, skipinitialspace=True), 2))
    if not rows:
        raise DataError(f"{path} must list pairs and lists none")
    return [_listed(path, number, row) for number, row in rows]


def choose_splits(
    listed: list[Listed], *, validation: str = "", test: str = ""
) -> dict[str, list[Listed]]:
    """Sorts pairs into splits; `validation` and `test` take theirs out of the training split.

    Args:
        listed: pairs.
        validation, test: a fraction between 0 and 1, or a file that names images, one a line, with
            or without suffix. A fraction takes whole scenes, where there are any: which, depends on
            their names alone.

    Raises:
        ConfigError: a fraction is not between 0 and 1.
        DataError: a file names an image that is not there.
    """
    splits: dict[str, list[Listed]] = {}
    for pair in listed:
        splits.setdefault(pair.split, []).append(pair)
    for split, wanted in (("validation", validation), ("test", test)):
        if not wanted:
            continue
        if split in splits:
            raise ConfigError(f"--{split} must not be given where the files have such a split")
        train = splits.get("train", [])
        try:
            fraction = float(wanted)
        except ValueError:
            taken = _named_in(wanted, train)
        else:
            taken = _fraction(split, train, fraction, len(listed))
        splits[split] = [pair for pair in train if pair.image in taken]
        splits["train"] = [pair for pair in train if pair.image not in taken]
    return splits


def _plan(
    source: Path,
    *,
    verify: bool,
    pairs: Path | None,
    image: str,
    depth: str,
    depth_scale: float | None,
    invalid: str,
    validation: str,
    test: str,
) -> Plan:
    del verify  # nothing is published of these files
    if bool(pairs) == bool(image or depth) or bool(image) != bool(depth):
        raise ConfigError("files of your own need --pairs=FILE, or both --image and --depth")
    if depth_scale is None or not 0 < depth_scale < math.inf:
        raise ConfigError(
            "--depth_scale must be the number of the depth files' units in a metre, such as 1000 "
            f"for millimetres, got {depth_scale}"
        )
    try:
        invalid_values = [float(value) for value in invalid.split(",") if value]
    except ValueError as error:
        raise ConfigError(f"--invalid must be numbers joined by commas, got {invalid!r}") from error
    listed = read_pair_list(pairs) if pairs else find_by_pattern(source, image, depth)
    known = sum(pair.intrinsics is not None for pair in listed)
    if known not in (0, len(listed)):
        raise DataError(f"{pairs} must have fx, fy, cx, cy for all of its pairs or none")
    splits = choose_splits(listed, validation=validation, test=test)
    read = functools.partial(read_pair, scale=depth_scale, invalid_values=tuple(invalid_values))
    return Plan(
        {
            split: [_item(source, pair, functools.partial(read, source, pair)) for pair in chosen]
            for split, chosen in splits.items()
        },
        facts={
            "depth_scale": depth_scale,
            "invalid": invalid,
            "pairs": hashlib.sha256(repr(listed).encode()).hexdigest()[:8],
        },
        intrinsics=known > 0,
    )


def _item(source: Path, pair: Listed, read: functools.partial) -> Item:
    files = (Path(source, pair.image), Path(source, pair.depth))
    return Item(_name(pair.image), read, files, files[0])


def _name(image: str) -> str:
    return PurePosixPath(image).with_suffix("").as_posix()


def _files_below(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; check --source")
    return sorted(
        Path(directory, name).relative_to(folder).as_posix()
        for directory, _, names in os.walk(folder, followlinks=True)
        for name in names
    )


def _from_json(path: FilePath, number: int, line: str) -> dict:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, line {number}: must be JSON: {error}") from error
    if not isinstance(row, dict):
        raise DataError(f"{path}, line {number}: must be a JSON object, got {line[:80]!r}")
    return row


def _listed(path: FilePath, number: int, row: dict) -> Listed:
    texts = {key: row.get(key) or "" for key in ("image", "depth", "split", "scene")}
    if (
        not texts["image"]
        or not texts["depth"]
        or not all(isinstance(v, str) for v in texts.values())
    ):
        raise DataError(
            f"{path}, line {number}: image and depth must be paths, got {texts['image']!r} and "
            f"{texts['depth']!r}; a CSV file begins with a line that names its columns"
        )
    camera = [row.get(key) for key in _CAMERA]
    if any(value not in (None, "") for value in camera):
        try:
            intrinsics = Intrinsics(*map(float, camera))
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{path}, line {number}: fx, fy, cx, cy must be numbers, got {camera}"
            ) from error
    else:
        intrinsics = None
    return Listed(**texts | {"split": texts["split"] or "train"}, intrinsics=intrinsics)


def _fraction(split: str, train: list[Listed], fraction: float, total: int) -> set[str]:
    """The images of some scenes, about so many of all."""
    if not 0 < fraction < 1:
        raise ConfigError(f"--{split} must be a fraction between 0 and 1 or a file, got {fraction}")
    groups: dict[str, list[str]] = {}
    for pair in train:
        groups.setdefault(pair.scene or pair.image, []).append(pair.image)
    taken: set[str] = set()
    for group in sorted(groups, key=lambda g: hashlib.sha256(g.encode()).digest()):
        if len(taken) + len(groups[group]) / 2 > fraction * total:
            break
        taken.update(groups[group])
    return taken


def _named_in(path: str, train: list[Listed]) -> set[str]:
    images = {name: pair.image for pair in train for name in (pair.image, _name(pair.image))}
    taken = set()
    for number, line in enumerate(read_lines(path, "a list of images"), 1):
        if line and line not in images:
            raise DataError(f"{path}, line {number}: {line[:80]!r} is no image of the dataset")
        taken.update([images[line]] if line else [])
    return taken


OWN_FILES = Dataset(
    name="",
    splits="as you say",
    source="any folder of images and depth maps, paired by name or by --pairs=FILE",
    example="--source=DIR --image={split}/rgb/{name}.jpg --depth={split}/depth/{name}.png "
    "--depth_scale=1000",
    plan=_plan,
    options=(
        Option("image", "paths of images: {name}, and perhaps {split} and {scene}", ""),
        Option("depth", "paths of their depth maps, with the same fields", ""),
        Option(
            "pairs",
            "CSV file or JSON lines of image, depth, and perhaps split, scene, fx, fy, cx, cy",
            kind=Path,
        ),
        Option("depth_scale", "units of the depth files in a metre: 1000 for mm", kind=float),
        Option("invalid", "values of the depth files that mean no measurement, beside 0", ""),
        Option("validation", "fraction of the frames, or file that names them", ""),
        Option("test", "fraction of the frames, or file that names them", ""),
    ),
)
"""Files of one's own; the name is free."""
