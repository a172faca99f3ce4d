"""Transforms of an image and its depth, as arrays of parameters, and their inverses.

Images are `[H, W, 3]` in [0, 1]; depth is `[H, W]` in metres, 0 or non-finite where there is no
measurement. All functions are for one example: use `jax.vmap` for a batch.
"""

from jaxdepth.augment.color import apply_color
from jaxdepth.augment.crop import random_crop
from jaxdepth.augment.geometry import (
    apply_flip,
    apply_geometry,
    depth_to_original,
    log_depth_to_original,
    sample_depth,
)
from jaxdepth.augment.gradients import apply_to_gradients, gradients_to_original
from jaxdepth.augment.image_set import TRANSFORMS, sample_image_set
from jaxdepth.augment.parameters import (
    AugmentParams,
    identity_params,
    invert,
    matrix,
    sample_params,
)
from jaxdepth.augment.transform import apply, apply_image

__all__ = [
    "TRANSFORMS",
    "AugmentParams",
    "apply",
    "apply_color",
    "apply_flip",
    "apply_geometry",
    "apply_image",
    "apply_to_gradients",
    "depth_to_original",
    "gradients_to_original",
    "identity_params",
    "invert",
    "log_depth_to_original",
    "matrix",
    "random_crop",
    "sample_depth",
    "sample_image_set",
    "sample_params",
]
