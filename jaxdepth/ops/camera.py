"""The pinhole camera: from depth to points, and from points to the surface's normals.

Intrinsics are (fx, fy, cx, cy) in pixels; the centre of the top left pixel is (0, 0), so an image
spans [-0.5, W - 0.5]. The camera's frame is x right, y down, z forward, and depth is z.
"""

import math

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdepth.ops.differences import check_image


def unproject(depth: ArrayLike, intrinsics: ArrayLike) -> jax.Array:
    """The points that a depth map shows, in the camera's frame.

    X = ((x − cx) / fx, (y − cy) / fy, 1) · depth for pixel (row y, column x).

    Args:
      depth: `[..., H, W]`, metres.
      intrinsics: `[4]`, fx, fy, cx, cy in pixels; for images of several cameras, use `vmap`.

    Returns:
      `[..., H, W, 3]`, metres. Where depth is no measurement, the point is none either: depth 0
      gives the origin, and what is not finite stays so.

    Raises:
      ValueError: the depth is no image, or the intrinsics are not four numbers.

    References:
      Hartley and Zisserman, "Multiple View Geometry in Computer Vision" (2004), section 6.1.

    Examples:
      >>> unproject(jnp.full((1, 2), 2.0), jnp.array([1.0, 1.0, 0.0, 0.0]))[0, 1]
      Array([2., 0., 2.], dtype=float32)
    """
    depth, intrinsics = jnp.asarray(depth), jnp.asarray(intrinsics)
    check_image("depth", depth)
    if intrinsics.shape != (4,):
        raise ValueError(
            f"intrinsics must be fx, fy, cx, cy, shape (4,), got shape {intrinsics.shape}; for "
            "images of several cameras, use jax.vmap."
        )
    H, W = depth.shape[-2:]
    fx, fy, cx, cy = intrinsics
    a, b = jnp.meshgrid((jnp.arange(W) - cx) / fx, (jnp.arange(H) - cy) / fy)
    rays = jnp.stack([a, b, jnp.ones_like(a)], axis=-1)
    return jnp.broadcast_to(rays, (*depth.shape, 3)) * depth[..., None]


def surface_normals(depth: ArrayLike, intrinsics: ArrayLike) -> jax.Array:
    """The unit normals of the surface that a depth map shows, towards the camera.

    The cross product of the differences between neighbouring points, central inside the image and
    one-sided at its border, so a plane's normals are exact. Across a hole there is none.

    Args:
      depth: `[..., H, W]`, metres, H and W at least 2; not positive or not finite = no measurement.
      intrinsics: `[4]`, fx, fy, cx, cy in pixels.

    Returns:
      `[..., H, W, 3]`, of length 1, or 0 where a neighbour has no measurement.

    Raises:
      ValueError: as `unproject`, or the image is a single row or column.
    """
    depth = jnp.asarray(depth)
    check_image("depth", depth)
    if min(depth.shape[-2:]) < 2:
        raise ValueError(f"normals need at least 2x2 pixels, got shape {depth.shape}.")
    valid = jnp.isfinite(depth) & (depth > 0)
    points = unproject(jnp.where(valid, depth, 1.0), intrinsics)
    across, measured_across = _differences(points, valid)
    down, measured_down = _differences(jnp.swapaxes(points, -2, -3), jnp.swapaxes(valid, -1, -2))
    normal = jnp.cross(jnp.swapaxes(down, -2, -3), across)  # y × x points to the camera
    square = jnp.sum(normal**2, axis=-1, keepdims=True)
    known = valid & measured_across & jnp.swapaxes(measured_down, -1, -2)
    known = known[..., None] & (square > 0)
    return jnp.where(known, normal / jnp.sqrt(jnp.where(known, square, 1.0)), 0.0)


def intrinsics_of_view(size: tuple[int, int], degrees: float) -> tuple[float, float, float, float]:
    """The intrinsics of a camera with square pixels that looks through the image's middle.

    Args:
      size: height and width, pixels.
      degrees: angle of view along the image's longer side, above 0 and below 180.

    Returns:
      fx, fy, cx, cy in pixels.

    Raises:
      ValueError: the angle is out of its range.
    """
    if not 0 < degrees < 180:
        raise ValueError(f"an angle of view is above 0 and below 180 degrees, got {degrees}")
    height, width = size
    focal = 0.5 * max(size) / math.tan(math.radians(degrees) / 2)
    return focal, focal, 0.5 * (width - 1), 0.5 * (height - 1)


def _differences(points: jax.Array, valid: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Between the neighbours along W of `[..., H, W, 3]`, and where both are measured."""
    after = jnp.concatenate([points[..., 1:, :], points[..., -1:, :]], axis=-2)
    before = jnp.concatenate([points[..., :1, :], points[..., :-1, :]], axis=-2)
    has_after = jnp.concatenate([valid[..., 1:], valid[..., -1:]], axis=-1)
    has_before = jnp.concatenate([valid[..., :1], valid[..., :-1]], axis=-1)
    return after - before, has_after & has_before
