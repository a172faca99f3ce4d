"""Where depth is discontinuous, and the pixels near it: a mask for the metrics.

A step between neighbouring pixels is a discontinuity if it is large for the depth there and is not
the slope of the surface on either side. Both are told from inverse depth q = 1 / depth, which a
perspective image of a plane turns into a linear function of the pixel, however grazing the view:
depth along a floor grows without bound towards the horizon, while the differences of q stay equal.
With J the difference of q over a step between neighbours a and b, and s⁻, s⁺ the differences per
pixel of the surfaces before and behind it, the step is a discontinuity where

$$\\min(|J|, |J - s^-|, |J - s^+|) > (r - 1) \\min(q_a, q_b)$$

Its first term is max(depth) / min(depth) > r, which no unit or scale of the scene changes; the
others remove floors, walls and their creases, where the step goes on at least on one side. A
surface's slope is what its next two differences agree in: the smaller one, or 0 where their signs
differ or they were not measured. So a discontinuity that interpolation has spread over up to three
steps is still found, if one of them is large enough, and a pole a pixel wide has two.
"""

import math
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float

from jaxdepth.metrics.sums import Array

RATIO = 1.1
"""Depths a tenth apart: beyond the steps of a Kinect's quantisation, 3 % at 10 m, and below the
distance of most furniture from what is behind it."""

DISTANCE = 3.0
"""Pixels."""


def depth_edges(
    depth: Float[Array, "*batch H W"], *, ratio: float = RATIO
) -> tuple[Bool[Array, "*batch H W-1"], Bool[Array, "*batch H-1 W"]]:
    """The discontinuities of a depth map, as the steps between neighbouring pixels.

    Between two pixels of which one has no measurement nothing is known, so there is none.

    Args:
        depth: `[..., H, W]`, metres or any other unit, from a perspective camera; not positive or
            not finite = no measurement.
        ratio: of the two depths from which a step counts, above 1.

    Returns:
        `[..., H, W - 1]`, true at `[y, x]` for a discontinuity between columns x and x + 1, and
        `[..., H - 1, W]`, true for one between rows y and y + 1.

    Raises:
        ValueError: `ratio` is not above 1.

    Examples:
        >>> import numpy as np
        >>> across, down = depth_edges(np.array([[1.0, 1.0, 2.0, 2.0]]))
        >>> across, down.shape
        (array([[False,  True, False]]), (0, 4))
    """
    if not ratio > 1:
        raise ValueError(f"ratio must be above 1, as max(depth) / min(depth) is, got {ratio}")
    xp = _namespace(depth)
    valid = xp.isfinite(depth) & (depth > 0)
    with np.errstate(over="ignore", invalid="ignore"):
        q = 1 / xp.where(valid, depth, 1).astype(xp.promote_types(depth.dtype, np.float32))
        across = _steps(xp, q, valid, ratio)
        down = _steps(xp, xp.swapaxes(q, -1, -2), xp.swapaxes(valid, -1, -2), ratio)
    return across, xp.swapaxes(down, -1, -2)


def near_edges(
    depth: Float[Array, "*batch H W"], *, ratio: float = RATIO, distance: float = DISTANCE
) -> Bool[Array, "*batch H W"]:
    """True at the pixels within a distance of a discontinuity of depth.

    A discontinuity lies midway between the centres of two pixels, and the distance of a pixel is
    the Euclidean one from its centre, so that the band is as wide along a slanted edge as along an
    upright one: with the default three pixels on either side.

    The result is a mask for `metric_sums`, so every metric has a value near edges:
    `depth_metrics(pred, target, near_edges(target))["mae"]`.

    Args:
        depth: ground truth `[..., H, W]`, metres; not positive or not finite = no measurement.
        ratio: as `depth_edges` takes it.
        distance: pixels, at least 0.5.

    Returns:
        `[..., H, W]`; also true at pixels without a measurement, which no metric counts.

    Raises:
        ValueError: `ratio` or `distance` is out of its range.

    Examples:
        >>> import numpy as np
        >>> near_edges(np.array([[1.0] * 6 + [2.0] * 5])).astype(int)
        array([[0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0]])
    """
    if not 0.5 <= distance < math.inf:
        raise ValueError(f"distance must be at least 0.5 pixels and finite, got {distance}")
    xp = _namespace(depth)
    across, down = depth_edges(depth, ratio=ratio)
    beside = _dilate(xp, across, distance)
    above_or_below = _dilate(xp, xp.swapaxes(down, -1, -2), distance)
    return beside | xp.swapaxes(above_or_below, -1, -2)


def _steps(xp: ModuleType, q: Array, valid: Array, ratio: float) -> Array:
    """The discontinuities between neighbours along the last axis of inverse depth."""
    measured = valid[..., 1:] & valid[..., :-1]
    J = xp.where(measured, q[..., 1:] - q[..., :-1], 0)
    padded = _pad(xp, J, 0, 2)

    def difference(offset: int) -> Array:
        return padded[..., 2 + offset : 2 + offset + J.shape[-1]]

    before = _agreement(xp, difference(-1), difference(-2))
    behind = _agreement(xp, difference(1), difference(2))
    excess = xp.minimum(xp.abs(J), xp.minimum(xp.abs(J - before), xp.abs(J - behind)))
    return measured & (excess > (ratio - 1) * xp.minimum(q[..., 1:], q[..., :-1]))


def _agreement(xp: ModuleType, a: Array, b: Array) -> Array:
    """The smaller of two numbers of one sign, else 0."""
    return xp.where(a * b > 0, xp.where(xp.abs(a) < xp.abs(b), a, b), 0)


def _dilate(xp: ModuleType, across: Array, distance: float) -> Array:
    """The pixels within a distance of steps `[..., H, W - 1]` between columns."""
    H, W = across.shape[-2], across.shape[-1] + 1
    reach = math.floor(distance + 0.5)
    padded = _pad(xp, across, reach, reach)
    near = xp.zeros((*across.shape[:-1], W), bool)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach):  # the step between columns x + dx and x + dx + 1 of pixel x
            if dy**2 + (dx + 0.5) ** 2 <= distance**2:
                rows = slice(reach + dy, reach + dy + H)
                columns = slice(reach + dx, reach + dx + W)
                near = near | padded[..., rows, columns]
    return near


def _pad(xp: ModuleType, x: Array, rows: int, columns: int) -> Array:
    return xp.pad(x, [(0, 0)] * (x.ndim - 2) + [(rows, rows), (columns, columns)])


def _namespace(depth: Array) -> ModuleType:
    return jnp if isinstance(depth, jax.Array) else np
