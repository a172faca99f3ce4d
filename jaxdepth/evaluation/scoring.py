"""The scores of many predictions under one protocol."""

import collections
import dataclasses
import functools
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxdepth.errors import DataError
from jaxdepth.evaluation.compared import compare_image
from jaxdepth.evaluation.geometry import (
    Camera,
    GeometryScores,
    ImageGeometry,
    image_geometry,
    total_geometry,
)
from jaxdepth.evaluation.image_sums import image_sums
from jaxdepth.evaluation.placement import Placement
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.metrics import MetricAccumulator, MetricSums, compute, near_edges

_WORKERS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()

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


class Scorer:
    """Scores predictions under a protocol, in float64, on all cores.

    Several of them can share one pass over the data. A few images are held until they are scored.

    Args:
        protocol: which pixels count, where predictions lie, and the average.
        edges: whether to score the pixels near the ground truth's discontinuities besides, by
            `EDGE_METRICS`. Where these lie does not depend on the protocol: they are sought in the
            whole ground truth (`jaxdepth.metrics.near_edges`).
        geometry: whether to score edges, planes and points besides, by `GEOMETRY_COLUMNS`.
    """

    def __init__(self, protocol: Protocol, *, edges: bool = False, geometry: bool = False):
        self.protocol = protocol
        self._edges = edges
        self._geometry = geometry
        self._images: list[ImageScore] = []
        self._pending: collections.deque[Future[ImageScore]] = collections.deque()

    @property
    def images(self) -> Sequence[ImageScore]:
        """The scores of each image so far, in the order given; `add` has the errors."""
        while self._pending:
            self._images.append(self._pending.popleft().result())
        return self._images

    def add(
        self,
        name: str,
        prediction: ArrayLike,
        target: ArrayLike,
        image: np.ndarray | None = None,
        camera: Camera | None = None,
    ) -> None:
        """Takes one prediction to score; the arrays must not change any more.

        Args:
            name: what an error calls the image, usually its file.
            prediction: `[h, w]`, metres; where it is not positive or not finite it is scored as an
                end of the protocol's range (`Protocol.clamp`), and counted.
            target: ground truth `[H, W]`, metres; 0 or non-finite = no measurement.
            image: `[H, W, 3]` of the ground truth's frame; only a protocol that fills the border of
                predictions by it needs one.
            camera: of the ground truth as it was given, where known; for the scores of geometry.

        Raises:
            DataError: this prediction, or one before it, cannot be placed in the ground truth
                (`Protocol.place`).
        """
        if len(self._pending) >= 2 * _WORKERS:
            self._images.append(self._pending.popleft().result())
        job = _pool().submit(
            _score,
            self.protocol,
            name,
            prediction,
            target,
            image,
            camera,
            edges=self._edges,
            geometry=self._geometry,
        )
        self._pending.append(job)

    def scores(self) -> Scores:
        """The scores of all predictions so far; `total` has the errors."""
        return total(self.protocol, self.images)


def _score(
    protocol: Protocol,
    name: str,
    prediction: ArrayLike,
    target: ArrayLike,
    image: np.ndarray | None,
    camera: Camera | None,
    *,
    edges: bool,
    geometry: bool,
) -> ImageScore:
    given = np.asarray(target)
    target = protocol.truth_frame(given)
    p, g, placement = protocol.place(np.asarray(prediction), target, name=name, image=image)
    aligned = None
    if protocol.alignment != "none":
        truth = protocol.truth(g.astype(np.float64))
        aligned = protocol.align(p.astype(np.float64), truth, protocol.valid(g))
    sums, missing_pixels, clamped_pixels = image_sums(protocol, p, g, aligned=aligned)
    edge_sums = None
    if edges:
        near = near_edges(target.astype(np.float64))
        if near.shape != g.shape:
            near = protocol.region(target.shape, name=name).of(near)
        edge_sums = image_sums(protocol, p, g, where=near, aligned=aligned).sums
    of_geometry = None
    if geometry:  # which is no sum over pixels, and so of the whole image
        compared = compare_image(protocol, prediction, given, name=name, image=image)
        camera = camera and camera.resized(given.shape, target.shape)
        of_geometry = image_geometry(compared, target, camera)
    return image_score(
        protocol,
        name,
        sums=sums,
        placement=placement,
        missing_pixels=missing_pixels,
        clamped_pixels=clamped_pixels,
        edge_sums=edge_sums,
        geometry=of_geometry,
    )


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_WORKERS, thread_name_prefix="scoring")


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
    for image in images:
        accumulator.update(image.sums)
    if accumulator.pixels == 0:
        raise DataError(
            f"no pixel of the ground truth counts, in none of {len(images)} images "
            f"(the first is {images[0].name}), under the protocol: {protocol}; "
            "check --depth_scale, the crop and the range"
        )
    metrics, edge_pixels = as_stated(protocol, accumulator.compute()), None
    if images[0].edge_sums is not None:
        edge_accumulator = MetricAccumulator(average=protocol.average)
        for image in images:
            edge_accumulator.update(image.edge_sums)
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


def score(pairs: Iterable[tuple[Any, ...]], protocol: Protocol, *, edges: bool = False) -> Scores:
    """Scores predictions against their ground truth.

    Args:
        pairs: name, prediction and ground truth of each image, and the image too where the protocol
            needs it, as `Scorer.add` takes them; one at a time, so a generator that reads files
            needs the memory of one pair.
        protocol: which pixels count, where predictions lie, and the average.
        edges: whether to score the pixels near the ground truth's discontinuities besides.

    Returns:
        The scores.

    Raises:
        DataError: there are no pairs, one cannot be placed, or no pixel of any ground truth counts.
    """
    scorer = Scorer(protocol, edges=edges)
    for pair in pairs:
        scorer.add(*pair)
    return scorer.scores()


def as_stated(protocol: Protocol, metrics: Mapping[str, Any]) -> dict[str, Any]:
    """The metrics in the units that a protocol states; arrays as well as numbers."""
    stated = dict(metrics)
    if protocol.log10_rmse:
        stated["rmse_log"] = stated["rmse_log"] / math.log(10)
    return stated


def of_edges(metrics: Mapping[str, Any]) -> dict[str, Any]:
    """`EDGE_METRICS` from the metrics of the pixels near edges; arrays as well as numbers."""
    return {name: metrics[metric] for name, metric in EDGE_METRICS.items()}


def _floats(metrics: Mapping[str, ArrayLike]) -> dict[str, float]:
    return {name: float(value) for name, value in metrics.items()}
