"""Flip, rotation and magnification of an image together with its depth, and the way back."""

import chex
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxdepth.augment.parameters import AugmentParams, invert, matrix
from jaxdepth.ops import warp_bilinear, warp_nearest


def apply_geometry(
    params: AugmentParams, image: Float[Array, "H W C"], depth: Float[Array, "H W"]
) -> tuple[Float[Array, "H W C"], Float[Array, "H W"], Bool[Array, "H W"]]:
    """Flips, rotates and magnifies one image and its depth about the centre.

    A magnified scene is a nearer scene: depths are divided by the scale. The image is interpolated
    bilinearly; each depth is a copy of the nearest one, so that holes and edges are not smeared.

    Args:
      params: of one transform; the colours are not used.
      image: `[H, W, C]` in [0, 1].
      depth: `[H, W]` in metres; 0, negative and non-finite values are invalid.

    Returns:
      `(image, depth, valid)`: `[H, W, C]` in [0, 1], 0 outside the original frame; `[H, W]` in
      metres, 0 where invalid; `[H, W]` bool, True where the depth was measured. Flips are exact.

    References:
      Kim et al. 2018, section IV.C.
    """
    _check_pair(image, depth)
    transform = matrix(params)
    image, _ = warp_bilinear(image, transform)
    depth, _ = warp_nearest(depth, transform)
    # Interpolation can round to just above its inputs.
    return jnp.clip(image, 0, 1), *_measured(depth / params.scale.astype(depth.dtype))


def apply_flip(
    params: AugmentParams, image: Float[Array, "H W C"], depth: Float[Array, "H W"]
) -> tuple[Float[Array, "H W C"], Float[Array, "H W"], Bool[Array, "H W"]]:
    """`apply_geometry` for parameters without rotation and scale, without a gather.

    Args:
      params: of one transform; only `flip` is used.
      image: `[H, W, C]` in [0, 1].
      depth: `[H, W]` in metres; 0, negative and non-finite values are invalid.

    Returns:
      `(image, depth, valid)`, as `apply_geometry`.
    """
    _check_pair(image, depth)
    image = jnp.where(params.flip, image[:, ::-1], image)
    return image, *_measured(jnp.where(params.flip, depth[:, ::-1], depth))


def depth_to_original(
    params: AugmentParams, prediction: Float[Array, "H W"]
) -> tuple[Float[Array, "H W"], Bool[Array, "H W"]]:
    """Maps a depth predicted for an augmented image back to the original image's frame.

    This is g of the two-stream paper's equation 4, with the original frame as the common one. The
    prediction is dense, so it is interpolated bilinearly; differentiable in `prediction`.

    Args:
      params: of the one transform that was applied to the image.
      prediction: `[H, W]` in metres (not their logarithm), at any resolution: the centre is the
        same at each. A change of aspect ratio is not undone before a rotation.

    Returns:
      `(prediction, valid)`: `[H, W]` in metres, multiplied by the scale, 0 where invalid; `[H, W]`
      bool, False where that part of the original image was not in the augmented one.

    References:
      Li et al. 2017, equation 4.
    """
    inverse = invert(params)
    prediction, valid = warp_bilinear(prediction[..., None], matrix(inverse))
    return prediction[..., 0] * params.scale.astype(prediction.dtype), valid


def _measured(depth: Float[Array, "H W"]) -> tuple[Float[Array, "H W"], Bool[Array, "H W"]]:
    valid = jnp.isfinite(depth) & (depth > 0)
    return jnp.where(valid, depth, 0), valid


def _check_pair(image: Float[Array, "..."], depth: Float[Array, "..."]) -> None:
    chex.assert_rank([image, depth], [3, 2])
    chex.assert_equal_shape_prefix([image, depth], 2)
