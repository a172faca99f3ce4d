"""The score of one image, and the scores of all of them together."""

import collections
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxdepth.errors import DataError
from jaxdepth.evaluation.geometry import GeometryScores, ImageGeometry, total_geometry
from jaxdepth.evaluation.placement import Placement
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.metrics import MetricAccumulator, MetricSums, compute

EDGE_METRICS = {"edge_mae": "mae", "edge_abs_rel": "abs_rel"}
"""What scoring near edges adds → the metric that it is of the pixels there."""


class ImageScore(NamedTuple):
    """The score of one image alone, and the sums that it and every average are computed from.

    Attributes:
        name: what the image is called.
        metrics: `jaxdepth.metrics.METRIC_NAMES` → value, with `EDGE_METRICS` and
            `GEOMETRY_COLUMNS` if asked for; NaN, all of them, where no pixel is valid.
        sums: over the valid pixels, float64.
        placement: how the prediction came onto the scored region.
        missing_pixels, clamped_pixels: as `Scores` has them, of this image.
        edge_sums: over the valid pixels near discontinuities; None if not asked for.
        geometry: of edges, planes and points; None if not asked for.
    """

    name: str
    metrics: Mapping[str, float]
    sums: MetricSums
    placement: Placement
    missing_pixels: int = 0
    clamped_pixels: int = 0
    edge_sums: MetricSums | None = None
    geometry: ImageGeometry | None = None

    @property
    def pixels(self) -> int:
        """Valid pixels."""
        return int(self.sums.pixels)


@dataclasses.dataclass(frozen=True)
class Scores:
    """The averaged metrics, and everything a reader must know to trust them.

    Attributes:
        protocol: the rules they were computed under.
        metrics: `jaxdepth.metrics.METRIC_NAMES` → average; with `EDGE_METRICS`, if asked for.
        images: images with at least one valid pixel; the others are in no average.
        empty_images: images without any.
        pixels: valid pixels of all images.
        missing_pixels: how many of these had no positive finite prediction.
        clamped_pixels: how many of these had one outside the protocol's range.
        placements: `Placement` → number of predictions.
        per_image: the scores of each image, in the order given.
        edge_pixels: valid pixels near discontinuities of the ground truth, which `EDGE_METRICS` are
            averaged over; None if these were not asked for.
        geometry: scores of edges, planes and points, which `metrics` has too; None if these were
            not asked for.
    """

    protocol: Protocol
    metrics: Mapping[str, float]
    images: int
    empty_images: int
    pixels: int
    missing_pixels: int
    clamped_pixels: int
    placements: Mapping[Placement, int]
    per_image: tuple[ImageScore, ...]
    edge_pixels: int | None = None
    geometry: GeometryScores | None = None

    @property
    def empty_names(self) -> tuple[str, ...]:
        """The names of the images without a valid pixel, in the order given."""
        return tuple(image.name for image in self.per_image if image.pixels == 0)


def image_score(
    protocol: Protocol,
    name: str,
    *,
    sums: MetricSums,
    placement: Placement,
    missing_pixels: int,
    clamped_pixels: int,
    edge_sums: MetricSums | None = None,
    geometry: ImageGeometry | None = None,
) -> ImageScore:
    """The score of one image from its sums; see `ImageScore`."""
    sums = MetricSums(*map(np.float64, sums))
    metrics = _floats(as_stated(protocol, compute(sums)))
    if edge_sums is not None:
        edge_sums = MetricSums(*map(np.float64, edge_sums))
        metrics |= _floats(of_edges(compute(edge_sums)))
    if geometry is not None:
        metrics |= geometry.metrics
    counts = (missing_pixels, clamped_pixels)
    return ImageScore(name, metrics, sums, placement, *counts, edge_sums, geometry)


def total(protocol: Protocol, images: Sequence[ImageScore]) -> Scores:
    """The scores of images that were scored under a protocol.

    Args:
        protocol: the rules that the images were scored under.
        images: the score of each, as `Scorer.images` or a file of per-image results has them.

    Raises:
        DataError: there is none, or no pixel of any ground truth counts.
    """
    if not images:
        raise DataError("there is nothing to score: no pair of a prediction and a ground truth")
    accumulator = MetricAccumulator(average=protocol.average)
    accumulator.update(stacked([image.sums for image in images]))
    if accumulator.pixels == 0:
        raise DataError(
            f"no pixel of the ground truth counts, in none of {len(images)} images "
            f"(the first is {images[0].name}), under the protocol: {protocol}; "
            "check --depth_scale, the crop and the range"
        )
    metrics, edge_pixels = as_stated(protocol, accumulator.compute()), None
    if images[0].edge_sums is not None:
        edge_accumulator = MetricAccumulator(average=protocol.average)
        edge_accumulator.update(stacked([image.edge_sums for image in images]))
        metrics |= of_edges(edge_accumulator.compute())
        edge_pixels = edge_accumulator.pixels
    geometry = None
    if images[0].geometry is not None:
        geometry = total_geometry([image.geometry for image in images], protocol.average)
        metrics |= geometry.metrics
    placements = collections.Counter(image.placement for image in images)
    return Scores(
        protocol=protocol,
        metrics=metrics,
        images=accumulator.images,
        empty_images=accumulator.empty_images,
        pixels=accumulator.pixels,
        missing_pixels=sum(image.missing_pixels for image in images),
        clamped_pixels=sum(image.clamped_pixels for image in images),
        placements={kind: placements[kind] for kind in Placement if placements[kind]},
        per_image=tuple(images),
        edge_pixels=edge_pixels,
        geometry=geometry,
    )


def as_stated(protocol: Protocol, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics in the units that a protocol states; arrays as well as numbers."""
    stated = dict(metrics)
    if protocol.log10_rmse:
        stated["rmse_log"] = stated["rmse_log"] / math.log(10)
    return stated


def of_edges(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """`EDGE_METRICS` from the metrics of the pixels near edges; arrays as well as numbers."""
    return {name: metrics[metric] for name, metric in EDGE_METRICS.items()}


def stacked(sums: Sequence[MetricSums]) -> MetricSums:
    """The sums of several images as arrays `[images]`, float64."""
    return MetricSums(*np.asarray(sums, np.float64).T)


def _floats(metrics: Mapping[str, ArrayLike]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}
