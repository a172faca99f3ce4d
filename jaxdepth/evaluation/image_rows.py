"""Per-image results as text: what they are of, and a CSV line for each image and map.

The first line of a file is `# ` and JSON, the second one names the columns. A line holds the sums
that every metric is computed from, not the metrics: pooled and averaged tables, and any statistic
over images, follow from it to the last digit.
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
from jaxdepth.evaluation.scores import ImageScore, Scores, image_score, total
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

    def __str__(self) -> str:
        """The first two lines, with the protocol in words, as a hash, and field by field."""
        header = {
            "protocol": str(self.protocol),
            "protocol_hash": self.protocol.fingerprint,
            "rules": rules(self.protocol),
            "maps": self.maps,
            "images": self.images,
            "edges": self.edges,
            "about": self.about,
        }
        return f"# {json.dumps(header, ensure_ascii=False)}\n{','.join(self.columns)}\n"

    @classmethod
    def parse(cls, text: str) -> "Header":
        """Reads the header of the text of a file; one without is a `ValueError`."""
        try:
            fields = json.loads(text.partition("\n")[0].removeprefix("# "))
            protocol = Protocol.from_rules(fields["rules"])
            maps, about = tuple(fields["maps"]), fields["about"]
            header = cls(protocol, maps, fields["images"], fields["edges"], about)
        except (KeyError, TypeError) as error:
            raise ValueError(f"its header lacks something: {error}") from error
        if not text.startswith(str(header)):
            raise ValueError("its columns are not those that its header says")
        return header

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


def parse_results(text: str) -> tuple[Header, dict[str, list[ImageScore]], int]:
    """The header of a file's text, and the scores of the images that have all their lines.

    What follows the first torn or damaged line counts as not there.

    Returns:
        The header, label → scores of the images in order, and how much of the text is sound.

    Raises:
        ValueError: the text has no header.
    """
    header = Header.parse(text)
    used = len(str(header))
    images: dict[str, list[ImageScore]] = {label: [] for label in header.maps}
    whole = [f"{line}\n" for line in text[used:].split("\n")[:-1]]
    count = len(header.maps)
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
    return header, images, used


def read_results(file: Path) -> tuple[Header, dict[str, Scores]]:
    """The scores of an evaluation from its file of per-image results, to the digits of its table.

    Args:
        file: the CSV file.

    Returns:
        The header, and the scores of each map by label.

    Raises:
        DataError: the file cannot be read, or has fewer images than its header says.
    """
    try:
        header, images, _ = parse_results(file.read_text())
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is no file of per-image results: {error}") from error
    done = len(images[header.maps[0]])
    if done != header.images:
        raise DataError(
            f"{file} has sound results of {done} of {header.images} images: evaluate again."
        )
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
