"""The set loss: several transforms of one image, each against its truth and all against each other.

A set of N images is made from one by N transforms (`jaxdepth.augment.sample_image_set`). The loss
of a set wraps any loss of one image, `loss(prediction, target, mask) -> scalar`, which then serves
both for the single images and for the pairs of estimates.

References:
  Li et al., A Two-Streamed Network for Estimating Fine-Scaled Depth Maps from Single RGB Images,
  ICCV 2017, section 3.2, equations 1 to 5.
"""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from jaxdepth.losses.masked import magnitude, masked_difference, masked_mean

ImageLoss = Callable[[jax.Array, jax.Array, jax.Array], jax.Array]
"""`loss(prediction, target, mask)`, a scalar; symmetric in its first two arguments for a set."""


class SetLoss(NamedTuple):
    """The loss of one image set and what it is made of.

    Attributes:
      total: L_set = L_single + λ Ω_set.
      single: L_single, the mean over the N images.
      consistency: Ω_set, the mean over the N (N − 1) / 2 pairs; 0 for N = 1.
      per_image: `[N]`, the loss of each image.
    """

    total: Float[Array, ""]
    single: Float[Array, ""]
    consistency: Float[Array, ""]
    per_image: Float[Array, " n"]


def set_loss(
    loss: ImageLoss,
    predictions: Float[Array, "n ..."],
    targets: Float[Array, "n ..."],
    masks: Bool[Array, "n ..."],
    *,
    aligned: tuple[Float[Array, "n ..."], Bool[Array, "n ..."]],
    weight: float | Float[Array, ""] = 1.0,
) -> SetLoss:
    """L_set = L_single + λ Ω_set of one image set; `jax.vmap` for a batch of sets.

    Args:
      loss: of one image, `loss(prediction, target, mask) -> scalar`, such as `l2` or `gradient_l2`.
      predictions: `[N, ...]`, one estimate for each transformed image, in its own frame.
      targets: of the same shape, the ground truth in the same frames.
      masks: of the same shape, bool, True where a target was measured.
      aligned: the estimates mapped back to the original image's frame and where they are valid
        there, `[N, ...]` each: `jax.vmap(augment.depth_to_original)(params, predictions)`,
        or `log_depth_to_original` or `gradients_to_original`.
      weight: λ; 0 leaves L_single.

    Returns:
      The loss and its parts.

    Examples:
      >>> from jaxdepth import augment
      >>> from jaxdepth.losses import l2
      >>> params = augment.sample_image_set(jax.random.key(0), ("original", "flip", "color"))
      >>> depth = jnp.tile(jnp.linspace(1.0, 2.0, 8), (6, 1))
      >>> seen = jnp.stack([depth, depth[:, ::-1], depth])  # a perfectly equivariant prediction
      >>> aligned = jax.vmap(augment.depth_to_original)(params, seen)
      >>> result = set_loss(l2, seen, seen + 0.1, jnp.ones(seen.shape, bool), aligned=aligned)
      >>> float(result.consistency), round(float(result.total), 6)
      (0.0, 0.01)

    References:
      Li et al. 2017, equations 2 and 3.
    """
    chex.assert_equal_shape([predictions, targets, masks])
    per_image = jax.vmap(loss)(predictions, targets, masks)
    single = jnp.mean(per_image)
    consistency = set_consistency(loss, *aligned)
    # λ = 0 leaves L_single, whatever Ω_set is.
    static_zero = isinstance(weight, float | int) and weight == 0
    total = single if static_zero else single + weight * consistency
    return SetLoss(total, single, consistency, per_image)


def set_consistency(
    loss: ImageLoss, aligned: Float[Array, "n ..."], valid: Bool[Array, "n ..."]
) -> Float[Array, ""]:
    """Ω_set: how much the estimates of one image set differ, once they are in one frame.

    2 / (N (N − 1)) Σ_{i<j} l(D_i, g_ij(D_j)), with the original image's frame as the common one.
    A pair is compared where both of its estimates are valid, and counts as 0 where they have no
    pixel in common. A prediction that is perfectly equivariant has Ω_set = 0 (but for what bilinear
    interpolation of curved surfaces leaves).

    Args:
      loss: of a pair, `loss(a, b, mask) -> scalar`, symmetric.
      aligned: `[N, ...]`, the estimates in the original image's frame.
      valid: of the same shape, bool.

    Returns:
      A scalar; 0 for a set of one.

    References:
      Li et al. 2017, equation 4.
    """
    chex.assert_equal_shape([aligned, valid])
    first, second = np.triu_indices(len(aligned), k=1)
    if len(first) == 0:
        return jnp.zeros((), aligned.dtype)
    pairs = jax.vmap(loss)(aligned[first], aligned[second], valid[first] & valid[second])
    return jnp.mean(pairs)


def l1(
    prediction: Float[Array, "*shape"], target: Float[Array, "*shape"], mask: Bool[Array, "*shape"]
) -> Float[Array, ""]:
    """The mean absolute difference of the valid elements.

    Args:
      prediction, target: of one shape and unit.
      mask: of the same shape, True where valid.

    Returns:
      A scalar in that unit; 0 if nothing is valid.
    """
    return masked_mean(magnitude(masked_difference(prediction, target, mask)), mask)


def l2(
    prediction: Float[Array, "*shape"], target: Float[Array, "*shape"], mask: Bool[Array, "*shape"]
) -> Float[Array, ""]:
    """The mean squared difference of the valid elements, l2(D1, D2).

    Args:
      prediction, target: of one shape and unit; in the paper, logarithms of depth.
      mask: of the same shape, True where valid.

    Returns:
      A scalar in that unit squared; 0 if nothing is valid.

    References:
      Li et al. 2017, equation 1.
    """
    return masked_mean(masked_difference(prediction, target, mask) ** 2, mask)


def gradient_l2(
    prediction: Float[Array, "*b H W 2"],
    target: Float[Array, "*b H W 2"],
    mask: Bool[Array, "*b H W 2"],
) -> Float[Array, ""]:
    """The mean squared length of the difference of two gradient fields, l2g(G1, G2).

    Twice the mean over the components that are valid: where both components of every pixel are,
    this is the paper's sum of two squares over n pixels.

    Args:
      prediction, target: `[..., H, W, 2]` in metres.
      mask: of the same shape, True where a component is valid.

    Returns:
      A scalar in metres squared; 0 if nothing is valid.

    References:
      Li et al. 2017, equation 5.
    """
    return 2 * l2(prediction, target, mask)
