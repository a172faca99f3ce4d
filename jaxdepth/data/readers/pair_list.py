"""A user's own pairs of image and depth, listed in CSV or JSON lines."""

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

from jaxdepth.data.images import FilePath, read_ground_truth, read_image
from jaxdepth.data.readers.damage import damage_named, read_bytes
from jaxdepth.data.readers.frame import Frame, Intrinsics, check_sizes
from jaxdepth.errors import DataError

_CAMERA = Intrinsics._fields
KEYS = ("image", "depth", "split", "scene", *_CAMERA)
"""What a list may tell of a pair; the first two it must."""


class ListedPair(NamedTuple):
    """A row of a list, or a pair that was found without one.

    Attributes:
        name: the image's path as listed, with "/" and without suffix; unique in the list.
        image: the image file.
        depth: the depth file.
        split: the split it belongs to, "" if the list does not tell.
        scene: the scene it shows, "" if the list does not tell.
        intrinsics: of the camera, None if the list does not tell.
        place: the list and the line, for errors; "" without a list.
    """

    name: str
    image: Path
    depth: Path
    split: str
    scene: str
    intrinsics: Intrinsics | None = None
    place: str = ""


def read_list(path: FilePath) -> list[ListedPair]:
    """Reads a list of pairs.

    A `.csv` file begins with a line that names its columns; a `.jsonl` file has one object a line.
    Each row has `image` and `depth`, paths from the list's own folder on, and optionally `split`,
    `scene` and the intrinsics `fx`, `fy`, `cx`, `cy` (pixels, the centre of the top left pixel is
    (0, 0); all four or none). An empty field is one that is not there.

    Args:
        path: the list, UTF-8.

    Returns:
        The rows in the file's order, at least one. Whether the files exist is not looked at.

    Raises:
        DataError: the list is missing, damaged, empty or of another suffix, or a row lacks a path,
            has a key or value that it should not, or names an image that was named before.
    """
    path = Path(path)
    pairs: dict[str, ListedPair] = {}
    for line, row in _rows(path):
        pair = _pair(path, line, row)
        if pair.name in pairs:
            raise DataError(
                f"{pair.place}: each image may be listed once, {pair.name} is in "
                f"{pairs[pair.name].place}, too, up to the suffix; delete or rename one"
            )
        pairs[pair.name] = pair
    if not pairs:
        raise DataError(f"{path} must list at least one pair and lists none; add rows to it")
    return list(pairs.values())


def read_listed_pair(
    pair: ListedPair,
    *,
    depth_scale: float | int,
    depth_invalid_values: Sequence[float | int] = (),
) -> Frame:
    """Reads the two files of a row.

    Args:
        pair: from `read_list`, or found otherwise.
        depth_scale: file units of the depth in a metre: 1000 for millimetres, 1 for metres.
        depth_invalid_values: values of the depth files that mean "no measurement", beside 0.

    Returns:
        Image and depth of one size.

    Raises:
        DataError: a file is missing, damaged or of another form, the depth has no measurement, or
            the sizes differ; the message names the list's line, too.
        ConfigError: the scale is not positive and finite.
    """
    try:
        image = read_image(pair.image)
        depth = read_ground_truth(
            pair.depth, scale=depth_scale, invalid_values=depth_invalid_values
        )
        check_sizes(pair.image, image, pair.depth, depth)
    except DataError as error:
        raise DataError(": ".join(filter(None, [pair.place, str(error)]))) from error
    return Frame(
        name=pair.name,
        file=pair.image.name,
        scene=pair.scene,
        image=image,
        depth=depth,
        intrinsics=pair.intrinsics,
    )


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line numbers and rows; blank lines are left out."""
    formats = {".csv": _csv_rows, ".jsonl": _json_rows}
    if path.suffix.lower() not in formats:
        raise DataError(
            f"{path}: a list of pairs must be named *.csv or *.jsonl (JSON lines); rename it to "
            "what it is"
        )
    content = read_bytes(path, "a list of pairs")
    with damage_named(path, "a list of pairs"):
        text = content.decode("utf-8-sig")
    return formats[path.suffix.lower()](path, text)


def _csv_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    header = None
    while True:
        try:
            fields = [field.strip() for field in next(reader)]
        except StopIteration:
            return
        except csv.Error as error:
            raise DataError(f"{path}, line {reader.line_num}: it is no CSV ({error})") from error
        if not any(fields):
            continue
        if header is None:
            header = fields
            _check_header(path, reader.line_num, header)
        elif len(fields) != len(header):
            raise DataError(
                f"{path}, line {reader.line_num}: a row must have {len(header)} fields as the "
                f"first line has, got {len(fields)}; put a path with a comma in it in quotes"
            )
        else:
            yield reader.line_num, dict(zip(header, fields, strict=True))


def _check_header(path: Path, line: int, header: list[str]) -> None:
    if not {"image", "depth"} <= set(header) or len(set(header)) != len(header):
        raise DataError(
            f"{path}, line {line}: the first line must name the columns, image and depth among "
            f"them and each once, got {','.join(header)[:80]!r}; choose from {', '.join(KEYS)}"
        )


def _json_rows(path: Path, text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path}, line {number}: it is no JSON ({error})") from error
        if not isinstance(row, dict):
            raise DataError(
                f'{path}, line {number}: a line must be an object such as {{"image": "a.jpg", '
                f'"depth": "a.png"}}, got {line[:80]!r}'
            )
        yield number, {key: value for key, value in row.items() if value is not None}


def _pair(path: Path, line: int, row: dict[str, Any]) -> ListedPair:
    place = f"{path}, line {line}"
    if unknown := row.keys() - KEYS:
        raise DataError(
            f"{place}: there is no key {min(unknown)!r}; choose from {', '.join(KEYS)}, and "
            "leave out what else you keep"
        )
    texts = {key: row.get(key, "") for key in ("image", "depth", "split", "scene")}
    for key, text in texts.items():
        if not isinstance(text, str) or not _is_plain(text):
            raise DataError(f"{place}: {key} must be a text of one line, got {text!r}")
    for key in ("image", "depth"):
        if not PurePosixPath(texts[key]).name:
            raise DataError(
                f"{place}: {key} must be the path of a file from the list's folder on, got "
                f"{texts[key]!r}"
            )
    return ListedPair(
        name=PurePosixPath(texts["image"]).with_suffix("").as_posix(),
        image=path.parent / texts["image"],
        depth=path.parent / texts["depth"],
        split=texts["split"],
        scene=texts["scene"],
        intrinsics=_intrinsics(place, row),
        place=place,
    )


def _is_plain(text: str) -> bool:
    """Whether it can be a file's name: no control characters, no halves of UTF-16 pairs."""
    return not any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in text)


def _intrinsics(place: str, row: dict[str, Any]) -> Intrinsics | None:
    given = [row.get(key, "") for key in _CAMERA]
    if given == [""] * 4:
        return None
    try:
        numbers = [math.nan if isinstance(value, bool) else float(value) for value in given]
    except (TypeError, ValueError, OverflowError):
        numbers = [math.nan] * 4
    if not all(math.isfinite(number) for number in numbers) or min(numbers[:2]) <= 0:
        raise DataError(
            f"{place}: fx, fy, cx and cy must be four numbers of pixels, the first two positive, "
            f"or none of them be given, got {given}"
        )
    return Intrinsics(*numbers)
