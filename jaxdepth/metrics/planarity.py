"""How flat, and how turned, a predicted depth map shows surfaces that are known to be planes.

References:
    Koch, Liebel, Fraundorfer and Körner, "Evaluation of CNN-based Single-Image Depth Estimation
    Methods" (ECCV workshops, 2018), section 3.2, and for what it leaves open their script.
"""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Bool, Float

from jaxdepth.metrics.sums import Array
from jaxdepth.ops import unproject

MIN_SHARE = 0.05
"""Of the image's pixels: what a plane must cover to be scored, in iBims-1."""


class PlanarityErrors(NamedTuple):
    """The planarity errors (PE) of one plane; NaN if too little of it is seen."""

    flatness: Float[Array, ""]
    """Standard deviation of the predicted points from the plane fitted to them, metres."""
    orientation: Float[Array, ""]
    """Angle between the fitted plane and the true one, degrees in [0, 90]."""


def planarity_errors(
    pred: Float[Array, "H W"],
    target: Float[Array, "H W"],
    plane: Bool[Array, "H W"],
    normal: Float[Array, "3"],
    intrinsics: Float[Array, "4"],
    *,
    min_share: float | int = MIN_SHARE,
) -> PlanarityErrors:
    """The deviation of the prediction from one plane, after their median depths are made equal.

    The predicted depth of the plane's pixels is scaled by median(target) / median(pred), so that
    neither error depends on the scale of the prediction; it is back-projected, and a plane is
    fitted by least squares of the perpendicular distances. Under `jit` and, for several planes of
    an image, `vmap`.

    Args:
        pred: predicted depth, metres.
        target: true depth, metres.
        plane: the pixels of the plane. What is elsewhere, NaN included, changes nothing; nor do
            pixels where either depth is not positive or not finite.
        normal: of the true plane, in the camera's frame (x right, y down, z forward), of any length
            and either sign.
        intrinsics: fx, fy, cx, cy in pixels, see `jaxdepth.ops.unproject`.
        min_share: of the image's pixels that must count.

    Returns:
        Both errors.

    Raises:
        AssertionError: the shapes differ.
    """
    chex.assert_equal_shape([pred, target, plane])
    pred, target, normal = jnp.asarray(pred), jnp.asarray(target), jnp.asarray(normal)
    for depth in (pred, target):
        plane = plane & jnp.isfinite(depth) & (depth > 0)
    count = jnp.sum(plane)
    enough = (count >= 3) & (count >= min_share * plane.size)
    scale = _median(target, plane) / jnp.where(enough, _median(pred, plane), 1.0)
    points = unproject(jnp.where(plane, pred, 1.0) * jnp.where(enough, scale, 1.0), intrinsics)
    weight = plane[..., None] / jnp.maximum(count, 1).astype(points.dtype)
    offsets = points - jnp.sum(points * weight, axis=(0, 1), keepdims=True)
    covariance = jnp.einsum("hwi,hwj->ij", offsets * weight, offsets)
    _, axes = jnp.linalg.eigh(covariance)
    fitted = axes[:, 0]  # the direction of least variance
    # From the points again: as the root of the smallest eigenvalue it would lose half its digits.
    flatness = jnp.sqrt(jnp.sum((offsets @ fitted) ** 2 * weight[..., 0]))
    cross = jnp.linalg.norm(jnp.cross(fitted, normal))
    orientation = jnp.rad2deg(jnp.arctan2(cross, jnp.abs(fitted @ normal)))
    return PlanarityErrors(*(jnp.where(enough, e, jnp.nan) for e in (flatness, orientation)))


def _median(depth: jax.Array, mask: jax.Array) -> jax.Array:
    return jnp.nanmedian(jnp.where(mask, depth, jnp.nan))
