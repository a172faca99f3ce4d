"""Any folder of images and depth maps."""

import functools
import hashlib
import math
import os
from pathlib import Path

from jaxdepth.data.prepare.pattern import find_by_pattern
from jaxdepth.data.prepare.plan import Dataset, Item, Option, Plan
from jaxdepth.data.readers.damage import read_lines
from jaxdepth.data.readers.pair_list import ListedPair, read_list, read_listed_pair
from jaxdepth.errors import ConfigError, DataError


def choose_splits(
    listed: list[ListedPair], *, validation: str = "", test: str = ""
) -> dict[str, list[ListedPair]]:
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
    splits: dict[str, list[ListedPair]] = {}
    for pair in listed:
        splits.setdefault(pair.split or "train", []).append(pair)
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
        splits[split] = [pair for pair in train if pair.name in taken]
        splits["train"] = [pair for pair in train if pair.name not in taken]
    return splits


def _plan(
    source: Path,
    *,
    verify: bool,
    pairs: str,
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
    listed = read_list(source / pairs) if pairs else find_by_pattern(source, image, depth)
    known = sum(pair.intrinsics is not None for pair in listed)
    if known not in (0, len(listed)):
        raise DataError(f"{source / pairs} must have fx, fy, cx, cy for all of its pairs or none")
    splits = choose_splits(listed, validation=validation, test=test)
    units = {"depth_scale": depth_scale, "depth_invalid_values": tuple(invalid_values)}
    return Plan(
        {
            split: [
                Item(
                    pair.name,
                    functools.partial(read_listed_pair, pair, **units),
                    (pair.image, pair.depth),
                    pair.image,
                )
                for pair in chosen
            ]
            for split, chosen in splits.items()
        },
        facts={
            "depth_scale": depth_scale,
            "invalid": invalid,
            "pairs": _digest(source, listed),
        },
        intrinsics=known > 0,
    )


def _digest(source: Path, listed: list[ListedPair]) -> str:
    """Eight digits of what is known of the pairs, wherever the source is."""
    known = [
        (pair.name, os.path.relpath(pair.depth, source), pair.split, pair.scene, pair.intrinsics)
        for pair in listed
    ]
    return hashlib.sha256(repr(known).encode()).hexdigest()[:8]


def _fraction(split: str, train: list[ListedPair], fraction: float, total: int) -> set[str]:
    """The names of the pairs of some scenes, about so many of all."""
    if not 0 < fraction < 1:
        raise ConfigError(f"--{split} must be a fraction between 0 and 1 or a file, got {fraction}")
    groups: dict[str, list[str]] = {}
    for pair in train:
        groups.setdefault(pair.scene or pair.name, []).append(pair.name)
    taken: set[str] = set()
    for group in sorted(groups, key=lambda g: hashlib.sha256(g.encode()).digest()):
        if len(taken) + len(groups[group]) / 2 > fraction * total:
            break
        taken.update(groups[group])
    return taken


def _named_in(path: str, train: list[ListedPair]) -> set[str]:
    names = {
        name: pair.name for pair in train for name in (pair.name, pair.name + pair.image.suffix)
    }
    taken = set()
    for number, line in enumerate(read_lines(path, "a list of images"), 1):
        if line and line not in names:
            raise DataError(f"{path}, line {number}: {line[:80]!r} is no image of the dataset")
        taken.update([names[line]] if line else [])
    return taken


OWN_FILES = Dataset(
    name="",
    splits="as you say",
    source="any folder of images and depth maps, paired by name or by a list",
    example="--source=DIR --image={split}/rgb/{name}.jpg --depth={split}/depth/{name}.png "
    "--depth_scale=1000",
    training="--config=configs/folder.py:NAME",
    plan=_plan,
    options=(
        Option("image", "paths of images: {name}, and perhaps {split} and {scene}", ""),
        Option("depth", "paths of their depth maps, with the same fields", ""),
        Option(
            "pairs",
            "instead: a list, *.csv or *.jsonl, in the source; image and depth are paths from the "
            "list's own folder on, and it may have split, scene, and fx, fy, cx, cy",
            "",
        ),
        Option("depth_scale", "units of the depth files in a metre: 1000 for mm", kind=float),
        Option(
            "invalid",
            "values of the depth files, joined by commas, that mean no measurement, beside 0",
            "",
        ),
        Option("validation", "fraction of the frames, or file that names them", ""),
        Option("test", "fraction of the frames, or file that names them", ""),
    ),
    holes=True,
)
"""Files of one's own; the name is free."""
