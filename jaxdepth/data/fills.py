"""Filling the holes of measured depth along the image's edges."""

import itertools
import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, UInt8

from jaxdepth.errors import DataError

_RADIUS = 5
_SIGMAS = ((12.0, 0.2), (5.0, 0.08), (8.0, 0.02))
"""Of space, pixels, and of grey values in [0, 1], from full to quarter resolution."""

_CLAMPED = 10
_GREY = (0.2989, 0.5870, 0.1140)  # MATLAB's rgb2gray
_SMALLEST_VARIANCE = 2e-6
_TOLERANCE = 1e-8
"""Bound on the solution's error, as a part of the largest depth."""


def fill_colorization(
    image: UInt8[np.ndarray, "height width 3"], depth: Float[np.ndarray, "rows columns"]
) -> Float[np.ndarray, "rows columns"]:
    """Fills holes so that depth changes where the image does: colourisation applied to depth.

    Every pixel's depth is to be the mean of its eight neighbours', weighted by how near their grey
    values are; every measurement is to be kept, as a second equation of the same weight, so it
    changes a little. Levin, Lischinski, Weiss, "Colorization using Optimization" (2004), with the
    weights of the NYU Depth v2 toolbox's `fill_depth_colorization`, whose filled depth maps are the
    dataset's `depths`.

    Args:
        image: the view, red first.
        depth: metres; 0, negative or non-finite = a hole.

    Returns:
        Metres, float32, positive everywhere. The system of equations is solved to 1e-8 of the
        largest depth.

    Raises:
        DataError: the sizes differ or there is no measurement to fill from.
    """
    known = np.isfinite(depth) & (depth > 0)
    _check(image, depth, known)
    known = known.ravel()
    if known.size == 1:
        return depth.astype(np.float32)
    largest = float(depth.ravel()[known].max())
    measured = depth.ravel()[known].astype(np.float64) / largest
    grey = image.astype(np.float64) / 255 @ np.array(_GREY)
    filled = _solve(_neighbour_weights(grey), known, measured)
    return (filled * largest).reshape(depth.shape).astype(np.float32)


def fill_cross_bilateral(
    image: UInt8[np.ndarray, "height width 3"], depth: Float[np.ndarray, "rows columns"]
) -> Float[np.ndarray, "rows columns"]:
    """Fills holes near measurements by means of what is near in place and in grey value.

    At a quarter, half and full resolution in turn, every hole takes the mean over the 11x11 pixels
    about it of what is measured or was filled at the resolution before, weighted by Gaussians of
    both distances. Measurements stay as they are, and a hole stays empty if there is nothing
    within some 35 pixels. It is `fill_depth_cross_bf` of the NYU Depth v2 toolbox, but that keeps
    no more than 8 bits of depth. `jaxdepth.ops.cross_bilateral_fill`, made for the missing border
    of predictions, fills everything at one resolution.

    Args:
        image: the view, red first.
        depth: metres; 0, negative or non-finite = a hole, and so is 10, to which NYU's farther
            depth is clamped.

    Returns:
        Metres, float32; 0 where a hole is left.

    Raises:
        DataError: the sizes differ or there is no measurement to fill from.
    """
    known = np.isfinite(depth) & (depth > 0) & (depth != _CLAMPED)
    _check(image, depth, known)
    grey = np.rint(image @ np.array(_GREY)).astype(np.intp)
    filled, done = np.where(known, depth, 0).astype(np.float64), known
    for level in reversed(range(len(_SIGMAS))):
        size = tuple(max(side >> level, 1) for side in depth.shape)
        here = _pick(known, size)
        values = np.where(here, _pick(depth, size), _pick(filled, size))
        filled, done = _filter_holes(
            values, _pick(grey, size), here, here | _pick(done, size), *_SIGMAS[level]
        )
    return filled.astype(np.float32)


def _check(image: np.ndarray, depth: np.ndarray, known: np.ndarray) -> None:
    if image.shape[:2] != depth.shape:
        raise DataError(
            f"image and depth must be of one size, got {image.shape[:2]} and {depth.shape}: resize "
            "one of them"
        )
    if not known.any():
        raise DataError(
            f"a depth map must have a measurement to be filled from, all {depth.size} pixels are "
            "holes: leave this frame out"
        )


def _pick(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Shrinks or grows an array by picking, from its first row and column on."""
    rows, columns = (
        np.arange(new) * old // new for new, old in zip(size, array.shape, strict=True)
    )
    return array[rows[:, None], columns]


def _filter_holes(
    values: np.ndarray,
    grey: np.ndarray,
    known: np.ndarray,
    usable: np.ndarray,
    sigma_space: float,
    sigma_grey: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Replaces what is not known by its mean over what is usable; returns where there is one."""
    values, grey_near, use = (np.pad(a, _RADIUS) for a in (values * usable, grey, usable * 1.0))
    width = values.shape[1]
    rows, columns = np.nonzero(~known)
    at = (rows + _RADIUS) * width + columns + _RADIUS
    similar = np.exp(-((np.arange(256) / 255) ** 2) / (2 * sigma_grey**2))
    own = grey[rows, columns]
    weights, total = np.zeros(at.size), np.zeros(at.size)
    reach = range(-_RADIUS, _RADIUS + 1)
    for down, right in itertools.product(reach, reach):
        near = at + down * width + right
        weight = similar[np.abs(grey_near.ravel()[near] - own)] * use.ravel()[near]
        weight *= math.exp(-(down**2 + right**2) / (2 * sigma_space**2))
        weights += weight
        total += weight * values.ravel()[near]
    filled = values[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS].copy()
    filled[~known] = np.where(weights > 0, total / np.where(weights > 0, weights, 1), 0)
    done = known.copy()
    done[~known] = weights > 0
    return filled, done


def _neighbour_weights(grey: np.ndarray):
    """Sparse `[pixels, pixels]`; row i weights the neighbours of pixel i, and sums to 1."""
    from scipy import sparse

    count, total, squares = np.ones_like(grey), np.zeros_like(grey), np.zeros_like(grey)
    smallest = np.full_like(grey, np.inf)
    for here, there in _windows():  # moments about the centre, whose own difference is 0
        difference = grey[there] - grey[here]
        count[here] += 1
        total[here] += difference
        squares[here] += difference**2
        smallest[here] = np.minimum(smallest[here], difference**2)
    variance = squares / count - (total / count) ** 2
    spread = np.maximum(0.6 * variance, -smallest / np.log(0.01))  # the nearest weighs 1 % at least
    spread = np.maximum(spread, _SMALLEST_VARIANCE)
    index = np.arange(grey.size, dtype=np.int32).reshape(grey.shape)
    weights, rows, columns = [], [], []
    normaliser = np.zeros_like(grey)
    for here, there in _windows():
        weight = np.exp(-((grey[there] - grey[here]) ** 2) / spread[here])
        normaliser[here] += weight
        weights.append(weight)
        rows.append(index[here])
        columns.append(index[there])
    for weight, (here, _) in zip(weights, _windows(), strict=True):
        weight /= normaliser[here]
    flat = (np.concatenate([part.ravel() for part in parts]) for parts in (weights, rows, columns))
    values, rows, columns = flat
    return sparse.csr_array((values, (rows, columns)), shape=(grey.size, grey.size))


def _windows() -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """For each of eight directions, the pixels with a neighbour there, and those neighbours."""
    here = {-1: slice(1, None), 0: slice(None), 1: slice(None, -1)}
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            if down or right:
                yield (here[down], here[right]), (here[-down], here[-right])


def _solve(weights, known: np.ndarray, measured: np.ndarray) -> np.ndarray:
    """Solves x = W x in the holes and 2 x = W x + measured elsewhere; `[pixels]`.

    The holes are solved directly for given known pixels, these are then updated from all: only the
    holes, not the image, are factorised. A round halves the largest error at least, as rows of W
    sum to 1 and known pixels take half of that, so a round's change bounds the error left. Where
    holes are the larger part, all pixels are solved directly at once.
    """
    from scipy import sparse
    from scipy.sparse.linalg import splu

    right = np.zeros(known.size)
    right[known] = measured
    direct = ~known if 2 * known.sum() > known.size else np.ones(known.size, bool)
    rest = ~direct
    x = right.copy()
    solve = None
    if direct.any():
        rows = weights[direct]
        from_rest = rows[:, rest]
        system = sparse.diags_array(1.0 + known[direct]) - rows[:, direct]
        # Diagonally dominant and of symmetric structure: pivots may stay on the diagonal, where
        # minimum degree on A + A' keeps the factors sparse.
        solve = splu(
            system.tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        ).solve
    to_rest = weights[rest]
    while True:
        if solve is not None:
            x[direct] = solve(right[direct] + from_rest @ x[rest])
        if not rest.any():
            return x
        updated = (right[rest] + to_rest @ x) / 2
        change = np.abs(updated - x[rest]).max()
        x[rest] = updated
        if change < _TOLERANCE:
            return x
