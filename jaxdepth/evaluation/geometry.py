"""Scores of edges, planes and points: what a depth map is as geometry, image by image."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxdepth.evaluation.compared import Compared
from jaxdepth.evaluation.crop import Crop
from jaxdepth.evaluation.placement import resize_truth
from jaxdepth.metrics import (
    MetricAccumulator,
    MetricSums,
    boundary_errors,
    cloud_scores,
    metric_sums,
    near_edges,
    planarity_errors,
)
from jaxdepth.metrics.boundaries import MAX_DISTANCE
from jaxdepth.metrics.clouds import MAX_QUERIES
from jaxdepth.metrics.edges import DISTANCE, RATIO
from jaxdepth.metrics.planarity import MIN_SHARE
from jaxdepth.ops import unproject

GEOMETRY_COLUMNS: Mapping[str, str] = {
    "away_mae": "away MAE",
    "dbe_acc": "DBE acc",
    "dbe_comp": "DBE comp",
    "pe_plan": "PE plan",
    "pe_ori": "PE ori",
    "chamfer": "chamfer",
    "f_5cm": "F 5 cm",
    "f_10cm": "F 10 cm",
}
"""Metric → heading. Metres, but for the boundary errors (DBE), which are pixels, the planes'
orientation (PE ori), degrees, and the F-scores, which are in [0, 1]."""

_F_SCORES = {"f_5cm": 0.05, "f_10cm": 0.1}

_errors_of_planes = jax.jit(jax.vmap(planarity_errors, (None, None, 0, 0, None)))


class Camera(NamedTuple):
    """What is known of the camera of a ground truth, and of the planes that it shows.

    Attributes:
        intrinsics: fx, fy, cx, cy in pixels of the whole ground truth.
        labels: `[H, W]`, i + 1 where plane i is seen, 0 elsewhere; None if no plane is known.
        normals: `[n, 3]` of the planes, in the camera's frame; None with `labels`.
    """

    intrinsics: Sequence[float]
    labels: np.ndarray | None = None
    normals: np.ndarray | None = None

    def resized(self, old: tuple[int, int], new: tuple[int, int]) -> "Camera":
        """Of the ground truth at another height and width (`resize_truth`)."""
        if old == new:
            return self
        y, x = (n / o for n, o in zip(new, old, strict=True))
        fx, fy, cx, cy = self.intrinsics
        intrinsics = (fx * x, fy * y, (cx + 0.5) * x - 0.5, (cy + 0.5) * y - 0.5)
        labels = None if self.labels is None else resize_truth(self.labels, new)
        return Camera(intrinsics, labels, self.normals)

    def cropped(self, region: Crop) -> "Camera":
        """Of a region of the ground truth."""
        fx, fy, cx, cy = self.intrinsics
        labels = None if self.labels is None else region.of(self.labels)
        return Camera((fx, fy, cx - region.left, cy - region.top), labels, self.normals)


class GeometryScores(NamedTuple):
    """The averages, and what they are of.

    Attributes:
        metrics: `GEOMETRY_COLUMNS` → average; without those that no image had.
        edge_images: images with a discontinuity, which boundary errors are means over.
        planes: planes that were large enough, which planarity errors are means over.
        cloud_images: images with known intrinsics, which the scores of points are means over.
    """

    metrics: Mapping[str, float]
    edge_images: int
    planes: int
    cloud_images: int


class ImageGeometry(NamedTuple):
    """The scores of one image alone, and what averages are computed from.

    Attributes:
        metrics: `GEOMETRY_COLUMNS` → value; NaN where the image has none.
        away: sums over its pixels away from discontinuities.
        planes: (`pe_plan`, `pe_ori`) of each plane that is large enough.
    """

    metrics: Mapping[str, float]
    away: MetricSums
    planes: tuple[tuple[float, float], ...]


def image_geometry(
    compared: Compared, target: np.ndarray, camera: Camera | None = None
) -> ImageGeometry:
    """Scores one prediction.

    Args:
        compared: the arrays that the other metrics compare, too.
        target: the whole ground truth (`Protocol.truth_frame`), metres, in which discontinuities
            are sought.
        camera: of the whole ground truth, where known.
    """
    prediction, truth, valid, region = compared
    edges, near = map(region.of, _edge_masks(target))
    away = metric_sums(prediction, truth, valid & ~near)
    metrics = dict.fromkeys(GEOMETRY_COLUMNS, float("nan"))
    if away.pixels:
        metrics["away_mae"] = float(away.absolute / away.pixels)
    metrics["dbe_acc"], metrics["dbe_comp"] = boundary_errors(prediction, edges, valid)
    planes = np.empty((0, 2))
    if camera is not None:
        camera = camera.cropped(region)
        points = (np.asarray(unproject(z, camera.intrinsics)) for z in (prediction, truth))
        clouds = cloud_scores(*(p[valid] for p in points), thresholds=(*_F_SCORES.values(),))
        metrics["chamfer"] = clouds.chamfer
        metrics |= {name: clouds.f_scores[t].f for name, t in _F_SCORES.items()}
    if camera is not None and camera.labels is not None:
        masks = camera.labels == np.arange(1, len(camera.normals) + 1)[:, None, None]
        arrays = (prediction, truth, masks & valid, camera.normals, camera.intrinsics)
        planes = np.stack(_errors_of_planes(*map(np.asarray, arrays)), axis=1)
        planes = planes[np.isfinite(planes).all(axis=1)]
    if len(planes):
        metrics["pe_plan"], metrics["pe_ori"] = map(float, planes.mean(axis=0))
    return ImageGeometry(metrics, away, tuple(map(tuple, planes.tolist())))


def total_geometry(images: Sequence[ImageGeometry], average: str) -> GeometryScores:
    """The scores of all images.

    Args:
        images: one or more.
        average: over what `away_mae` is averaged, as `MetricAccumulator` takes it.
    """
    away = MetricAccumulator(average=average)
    for image in images:
        away.update(image.away)
    values = {name: [i.metrics[name] for i in images] for name in GEOMETRY_COLUMNS}
    values = {name: [v for v in of if np.isfinite(v)] for name, of in values.items()}
    planes = [plane for image in images for plane in image.planes]
    values["pe_plan"], values["pe_ori"] = ([p[i] for p in planes] for i in (0, 1))
    means = {name: float(np.mean(of)) for name, of in values.items() if of}
    if away.pixels:
        means["away_mae"] = away.compute()["mae"]
    return GeometryScores(
        metrics=means,
        edge_images=len(values["dbe_acc"]),
        planes=len(planes),
        cloud_images=len(values["chamfer"]),
    )


def geometry_lines(scores: GeometryScores) -> list[str]:
    """The lines below a table that say what the columns are of."""
    lines = [
        f"away: pixels more than {DISTANCE:g} from a step between depths more than a factor of "
        f"{RATIO:g} apart",
        f"boundaries: pixels, up to {MAX_DISTANCE:g}, mean over {scores.edge_images:,} images with "
        "such a step",
    ]
    if scores.planes:
        lines.append(
            f"planes: metres and degrees, mean over {scores.planes:,} walls, floors and ceilings "
            f"of {MIN_SHARE:.0%} of the image or more"
        )
    if scores.cloud_images:
        lines.append(
            f"points: chamfer distance in metres, mean over {scores.cloud_images:,} images of "
            f"known intrinsics; neighbours of up to {MAX_QUERIES:,} points each way"
        )
    return lines


def _edge_masks(target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels beside the discontinuities of a ground truth (metres), and all near them."""
    target = target.astype(np.float64)
    return near_edges(target, distance=0.5), near_edges(target)
