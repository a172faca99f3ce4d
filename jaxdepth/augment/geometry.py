"""Flip, rotation, magnification and shift of an image together with its depth, and the way back."""

import chex
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxdepth.augment.parameters import AugmentParams, invert, matrix
from jaxdepth.ops import affine_matrix, compose_affine, warp_bilinear, warp_nearest


def apply_geometry(
    params: AugmentParams, image: Float[Array, "H W C"], depth: Float[Array, "H W"]
) -> tuple[Float[Array, "H W C"], Float[Array, "H W"], Bool[Array, "H W"]]:
    """Flips, rotates and magnifies one image and its depth about the centre, and shifts them.

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
    depth, _ = warp_nearest(depth, matrix(params))
    image = move_image(params, image, affine=True)
    return image, *_measured(depth / params.scale.astype(depth.dtype))


def apply_flip(
    params: AugmentParams, image: Float[Array, "H W C"], depth: Float[Array, "H W"]
) -> tuple[Float[Array, "H W C"], Float[Array, "H W"], Bool[Array, "H W"]]:
    """`apply_geometry` for parameters without rotation, scale and shift, without a gather.

    Args:
      params: of one transform; only `flip` is used.
      image: `[H, W, C]` in [0, 1].
      depth: `[H, W]` in metres; 0, negative and non-finite values are invalid.

    Returns:
      `(image, depth, valid)`, as `apply_geometry`.
    """
    _check_pair(image, depth)
    image = move_image(params, image, affine=False)
    return image, *_measured(jnp.where(params.flip, depth[:, ::-1], depth))


def move_image(
    params: AugmentParams, image: Float[Array, "H W C"], *, affine: bool
) -> Float[Array, "H W C"]:
    """The image of `apply_geometry`, or, without `affine`, of `apply_flip`."""
    if not affine:
        return jnp.where(params.flip, image[:, ::-1], image)
    image, _ = warp_bilinear(image, matrix(params))
    return jnp.clip(image, 0, 1)  # interpolation can round to just above its inputs


def sample_depth(
    params: AugmentParams,
    depth: Float[Array, "H W"],
    *,
    image_size: tuple[int, int],
    size: tuple[int, int],
    pitch: float = 1.0,
    affine: bool = True,
) -> tuple[Float[Array, "h w"], Bool[Array, "h w"]]:
    """The depth that a map of an augmented image should show, sampled from the original once.

    Scaling to the image, the transform and the way to the map's pixels are one warp: each depth is
    a copy of one measurement, whatever the resolutions.

    Args:
      params: of one transform.
      depth: `[H, W]` in metres, of the same scene as the image at any resolution; 0, negative and
        non-finite values are invalid.
      image_size: (height, width) of what `depth` shows, in pixels of the image that `params` is
        for: the image's own size, or more where the image is the middle of a larger frame.
      size: (h, w) of the map, which is centred in the image.
      pitch: pixels of the image per pixel of the map.
      affine: False promises that `params` has neither rotation, scale nor shift; a flip is then the
        exact mirror image of what it is without.

    Returns:
      `(depth, valid)`: `[h, w]` in metres, 0 where invalid; `[h, w]` bool, True where the depth was
      measured.

    References:
      Li et al. 2017, equation 3: the ground truth of an augmented image.
    """
    chex.assert_rank(depth, 2)
    rows, columns = (i / d for i, d in zip(image_size, depth.shape, strict=True))
    to_image, to_map = jnp.diag(jnp.array([columns, rows, 1.0])), affine_matrix(scale=1 / pitch)
    if affine:
        transform = compose_affine(to_image, matrix(params), to_map)
        sampled, _ = warp_nearest(depth, transform, size=size)
        return _measured(sampled / params.scale.astype(depth.dtype))
    sampled, _ = warp_nearest(depth, compose_affine(to_image, to_map), size=size)
    return _measured(jnp.where(params.flip, sampled[:, ::-1], sampled))


def depth_to_original(
    params: AugmentParams,
    prediction: Float[Array, "H W"],
    *,
    pitch: float = 1.0,
    affine: bool = True,
) -> tuple[Float[Array, "H W"], Bool[Array, "H W"]]:
    """Maps a depth predicted for an augmented image back to the original image's frame.

    This is g of the two-stream paper's equation 4, with the original frame as the common one. The
    prediction is dense, so it is interpolated bilinearly; differentiable in `prediction`.

    Args:
      params: of the one transform that was applied to the image.
      prediction: `[H, W]` in metres (for their logarithm, see `log_depth_to_original`), at any
        resolution: the centre is the same at each.
      pitch: pixels of the image per pixel of the prediction; it matters for a shift alone.
      affine: False promises that `params` has neither rotation, scale nor shift; a flip is then
        undone without interpolation.

    Returns:
      `(prediction, valid)`: `[H, W]` in metres, multiplied by the scale, 0 where invalid; `[H, W]`
      bool, False where that part of the original image was not in the augmented one.

    References:
      Li et al. 2017, equation 4.
    """
    prediction, valid = _to_original(params, prediction, pitch, affine)
    return prediction * params.scale.astype(prediction.dtype), valid


def log_depth_to_original(
    params: AugmentParams,
    prediction: Float[Array, "H W"],
    *,
    pitch: float = 1.0,
    affine: bool = True,
) -> tuple[Float[Array, "H W"], Bool[Array, "H W"]]:
    """`depth_to_original` for the logarithm of depth: a scale adds its own logarithm.

    Args:
      params: of the one transform that was applied to the image.
      prediction: `[H, W]`, ln(depth / 1 m).
      pitch, affine: as in `depth_to_original`.

    Returns:
      `(prediction, valid)`: `[H, W]`, 0 where invalid; `[H, W]` bool.

    References:
      Li et al. 2017, equation 4 and section 4.1.
    """
    prediction, valid = _to_original(params, prediction, pitch, affine)
    log_scale = jnp.log(params.scale).astype(prediction.dtype)
    return jnp.where(valid, prediction + log_scale, 0), valid


def _to_original(
    params: AugmentParams, prediction: Float[Array, "H W"], pitch: float, affine: bool
) -> tuple[Float[Array, "H W"], Bool[Array, "H W"]]:
    if affine:
        transform = matrix(invert(params), pitch=pitch)
        prediction, valid = warp_bilinear(prediction[..., None], transform, extrapolate=False)
        return prediction[..., 0], valid
    prediction = jnp.where(params.flip, prediction[:, ::-1], prediction)
    return prediction, jnp.ones_like(prediction, bool)


def _measured(depth: Float[Array, "H W"]) -> tuple[Float[Array, "H W"], Bool[Array, "H W"]]:
    valid = jnp.isfinite(depth) & (depth > 0)
    return jnp.where(valid, depth, 0), valid


def _check_pair(image: Float[Array, "..."], depth: Float[Array, "..."]) -> None:
    chex.assert_rank([image, depth], [3, 2])
    chex.assert_equal_shape_prefix([image, depth], 2)
