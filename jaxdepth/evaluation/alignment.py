"""Predictions of unknown scale brought to the ground truth's, image by image."""

from typing import Literal, get_args

import numpy as np
from jaxtyping import Bool, Float

Alignment = Literal["none", "median", "depth", "disparity"]
ALIGNMENTS: tuple[str, ...] = get_args(Alignment)


def missing(prediction: np.ndarray) -> np.ndarray:
    """True where a prediction (metres, any shape) is none: not finite, or not positive."""
    return ~(np.isfinite(prediction) & (prediction > 0))


def align(
    prediction: Float[np.ndarray, "height width"],
    target: Float[np.ndarray, "height width"],
    valid: Bool[np.ndarray, "height width"],
    *,
    alignment: Alignment,
) -> Float[np.ndarray, "height width"]:
    """The prediction, transformed so that it fits the ground truth of one image best.

    - `"median"`: times the median of the ground truth over that of the prediction.
    - `"depth"`: a·p + b with the least squares of a·p + b − g.
    - `"disparity"`: 1 / (a/p + b) with the least squares of a/p + b − 1/g; where a/p + b is not
      positive, the depth is infinite.
    - `"none"`: as it is.

    What is fitted are the valid pixels that have a prediction; without any, nothing changes. If the
    prediction is one number throughout, `a` is 0.

    Args:
        prediction: metres, or metres up to the transform; where it is missing it stays so, as NaN.
        target: ground truth, metres.
        valid: true where the ground truth counts; the rest may hold anything.
        alignment: one of the above.

    References:
        Zhou et al., "Unsupervised Learning of Depth and Ego-Motion from Video" (2017), for the
        median; Ranftl et al., "Towards Robust Monocular Depth Estimation" (2020), for scale and
        shift of disparity.
    """
    absent = missing(prediction)
    use = valid & ~absent
    if alignment == "none" or not use.any():
        return prediction
    p, g = prediction[use], target[use]
    present = np.where(absent, np.nan, prediction)
    if alignment == "median":
        return present * (np.median(g) / np.median(p))
    if alignment == "depth":
        a, b = _line(p, g)
        return a * present + b
    a, b = _line(1 / p, 1 / g)
    disparity = a / present + b
    positive = disparity > 0
    depth = np.where(positive, 1 / np.where(positive, disparity, 1), np.inf)
    return np.where(absent, np.nan, depth)


def _line(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Slope and offset of the least-squares line y = a·x + b."""
    dx = x - x.mean()
    square = np.sum(dx**2)
    a = np.sum(dx * (y - y.mean())) / square if square > 0 else 0.0
    return a, y.mean() - a * x.mean()
