"""Scores of edges, planes and points: what a depth map is as geometry, image by image."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxdepth.evaluation.crop import Crop
from jaxdepth.evaluation.placement import resize_truth
from jaxdepth.metrics import (
    MetricAccumulator,
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


class GeometryScorer:
    """Scores predictions one at a time, as they are compared with the ground truth.

    Args:
        average: over what `away_mae` is averaged, as `MetricAccumulator` takes it.
    """

    def __init__(self, average: str):
        self._away = MetricAccumulator(average=average)
        self._values: dict[str, list[float]] = {name: [] for name in GEOMETRY_COLUMNS}

    def add(
        self,
        prediction: np.ndarray,
        target: np.ndarray,
        valid: np.ndarray,
        *,
        edges: np.ndarray,
        near: np.ndarray,
        camera: Camera | None = None,
    ) -> dict[str, float]:
        """Scores one prediction.

        Args:
            prediction, target: `[H, W]`, metres, as the other metrics compare them.
            valid: true where they do.
            edges: the pixels on both sides of the ground truth's discontinuities.
            near: those near them, of which the rest is away from them.
            camera: of this frame, where known.

        Returns:
            `GEOMETRY_COLUMNS` → value of this image alone; NaN where it has none.
        """
        away = metric_sums(prediction, target, valid & ~near)
        self._away.update(away)
        image = dict.fromkeys(GEOMETRY_COLUMNS, float("nan"))
        image["away_mae"] = float(away.absolute / away.pixels) if away.pixels else float("nan")
        image["dbe_acc"], image["dbe_comp"] = boundary_errors(prediction, edges, valid)
        if camera is not None:
            points = (np.asarray(unproject(z, camera.intrinsics)) for z in (prediction, target))
            clouds = cloud_scores(*(p[valid] for p in points), thresholds=(*_F_SCORES.values(),))
            image["chamfer"] = clouds.chamfer
            image |= {name: clouds.f_scores[t].f for name, t in _F_SCORES.items()}
        if camera is not None and camera.labels is not None:
            masks = camera.labels == np.arange(1, len(camera.normals) + 1)[:, None, None]
            arrays = (prediction, target, masks & valid, camera.normals, camera.intrinsics)
            errors = np.asarray(_errors_of_planes(*map(np.asarray, arrays)))
            errors = errors[:, np.isfinite(errors).all(axis=0)]
            for name, values in zip(("pe_plan", "pe_ori"), errors, strict=True):
                self._values[name] += values.tolist()
                image[name] = float(values.mean()) if values.size else float("nan")
        for name in ("dbe_acc", "dbe_comp", "chamfer", *_F_SCORES):
            if np.isfinite(image[name]):
                self._values[name].append(image[name])
        return image

    def scores(self) -> GeometryScores:
        """The scores of all predictions so far."""
        means = {name: float(np.mean(v)) for name, v in self._values.items() if v}
        if self._away.pixels:
            means["away_mae"] = self._away.compute()["mae"]
        return GeometryScores(
            metrics={name: means[name] for name in GEOMETRY_COLUMNS if name in means},
            edge_images=len(self._values["dbe_acc"]),
            planes=len(self._values["pe_plan"]),
            cloud_images=len(self._values["chamfer"]),
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


def edge_masks(target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The pixels beside the discontinuities of a ground truth (metres), and all near them."""
    target = target.astype(np.float64)
    return near_edges(target, distance=0.5), near_edges(target)
