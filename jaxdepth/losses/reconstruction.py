"""L1 losses of depth and of its gradient.

The paper's equations 6, 7 and 9 sum absolute differences over the pixels of an image and divide by
the number M of images. Here every loss is a mean over the valid elements of the whole batch, so
that its size depends neither on the resolution nor on how much of the depth was measured. For fully
measured images of n pixels it is the paper's loss divided by n; a weight that the paper gives
relative to one of these sums, such as η in equation 9, has to be read with that factor.

Each loss comes as `*_terms`, before the mean, for `masked_sum_and_count`.

References:
  Kim et al., Deep Monocular Depth Estimation via Integration of Global and Local Predictions,
  IEEE TIP 2018, section III.D.
"""

from typing import Literal

import chex
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from jaxdepth.losses.masked import magnitude, masked_difference, masked_mean
from jaxdepth.ops import gradient


def depth_l1_terms(
    prediction: Float[Array, "*b H W"],
    target: Float[Array, "*b H W"],
    mask: Bool[Array, "*b H W"],
) -> tuple[Float[Array, "*b H W"], Bool[Array, "*b H W"]]:
    """The terms |f − D| of `depth_l1`, for `masked_sum_and_count`.

    Args:
      prediction: f or u, `[..., H, W]` in metres.
      target: the ground truth D, `[..., H, W]` in metres.
      mask: `[..., H, W]` bool, True where D was measured.

    Returns:
      `(values, mask)`: `[..., H, W]` in metres, 0 under the mask; the mask as given.
    """
    return magnitude(masked_difference(prediction, target, mask)), mask


def depth_l1(
    prediction: Float[Array, "*b H W"],
    target: Float[Array, "*b H W"],
    mask: Bool[Array, "*b H W"],
) -> Float[Array, ""]:
    """L_global, and the first term of L_total: the mean of |f − D| over the measured pixels.

    Args:
      prediction: f (equation 6) or u (equation 9), `[..., H, W]` in metres.
      target: the ground truth D, `[..., H, W]` in metres.
      mask: `[..., H, W]` bool, True where D was measured.

    Returns:
      A scalar in metres; 0 if nothing was measured.

    References:
      Kim et al. 2018, equations 6 and 9.
    """
    return masked_mean(*depth_l1_terms(prediction, target, mask))


def gradient_validity(mask: Bool[Array, "*b H W"]) -> Bool[Array, "*b H W 2"]:
    """Where a forward difference of depth exists: both of its pixels are inside and valid.

    Args:
      mask: `[..., H, W]` bool, True where the depth was measured.

    Returns:
      `[..., H, W, 2]` bool, x then y. The last column of x and the last row of y are False,
      whatever the boundary condition: a difference across the border is no measurement.
    """
    border_x = jnp.zeros_like(mask[..., :, :1])
    border_y = jnp.zeros_like(mask[..., :1, :])
    x = jnp.concatenate([mask[..., :, 1:] & mask[..., :, :-1], border_x], axis=-1)
    y = jnp.concatenate([mask[..., 1:, :] & mask[..., :-1, :], border_y], axis=-2)
    return jnp.stack([x, y], axis=-1)


def gradient_l1_terms(
    prediction: Float[Array, "*b H W 2"],
    target: Float[Array, "*b H W"],
    mask: Bool[Array, "*b H W"],
    *,
    boundary: Literal["periodic", "neumann"] = "periodic",
) -> tuple[Float[Array, "*b H W 2"], Bool[Array, "*b H W 2"]]:
    """The terms |g − ∇D| of `gradient_l1`, for `masked_sum_and_count`.

    Args:
      prediction: g, `[..., H, W, 2]` in metres per pixel, x then y.
      target: the ground truth D, `[..., H, W]` in metres.
      mask: `[..., H, W]` bool, True where D was measured.
      boundary: of ∇, as in `jaxdepth.ops.gradient`. The differences across the border, which alone
        depend on it, are not supervised: the loss is the same for both.

    Returns:
      `(values, valid)`: `[..., H, W, 2]` in metres per pixel, 0 where no difference exists;
      `gradient_validity(mask)`.
    """
    chex.assert_equal_shape([target, mask])
    chex.assert_shape(prediction, (*target.shape, 2))
    valid = gradient_validity(mask)
    expected = gradient(jnp.where(mask, target, 0), boundary=boundary)
    return magnitude(masked_difference(prediction, expected, valid)), valid


def gradient_l1(
    prediction: Float[Array, "*b H W 2"],
    target: Float[Array, "*b H W"],
    mask: Bool[Array, "*b H W"],
    *,
    boundary: Literal["periodic", "neumann"] = "periodic",
) -> Float[Array, ""]:
    """L_local: the mean of |g − ∇D| over the forward differences that exist.

    x and y differences count alike.

    Args:
      prediction: g, `[..., H, W, 2]` in metres per pixel, x then y.
      target: the ground truth D, `[..., H, W]` in metres.
      mask: `[..., H, W]` bool, True where D was measured.
      boundary: of ∇, as in `jaxdepth.ops.gradient`. The differences across the border, which alone
        depend on it, are not supervised: the loss is the same for both.

    Returns:
      A scalar in metres per pixel; 0 if no difference exists.

    References:
      Kim et al. 2018, equation 7.
    """
    return masked_mean(*gradient_l1_terms(prediction, target, mask, boundary=boundary))
