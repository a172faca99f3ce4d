"""Base networks by name."""

import flax.linen as nn
import jax.numpy as jnp

from jaxdepth.models.base.conventions import find_convention
from jaxdepth.models.base.features import scale_channels
from jaxdepth.models.base.resnet import ResNet50
from jaxdepth.models.base.vgg import VGG

BASES = ("vgg16", "vgg19", "resnet50")
"""Names that `make_base` knows."""


def make_base(
    base: str,
    *,
    width: float = 1.0,
    convention: str = "torch",
    batch_norm: bool = False,
    frozen_norm: bool = False,
    dtype: jnp.dtype = jnp.float32,
    axis_name: str | None = None,
    name: str | None = None,
) -> nn.Module:
    """A base network, by name.

    Args:
        base: `"vgg16"`, `"vgg19"` or `"resnet50"`.
        width: multiplies every channel count (at least 1 channel each).
        convention: whose weights are to fit: `"torch"` (torchvision, timm) or `"keras"`
            (keras-applications).
        batch_norm: batch normalisation in VGG; ResNet-50 always has it.
        frozen_norm: batch normalisation uses the running statistics and never changes them, in
            training too.
        dtype: computation type.
        axis_name: mapped axis over which batch statistics are averaged, if any.
        name: of the module, inside another one.

    Returns:
        A module that maps `image [B, H, W, 3]` in [0, 1] and the keyword `train` (False without it)
        to `BaseFeatures`.

    Raises:
        ValueError: `base` or `convention` is unknown, or `width` is not positive.
    """
    find_convention(convention)
    scale_channels(width, ())
    shared = {
        "width": width,
        "convention": convention,
        "frozen_norm": frozen_norm,
        "dtype": dtype,
        "axis_name": axis_name,
        "name": name,
    }
    if base == "vgg16":
        return VGG(16, batch_norm=batch_norm, **shared)
    if base == "vgg19":
        return VGG(19, batch_norm=batch_norm, **shared)
    if base == "resnet50":
        return ResNet50(**shared)
    raise ValueError(f"base must be one of {', '.join(BASES)}, got {base!r}.")
