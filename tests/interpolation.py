"""Interpolation as matrices."""

import numpy as np


def linear(new, old):
    """The matrix of bilinear interpolation along one axis, pixel centres at half-integers."""
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = np.minimum(at.astype(int), old - 2)
    weights = np.zeros((new, old))
    weights[np.arange(new), low] = 1 - (at - low)
    weights[np.arange(new), low + 1] += at - low
    return weights
