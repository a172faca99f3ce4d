"""How far two clouds of points lie apart: chamfer distance, precision, recall and F-score.

References:
    Knapitsch, Park, Zhou and Koltun, "Tanks and Temples" (SIGGRAPH 2017), section 4, for precision,
    recall and F-score; Örnek, Mudgal, Wald, Wang, Navab and Tombari, "From 2D to 3D: Re-thinking
    Benchmarking of Monocular Depth Prediction" (2022), for both metrics of back-projected depth.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.spatial import cKDTree

from jaxdepth.metrics.sums import Array

THRESHOLDS = (0.05, 0.1)
"""Metres."""

MAX_QUERIES = 5_000
"""Points of each cloud whose nearest neighbours are sought."""

_NEAR = 0.25
"""Metres: neighbours up to there are sought among all points. Beyond, a search takes milliseconds
in a large cloud, as all of a surface is about equally far."""

_CUBE, _LARGE = 0.02, 20_000
"""Of a cloud of more points than that, such searches keep one of each cube of so many metres."""


class FScore(NamedTuple):
    """The shares of points within a threshold of the other cloud, in [0, 1]."""

    precision: float
    """Of the predicted points."""
    recall: float
    """Of the true points."""
    f: float
    """Their harmonic mean; 0 where both are 0."""


class CloudScores(NamedTuple):
    """What two clouds have in common; all NaN if one of them is empty."""

    chamfer: float
    """Mean of the mean distances from either cloud to the other, metres."""
    f_scores: dict[float, FScore]
    """By threshold, metres."""


def cloud_scores(
    pred: Float[Array, "n 3"],
    target: Float[Array, "m 3"],
    *,
    thresholds: Sequence[float] = THRESHOLDS,
    max_queries: int = MAX_QUERIES,
) -> CloudScores:
    """Compares the points of a prediction with the true ones.

    Each point's distance is the Euclidean one to the nearest point of the other cloud; half of
    their two means' sum is the chamfer distance (some papers take the sum, or squares). Within a
    threshold means strictly below it.

    Computed on the host, by SciPy's k-d tree. Of a cloud larger than `max_queries`, that many
    points, spread evenly over their order, stand for all. Their neighbours are sought among all
    points of the other or, if there is none within 0.25 m, of a cloud of more than 20,000,
    among one of each cube of 2 cm: so that distance is too long by less than the cube's diagonal.

    Where errors are larger than the distances that are asked about, a rough surface has points near
    the true one wherever it crosses it, and a smooth surface beside it has none: noise then
    improves all of these numbers. Of surfaces of another smoothness, do not believe them alone.

    Args:
        pred: predicted points, metres, as `jaxdepth.ops.unproject` gives them; those that are not
            finite are left out. Mask by taking only the points that count.
        target: true points, metres, likewise.
        thresholds: metres.
        max_queries: at least 1.

    Returns:
        Chamfer distance and, for each threshold, precision, recall and F-score.

    Examples:
        >>> scores = cloud_scores(np.zeros((1, 3)), np.array([[0.0, 0, 0], [0, 0, 2]]))
        >>> scores.chamfer, scores.f_scores[0.05]
        (0.5, FScore(precision=1.0, recall=0.5, f=0.6666666666666666))
    """
    if max_queries < 1:
        raise ValueError(f"max_queries must be at least 1, got {max_queries}")
    pred, target = (np.asarray(p, np.float64) for p in (pred, target))
    pred, target = (p[np.isfinite(p).all(axis=1)] for p in (pred, target))
    if not (len(pred) and len(target)):
        nothing = FScore(math.nan, math.nan, math.nan)
        return CloudScores(math.nan, dict.fromkeys(thresholds, nothing))
    to_target = _distances(pred, target, max_queries)
    to_pred = _distances(target, pred, max_queries)
    f_scores = {}
    for threshold in thresholds:
        precision, recall = (float(np.mean(d < threshold)) for d in (to_target, to_pred))
        both = precision + recall
        f_scores[threshold] = FScore(precision, recall, 2 * precision * recall / max(both, 1e-300))
    return CloudScores(float(to_target.mean() + to_pred.mean()) / 2, f_scores)


def _distances(points: np.ndarray, others: np.ndarray, max_queries: int) -> np.ndarray:
    if len(points) > max_queries:
        points = points[np.linspace(0, len(points) - 1, max_queries).round().astype(int)]
    distances, _ = cKDTree(others).query(points, distance_upper_bound=_NEAR, workers=-1)
    far = np.isinf(distances)
    if far.any():
        distances[far], _ = cKDTree(_thinned(others)).query(points[far], workers=-1)
    return distances


def _thinned(points: np.ndarray) -> np.ndarray:
    """One point of each cube that has any, so that what stands alone stays."""
    if len(points) <= _LARGE:
        return points
    _, kept = np.unique(np.floor(points / _CUBE), axis=0, return_index=True)
    return points[kept]
