"""Which images and depth maps belong together: by file-name pattern, or by a list."""

import csv
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from jaxdepth.data.images import FilePath
from jaxdepth.data.readers.damage import damage_named, read_lines
from jaxdepth.data.readers.frame import Intrinsics
from jaxdepth.errors import ConfigError, DataError

_CAMERA = Intrinsics._fields
_FIELD = re.compile(r"\{(\w*)\}")


class Listed(NamedTuple):
    """An image and its depth map, below a folder, with what is known of them."""

    image: str
    depth: str
    split: str = "train"
    scene: str = ""
    intrinsics: Intrinsics | None = None


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
        ConfigError: a pattern lacks {name} or has another field, or the depth's has a field that
            the image's lacks.
        DataError: the folder is missing or no file has such a path.
    """
    fields, used = _FIELD.findall(image), set(_FIELD.findall(depth))
    known = set(fields) <= {"name", "split", "scene"} and used <= set(fields)
    if not known or "name" not in used or len(set(fields)) < len(fields):
        raise ConfigError(
            "--image and --depth must be paths with {name}, once, and perhaps {split} and {scene}, "
            f"those of --depth being in --image too; got {image!r} and {depth!r}"
        )
    parts = _FIELD.split(image)  # texts and fields in turn
    for i, part in enumerate(parts):
        any_text = ".+" if part == "name" else "[^/]+"
        parts[i] = f"(?P<{part}>{any_text})" if i % 2 else re.escape(part)
    pattern = re.compile("".join(parts))
    partner = _FIELD.sub(r"\\g<\1>", depth.replace("\\", r"\\"))
    found = []
    for path in sorted(_files_below(Path(folder))):
        if match := pattern.fullmatch(path):
            told = {key: match[key] for key in ("split", "scene") if key in fields}
            found.append(Listed(path, match.expand(partner), **told))
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
        with damage_named(path, "a list of pairs"):
            rows = list(enumerate(csv.DictReader(lines, skipinitialspace=True), 2))
    if not rows:
        raise DataError(f"{path} must list pairs and lists none")
    return [_listed(path, number, row) for number, row in rows]


def _files_below(folder: Path) -> Iterator[str]:
    """Paths below a folder, but for hidden ones."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; check --source")
    for directory, subfolders, names in os.walk(folder, followlinks=True):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield Path(directory, name).relative_to(folder).as_posix()


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
