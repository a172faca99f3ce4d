"""Sums and means over the valid part of an array.

What lies under a mask may be anything, NaN included: it changes neither the value nor the gradient.
An array without a valid element has sum, count and mean 0, and gradient 0.
"""

import chex
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float


def masked_sum_and_count(
    values: Float[Array, "*shape"], mask: Bool[Array, "*shape"]
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The sum of the valid values and their number.

    For data-parallel training: sum both over the devices (`jax.lax.psum`), then divide, and the
    loss does not depend on how the batch was divided. Half-precision values are summed in single
    precision.

    The rule for what lies under a mask holds for `values`. Where they are computed from something
    that may be NaN, mask that too, as the `*_terms` functions of this package do: the derivative of
    a NaN is NaN, and 0 × NaN as well.

    Args:
      values: any shape.
      mask: of the same shape; True where valid.

    Returns:
      `(sum, count)`, scalars of one type.

    Examples:
      >>> from jaxdepth.losses import depth_l1_terms
      >>> prediction, target, mask = jnp.full((2, 3), 4.0), jnp.ones((2, 3)), jnp.eye(2, 3) > 0
      >>> masked_sum_and_count(*depth_l1_terms(prediction, target, mask))
      (Array(6., dtype=float32), Array(2., dtype=float32))
    """
    chex.assert_equal_shape([values, mask])
    dtype = jnp.promote_types(values.dtype, jnp.float32)
    total = jnp.sum(jnp.where(mask, values, 0), dtype=dtype)
    return total, jnp.sum(mask, dtype=dtype)


def masked_difference(
    a: Float[Array, "*shape"], b: Float[Array, "*shape"], mask: Bool[Array, "*shape"]
) -> Float[Array, "*shape"]:
    """a − b where valid, 0 elsewhere, so that nothing under the mask reaches a derivative."""
    chex.assert_equal_shape([a, b, mask])
    return jnp.where(mask, a, 0) - jnp.where(mask, b, 0)


def magnitude(difference: Float[Array, "..."]) -> Float[Array, "..."]:
    """|x| with the derivative sgn(x) of Kim et al. 2018, equation 10: 0 at 0, unlike `jnp.abs`."""
    return difference * jnp.sign(difference)


def masked_mean(values: Float[Array, "*shape"], mask: Bool[Array, "*shape"]) -> Float[Array, ""]:
    """The mean of the valid values, each of the whole array with the same weight.

    Args:
      values: any shape.
      mask: of the same shape; True where valid.

    Returns:
      A scalar; 0 if nothing is valid.
    """
    total, count = masked_sum_and_count(values, mask)
    return total / jnp.maximum(count, 1)
