"""The adversarial losses, from the logits of the classifier C = sigmoid(logit).

C is the probability that a depth map is a ground truth D and not an estimate u. The logarithms are
computed from the logits, log C = −softplus(−logit) and log(1 − C) = −softplus(logit), and neither
they nor their derivatives overflow.

Each loss comes as `*_terms`, one value per example, and as the mean of these.

References:
  Kim et al., Deep Monocular Depth Estimation via Integration of Global and Local Predictions,
  IEEE TIP 2018, section III.D, equations 8 and 9.
"""

import chex
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def discriminator_terms(
    real_logits: Float[Array, "*b"], fake_logits: Float[Array, "*b"]
) -> Float[Array, "*b"]:
    """−(log C(D) + log(1 − C(u))), one value per example.

    Args:
      real_logits: the logits of C(D), one per example.
      fake_logits: the logits of C(u), of the same shape.

    Returns:
      Of the same shape, positive.
    """
    chex.assert_equal_shape([real_logits, fake_logits])
    return jax.nn.softplus(-real_logits) + jax.nn.softplus(fake_logits)


def discriminator_loss(
    real_logits: Float[Array, "*b"], fake_logits: Float[Array, "*b"]
) -> Float[Array, ""]:
    """−L_adv = −(E[log C(D)] + E[log(1 − C(u))]), for the classifier to minimise.

    Args:
      real_logits: the logits of C(D), one per example.
      fake_logits: the logits of C(u), of the same shape.

    Returns:
      A scalar, positive; 2 ln 2 for a classifier that always says ½.

    References:
      Kim et al. 2018, equation 8, negated: C maximises L_adv.
    """
    return jnp.mean(discriminator_terms(real_logits, fake_logits))


def generator_terms(
    fake_logits: Float[Array, "*b"], *, saturating: bool = True
) -> Float[Array, "*b"]:
    """log(1 − C(u)), one value per example.

    Args:
      fake_logits: the logits of C(u), one per example.
      saturating: True for the paper's log(1 − C(u)), negative, whose derivative vanishes where C is
        sure that u is an estimate; False for −log C(u), positive, whose derivative is largest
        there.

    Returns:
      Of the same shape.
    """
    return -jax.nn.softplus(fake_logits) if saturating else jax.nn.softplus(-fake_logits)


def generator_loss(fake_logits: Float[Array, "*b"], *, saturating: bool = True) -> Float[Array, ""]:
    """E[log(1 − C(u))], for the depth network to minimise; without the factor η.

    It falls as C takes the estimates for ground truths.

    Args:
      fake_logits: the logits of C(u), one per example.
      saturating: as in `generator_terms`; False is not in the paper.

    Returns:
      A scalar; −ln 2 for a classifier that always says ½, ln 2 in the form that does not saturate.

    References:
      Kim et al. 2018, second term of equation 9. The other form: Goodfellow et al., Generative
      Adversarial Nets, NeurIPS 2014, section 3.
    """
    return jnp.mean(generator_terms(fake_logits, saturating=saturating))
