"""Transforms of an image and its depth, as arrays of parameters, and their inverses.

Images are `[H, W, 3]` in [0, 1]; depth is `[H, W]` in metres, 0 or non-finite where there is no
measurement. All functions are for one example: use `jax.vmap` for a batch.
"""

from jaxdepth.augment.color import apply_color
from jaxdepth.augment.crop import random_crop
from jaxdepth.augment.geometry import apply_flip, apply_geometry, depth_to_original
from jaxdepth.augment.gradients import apply_to_gradients, gradients_to_original
from jaxdepth.augment.parameters import (
    AugmentParams,
    identity_params,
    invert,
    matrix,
    sample_params,
)
from jaxdepth.augment.transform import apply

__all__ = [
    "AugmentParams",
    "apply",
    "apply_color",
    "apply_flip",
    "apply_geometry",
    "apply_to_gradients",
    "depth_to_original",
    "gradients_to_original",
    "identity_params",
    "invert",
    "matrix",
    "random_crop",
    "sample_params",
]
