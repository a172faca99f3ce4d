"""Placing a network's output map in the frame of the image that it describes."""

import operator

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdepth.ops.differences import check_image
from jaxdepth.ops.spectral import solve_dtype
from jaxdepth.ops.warp import warp_bilinear


def place_in_frame(
    depth_map: ArrayLike, *, frame: tuple[int, int], pitch: float | tuple[float, float]
) -> jax.Array:
    r"""Up-samples a map bilinearly to the region of the frame that it covers, at the centre.

    Each pixel of the map stands for pitch × pitch pixels of the frame: in coordinates that are zero
    at the centres of the map and of the frame, a position p of the frame has the map's value at
    (p_x / pitch_x, p_y / pitch_y). In the region's outermost half pixel of the map, the border
    value is continued; what the map does not cover is 0; what does not fit in the frame is cut off.

    Interpolation is exact for constants, and for affine functions but in the outermost half pixel.
    Differentiable in `depth_map`. A logarithm of depth must be exponentiated before or its zeros
    masked, since 0 is a value there.

    Args:
      depth_map: `[..., h, w]`, h, w ≥ 1; depth in metres, or any other map of finite values.
      frame: (H, W) of the result in pixels, static.
      pitch: pixels of the frame per pixel of the map, positive and finite, static; one number or
        (vertical, horizontal), whole or not.

    Returns:
      `[..., H, W]`, 0 outside the centred region of (h · pitch_y, w · pitch_x) pixels. A pixel is
      in the region if its centre is. A centre exactly on the edge counts at the top and at the left
      only, if 1 / pitch is exact; else rounding decides. float64 if `depth_map` is, else float32.

    Raises:
      ValueError: if `depth_map` is not a map, `frame` has no pixel, or `pitch` is not positive.

    Examples:
      The 111 × 150 map of a network for frames of 480 × 640 covers 444 × 600 pixels:

      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import place_in_frame
      >>> placed = place_in_frame(jnp.ones((111, 150)), frame=(480, 640), pitch=4)
      >>> placed.shape, int(jnp.sum(placed)) == 444 * 600
      ((480, 640), True)

    References:
      Li et al., "A Two-Streamed Network for Estimating Fine-Scaled Depth Maps from Single RGB
      Images", ICCV 2017, section 4.1: "we bilinearly up-sample our depth map (4x)".
    """
    depth_map = jnp.asarray(depth_map)
    check_image("depth_map", depth_map)
    height, width = (operator.index(n) for n in frame)
    if min(height, width) < 1:
        raise ValueError(f"frame must have at least one pixel, got {frame}; pass (H, W).")
    pitch_y, pitch_x = np.broadcast_to(pitch, 2)
    if not (0 < pitch_y < np.inf and 0 < pitch_x < np.inf):
        raise ValueError(
            f"pitch must be positive and finite, got {pitch}; it is the number of pixels of the "
            "frame per pixel of the map, 4 for a map at a quarter of the resolution."
        )
    dtype = solve_dtype(depth_map)
    *batch, h, w = depth_map.shape
    channels = jnp.moveaxis(depth_map.astype(dtype).reshape(-1, h, w), 0, -1)
    magnify = jnp.diag(jnp.array([pitch_x, pitch_y, 1], dtype))
    placed, _ = warp_bilinear(channels, magnify, size=(height, width))
    return jnp.moveaxis(placed, -1, 0).reshape(*batch, height, width)
