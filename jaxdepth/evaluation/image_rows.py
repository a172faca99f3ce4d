"""Per-image results as text: a CSV line for each image and map, a JSON header for all of them.

A line holds the sums that every metric is computed from, not the metrics: pooled and averaged
tables, and any statistic over images, follow from it to the last digit.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxdepth.errors import DataError
from jaxdepth.evaluation.identity import rules
from jaxdepth.evaluation.placement import Placement
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.evaluation.scoring import ImageScore, Scores, image_score, total
from jaxdepth.metrics import MetricSums

_SUMS = ("pixels", *(f"sum_{name}" for name in MetricSums._fields[1:]))
_COUNTS = frozenset({"pixels", "delta1", "delta2", "delta3"})
_FIRST = ("map", "image", "placement", "missing_pixels", "clamped_pixels")


class Header(NamedTuple):
    """What a file of per-image results is of.

    Attributes:
        protocol: the rules of all its lines.
        maps: label of each map that was scored; an image has one line for each, in this order.
        images: how many images there are once the file is complete.
        edges: whether lines have the sums near depth edges, too.
        about: whatever else decides the numbers, such as weights and data; JSON.
    """

    protocol: Protocol
    maps: tuple[str, ...]
    images: int
    edges: bool = False
    about: Mapping[str, Any] = {}

    def to_json(self) -> str:
        """With the protocol in words, as a hash, and field by field."""
        header = {
            "protocol": str(self.protocol),
            "protocol_hash": self.protocol.fingerprint,
            "rules": rules(self.protocol),
            "maps": self.maps,
            "images": self.images,
            "edges": self.edges,
            "about": self.about,
        }
        return json.dumps(header, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "Header":
        """Reads what `to_json` wrote; anything else is a `ValueError`."""
        try:
            header = json.loads(text)
            protocol = Protocol.from_rules(header["rules"])
            maps, about = tuple(header["maps"]), header["about"]
            return cls(protocol, maps, header["images"], header["edges"], about)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a header of per-image results: {error}") from error

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the CSV's columns."""
        return (*_FIRST, *_SUMS, *(f"edge_{name}" for name in _SUMS if self.edges))


def format_lines(header: Header, images: Iterable[Mapping[str, ImageScore]]) -> str:
    """The lines of images, each a score by label, in CSV with newlines."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    for scores in images:
        for label in header.maps:
            s = scores[label]
            first = (label, s.name, s.placement.name, s.missing_pixels, s.clamped_pixels)
            sums = (s.sums, s.edge_sums) if header.edges else (s.sums,)
            writer.writerow([*first, *(cell for part in sums for cell in _cells(part))])
    return text.getvalue()


def parse_lines(header: Header, text: str) -> tuple[dict[str, list[ImageScore]], int]:
    """The scores by label, of the images that have all their lines, and the length of these lines.

    What follows the first torn or damaged line counts as not there.

    Args:
        header: of the lines.
        text: CSV without the line of column names.

    Returns:
        Label → scores of the images in order, and how many characters of the text they take.
    """
    images: dict[str, list[ImageScore]] = {label: [] for label in header.maps}
    whole = [line for line in text.splitlines(keepends=True) if line.endswith("\n")]
    count, used = len(header.maps), 0
    for start in range(0, len(whole) - count + 1, count):
        group = whole[start : start + count]
        try:
            scores = [_parse(header, *pair) for pair in zip(header.maps, group, strict=True)]
        except (ValueError, KeyError, csv.Error):
            break
        if len({score.name for score in scores}) > 1:
            break
        for label, score in zip(header.maps, scores, strict=True):
            images[label].append(score)
        used += sum(map(len, group))
    return images, used


def read_results(file: Path) -> tuple[Header, dict[str, Scores]]:
    """The scores of an evaluation from its file of per-image results, to the digits of its table.

    Args:
        file: `NAME.csv`, beside its header `NAME.json`.

    Returns:
        The header, and the scores of each map by label; of as many images as the file has, which
        are fewer than the header's where the evaluation was stopped.

    Raises:
        DataError: one of the two files is missing or damaged, or has no image.
    """
    try:
        header = Header.from_json(file.with_suffix(".json").read_text())
        names, _, text = file.read_text().partition("\n")
        if names != ",".join(header.columns):
            raise ValueError("other columns than its header says")
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is no file of per-image results: {error}") from error
    images, _ = parse_lines(header, text)
    return header, {label: total(header.protocol, of) for label, of in images.items()}


def _cells(sums: MetricSums) -> list[str]:
    named = zip(MetricSums._fields, map(float, sums), strict=True)
    return [str(int(x)) if name in _COUNTS else repr(x) for name, x in named]


def _parse(header: Header, label: str, line: str) -> ImageScore:
    (cells,) = csv.reader([line])
    found, name, placement, missing, clamped, *numbers = cells
    n = len(MetricSums._fields)
    if found != label or len(numbers) != n * (1 + header.edges):
        raise ValueError(line)
    sums = MetricSums(*map(float, numbers[:n]))
    return image_score(
        header.protocol,
        name,
        sums=sums,
        placement=Placement[placement],
        missing_pixels=int(missing),
        clamped_pixels=int(clamped),
        edge_sums=MetricSums(*map(float, numbers[n:])) if header.edges else None,
    )
