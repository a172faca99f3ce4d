"""What is in a prepared dataset, and what is wrong with it."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds
from tqdm import tqdm

from jaxdepth.data.ahead import map_ahead

USUAL_DEPTH = (0.1, 200.0)
"""Metres between which the median of photographed depth is expected; else its unit is doubted."""

_MOST_PROBLEMS = 20
"""How many a report has; more say nothing more."""


class DepthSummary(NamedTuple):
    """One of a split's depth maps, over all examples that were decoded.

    Attributes:
        sizes: (height, width) → how many have it.
        nearest, farthest: of all valid depth, metres; NaN if there is none.
        valid: valid pixels, as a part of all.
        median: of the examples' medians, metres; NaN if there is none.
    """

    sizes: Counter
    nearest: float
    farthest: float
    valid: float
    median: float


class SplitSummary(NamedTuple):
    """A split.

    Attributes:
        examples: how many it has.
        decoded: how many of these were read.
        sizes: of images, (height, width) → how many have it.
        depths: by name, `"depth"` and perhaps others.
        scenes: different scenes; 0 if the dataset does not tell.
    """

    examples: int
    decoded: int
    sizes: Counter
    depths: dict[str, DepthSummary]
    scenes: int


class Report(NamedTuple):
    """All splits, and what is wrong, each in one sentence; nothing, if the dataset is good."""

    splits: dict[str, SplitSummary]
    problems: list[str]


def check_dataset(
    builder: tfds.core.DatasetBuilder, *, limit: int | None = None, progress: bool = False
) -> Report:
    """Decodes a prepared dataset and looks for what is wrong.

    Wrong are files that lack, examples that cannot be decoded, depth without a measurement,
    negative or infinite, images and depth maps of different sizes (unless the dataset says so),
    and images that two splits have.

    Args:
        builder: from `open_builder`.
        limit: how many examples of each split are decoded, evenly spread; None for all.
        progress: whether to show a progress bar.
    """
    problems: list[str] = []
    owners: dict[bytes, str] = {}
    one_size = (builder.info.metadata or {}).get("one_size", True)
    summaries = {}
    for split, info in builder.info.splits.items():
        try:
            records = builder.as_data_source(split=split)
            examples = len(records)
        except Exception as error:  # files that are missing or damaged raise many kinds
            problems.append(f"{split} cannot be opened: {error}")
            continue
        if examples != info.num_examples:
            problems.append(f"{split} must have {info.num_examples} examples, got {examples}")
        count = min(examples, limit or examples)
        indices = [i * examples // count for i in range(count)]
        tally = _Tally()
        bar = tqdm(_decoded(records, indices), f"Checking {split}", count, disable=not progress)
        for index, record in bar:
            where = f"{split}[{index}]"
            if isinstance(record, Exception):
                problems.append(f"{where} cannot be decoded: {record}")
                continue
            problems += [f"{where} {problem}" for problem in tally.add(record, one_size=one_size)]
            digest = hashlib.md5(record["image"].tobytes()).digest()
            owner = owners.setdefault(digest, where)
            if owner.partition("[")[0] != split:
                problems.append(f"{where} has the image of {owner}: splits must not share any")
        summaries[split] = tally.summary(examples)
    return Report(summaries, problems)


def format_report(report: Report) -> str:
    """The report as text: a table of splits, and what is wrong."""
    rows = [("split", "examples", "image", "depth", "", "range in m", "valid", "scenes")]
    for split, summary in report.splits.items():
        for i, (name, depth) in enumerate(summary.depths.items()):
            first = (split, _count(summary), _sizes(summary.sizes)) if i == 0 else ("", "", "")
            metres = f"{_metres(depth.nearest)}–{_metres(depth.farthest)}"
            scenes = str(summary.scenes or "–") if i == 0 else ""
            sizes = _sizes(depth.sizes)
            rows.append((*first, name, sizes, metres, f"{100 * depth.valid:.1f} %", scenes))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    more = len(report.problems) - _MOST_PROBLEMS
    lines += [f"wrong: {problem}" for problem in report.problems[:_MOST_PROBLEMS]]
    return "\n".join(lines + ([f"wrong: {more} more like these"] if more > 0 else []))


def scale_warning(report: Report) -> str:
    """One sentence if a split's median depth is beyond `USUAL_DEPTH`; else ""."""
    least, most = USUAL_DEPTH
    for split, summary in report.splits.items():
        for name, depth in summary.depths.items():
            if depth.median < least or depth.median > most:
                return (
                    f"warning: {split} has {name} with a median of {_metres(depth.median)} m, "
                    f"where {least:g} to {most:g} m is usual; was it prepared by the right unit "
                    "(--depth_scale)? If not, delete the dataset and prepare it again"
                )
    return ""


def depth_names(features: Iterable[str]) -> list[str]:
    """Which of an example's features are depth maps: `"depth"`, and others beside it."""
    return [name for name in features if name.startswith("depth")]


class _Tally:
    def __init__(self):
        self._decoded = 0
        self._sizes: Counter = Counter()
        self._scenes: set = set()
        self._depths: dict[str, dict] = {}

    def add(self, record: Mapping[str, Any], *, one_size: bool) -> Iterator[str]:
        """Counts an example; yields what is wrong with it."""
        size = record["image"].shape[:2]
        self._decoded += 1
        self._sizes[size] += 1
        self._scenes.update({record["scene"]} - {b""} if "scene" in record else ())
        for name in depth_names(record):
            depth = np.asarray(record[name], np.float32)
            if not (np.isfinite(depth) & (depth >= 0)).all():
                yield f"has {name} that is negative or not finite"
            if one_size and depth.shape != size:
                yield f"has {name} of size {depth.shape} and an image of size {size}"
            found = self._depths.setdefault(
                name,
                {
                    "sizes": Counter(),
                    "range": [np.inf, -np.inf],
                    "valid": 0,
                    "all": 0,
                    "medians": [],
                },
            )
            valid = depth[np.isfinite(depth) & (depth > 0)]
            found["sizes"][depth.shape] += 1
            found["valid"] += valid.size
            found["all"] += depth.size
            if not valid.size:
                yield f"has {name} without a measurement"
                continue
            nearest, farthest = found["range"]
            found["range"] = [min(nearest, valid.min()), max(farthest, valid.max())]
            found["medians"].append(float(np.median(valid)))

    def summary(self, examples: int) -> SplitSummary:
        depths = {
            name: DepthSummary(
                found["sizes"],
                *_finite(found["range"]),
                found["valid"] / found["all"],
                float(np.median(found["medians"])) if found["medians"] else float("nan"),
            )
            for name, found in self._depths.items()
        }
        return SplitSummary(examples, self._decoded, self._sizes, depths, len(self._scenes))


def _decoded(records, indices: list[int]) -> Iterator[tuple[int, Any]]:
    def read(index: int) -> Any:
        try:
            return records[index]
        except Exception as error:  # as above
            return error

    return zip(indices, map_ahead(read, indices), strict=True)


def _finite(pair: list[float]) -> list[float]:
    return [float(value) if np.isfinite(value) else float("nan") for value in pair]


def _metres(value: float) -> str:
    """Centimetres, or two digits of what is less than ten of them."""
    if value < 0.1:
        return np.format_float_positional(value, 2, fractional=False, trim="-")
    return f"{value:.2f}"


def _count(summary: SplitSummary) -> str:
    if summary.decoded == summary.examples:
        return str(summary.examples)
    return f"{summary.examples} ({summary.decoded} read)"


def _sizes(sizes: Counter) -> str:
    (height, width), _ = sizes.most_common(1)[0]
    others = len(sizes) - 1
    return f"{height}x{width}" + (f" and {others} more" if others else "")
