"""The scores of many predictions under one protocol."""

import collections
import dataclasses
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxdepth.errors import DataError
from jaxdepth.evaluation.alignment import missing
from jaxdepth.evaluation.crop import Crop
from jaxdepth.evaluation.geometry import Camera, GeometryScorer, GeometryScores, edge_masks
from jaxdepth.evaluation.placement import Placement
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.metrics import MetricAccumulator, compute, metric_sums, near_edges

EDGE_METRICS = {"edge_mae": "mae", "edge_abs_rel": "abs_rel"}
"""What scoring near edges adds → the metric that it is of the pixels there."""


class ImageScore(NamedTuple):
    """The metrics of one image alone; NaN, all of them, where no pixel of it is valid."""

    name: str
    pixels: int
    metrics: Mapping[str, float]


class Compared(NamedTuple):
    """The arrays that were compared: placed, aligned and clamped, of the scored region.

    Attributes:
        prediction, target: `[h, w]` float64, metres.
        valid: true at the pixels that count.
        region: where they lie in the ground truth.
        metrics: of this image alone.
    """

    prediction: np.ndarray
    target: np.ndarray
    valid: np.ndarray
    region: Crop
    metrics: Mapping[str, float]


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
    """Scores predictions one at a time under a protocol, in float64.

    Several of them can share one pass over the data.

    Args:
        protocol: which pixels count, where predictions lie, and the average.
        edges: whether to score the pixels near the ground truth's discontinuities besides, by
            `EDGE_METRICS`. Where these lie does not depend on the protocol: they are sought in the
            whole ground truth (`jaxdepth.metrics.near_edges`).
        geometry: whether to score edges, planes and points besides, by `GEOMETRY_COLUMNS`.
    """

    def __init__(self, protocol: Protocol, *, edges: bool = False, geometry: bool = False):
        self.protocol = protocol
        self._accumulator = MetricAccumulator(average=protocol.average)
        self._near_edges = MetricAccumulator(average=protocol.average) if edges else None
        self._geometry = GeometryScorer(protocol.average) if geometry else None
        self._placements: collections.Counter[Placement] = collections.Counter()
        self._missing_pixels = 0
        self._clamped_pixels = 0
        self._per_image: list[ImageScore] = []

    def add(
        self,
        name: str,
        prediction: ArrayLike,
        target: ArrayLike,
        image: np.ndarray | None = None,
        camera: Camera | None = None,
    ) -> Compared:
        """Scores one prediction.

        Args:
            name: what an error calls the image, usually its file.
            prediction: `[h, w]`, metres; where it is not positive or not finite it is scored as an
                end of the protocol's range (`Protocol.clamp`), and counted.
            target: ground truth `[H, W]`, metres; 0 or non-finite = no measurement.
            image: `[H, W, 3]` of the ground truth's frame; only a protocol that fills the border of
                predictions by it needs one.
            camera: of the ground truth as it was given, where known; for the scores of geometry.

        Returns:
            What was compared with what.

        Raises:
            DataError: the prediction cannot be placed in the ground truth (`Protocol.place`).
        """
        protocol = self.protocol
        given = np.asarray(target)
        target = protocol.truth_frame(given)
        p, g, placement = protocol.place(np.asarray(prediction), target, name=name, image=image)
        valid = protocol.valid(g)
        p, g = p.astype(np.float64), protocol.truth(g.astype(np.float64))
        aligned = protocol.align(p, g, valid)
        clamped = protocol.clamp(aligned)
        compared = (g, clamped) if protocol.swapped else (clamped, g)
        sums = metric_sums(*compared, valid)
        self._accumulator.update(sums)

        absent = valid & missing(p)
        self._missing_pixels += int(np.sum(absent))
        self._clamped_pixels += int(np.sum(valid & ~absent & (clamped != aligned)))
        self._placements[placement] += 1
        metrics = self._as_stated({name: float(value) for name, value in compute(sums).items()})
        if self._near_edges is not None:
            near = near_edges(target.astype(np.float64))
            if near.shape != g.shape:
                near = protocol.region(target.shape, name=name).of(near)
            edge_sums = metric_sums(*compared, valid & near)
            self._near_edges.update(edge_sums)
            metrics |= _of_edges(compute(edge_sums))
        region = protocol.region(target.shape, name=name)
        if self._geometry is not None:
            beside, near = map(region.of, edge_masks(target))
            camera = camera and camera.resized(given.shape, target.shape).cropped(region)
            metrics |= self._geometry.add(clamped, g, valid, edges=beside, near=near, camera=camera)
        self._per_image.append(ImageScore(name, int(sums.pixels), metrics))
        return Compared(clamped, g, valid, region, metrics)

    def scores(self) -> Scores:
        """The scores of all predictions so far.

        Raises:
            DataError: there is none, or no pixel of any ground truth counts.
        """
        if not self._per_image:
            raise DataError("there is nothing to score: no pair of a prediction and a ground truth")
        if self._accumulator.pixels == 0:
            raise DataError(
                f"no pixel of the ground truth counts, in none of {len(self._per_image)} images "
                f"(the first is {self._per_image[0].name}), under the protocol: {self.protocol}; "
                "check --depth_scale, the crop and the range"
            )
        metrics, edge_pixels = self._as_stated(self._accumulator.compute()), None
        if self._near_edges is not None:
            metrics |= _of_edges(self._near_edges.compute())
            edge_pixels = self._near_edges.pixels
        geometry = None
        if self._geometry is not None:
            geometry = self._geometry.scores()
            metrics |= geometry.metrics
        return Scores(
            protocol=self.protocol,
            metrics=metrics,
            images=self._accumulator.images,
            empty_images=self._accumulator.empty_images,
            pixels=self._accumulator.pixels,
            missing_pixels=self._missing_pixels,
            clamped_pixels=self._clamped_pixels,
            placements={
                kind: self._placements[kind] for kind in Placement if self._placements[kind]
            },
            per_image=tuple(self._per_image),
            edge_pixels=edge_pixels,
            geometry=geometry,
        )

    def _as_stated(self, metrics: dict[str, float]) -> dict[str, float]:
        if self.protocol.log10_rmse:
            metrics["rmse_log"] /= math.log(10)
        return metrics


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


def _of_edges(metrics: Mapping[str, ArrayLike]) -> dict[str, float]:
    return {name: float(metrics[metric]) for name, metric in EDGE_METRICS.items()}
