"""Masked training losses, from arrays to scalars.

Depth is `[..., H, W]` in metres, gradients are `[..., H, W, 2]` in metres per pixel, masks are
bool, True where valid. What lies under a mask, NaN included, changes neither a loss nor its
gradient; with nothing valid, both are 0.
"""

from jaxdepth.losses.adversarial import (
    discriminator_loss,
    discriminator_terms,
    generator_loss,
    generator_terms,
)
from jaxdepth.losses.image_set import SetLoss, gradient_l2, l1, l2, set_consistency, set_loss
from jaxdepth.losses.masked import masked_mean, masked_sum_and_count
from jaxdepth.losses.reconstruction import (
    depth_l1,
    depth_l1_terms,
    gradient_l1,
    gradient_l1_terms,
    gradient_validity,
)

__all__ = [
    "SetLoss",
    "depth_l1",
    "depth_l1_terms",
    "discriminator_loss",
    "discriminator_terms",
    "generator_loss",
    "generator_terms",
    "gradient_l1",
    "gradient_l1_terms",
    "gradient_l2",
    "gradient_validity",
    "l1",
    "l2",
    "masked_mean",
    "masked_sum_and_count",
    "set_consistency",
    "set_loss",
]
