"""Which images and depth maps belong together, by the pattern of their file names."""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from jaxdepth.data.images import FilePath
from jaxdepth.data.readers.pair_list import ListedPair
from jaxdepth.errors import ConfigError, DataError

_FIELD = re.compile(r"\{(\w*)\}")


def find_by_pattern(folder: FilePath, image: str, depth: str) -> list[ListedPair]:
    """Pairs the files of a folder by their names.

    Args:
        folder: what the patterns are below.
        image: a path with `{name}`, which may span folders, and perhaps `{split}` and `{scene}`,
            which are one folder's or a part of its name: `"{split}/rgb/{name}.jpg"`.
        depth: the same for depth maps: `"{split}/depth/{name}.png"`.

    Returns:
        Sorted by the images' paths. Some depth files may be missing, not all.

    Raises:
        ConfigError: a pattern lacks {name} or has another field, or the depth's has a field that
            the image's lacks.
        DataError: the folder is missing, or no file has such a path, or no image's depth map.
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
            split, scene = (match[key] if key in fields else "" for key in ("split", "scene"))
            name = PurePosixPath(path).with_suffix("").as_posix()
            files = Path(folder, path), Path(folder, match.expand(partner))
            found.append(ListedPair(name, *files, split, scene))
    if not found:
        raise DataError(f"{folder} must have images at {image} and has none; check --image")
    if not any(pair.depth.exists() for pair in found):
        raise DataError(
            f"{folder} must have depth maps at {depth} and has none for its {len(found)} images, "
            f"the first would be {found[0].depth}; check --depth"
        )
    return found


def _files_below(folder: Path) -> Iterator[str]:
    """Paths below a folder, but for hidden ones."""
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; check --source")
    for directory, subfolders, names in os.walk(folder, followlinks=True):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        for name in names:
            if not name.startswith("."):
                yield Path(directory, name).relative_to(folder).as_posix()
