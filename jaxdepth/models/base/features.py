"""What every base network returns."""

from typing import NamedTuple

import jax

STRIDE = 32
"""Input pixels per pixel of pool5."""


class BaseFeatures(NamedTuple):
    """Features of images `[B, H, W, 3]`, all of the base network's computation type.

    Attributes:
        skips: finest first, for decoders with symmetric skips. VGG: the activations before each
            pooling (strides 1, 2, 4, 8, 16). ResNet-50: the first convolution's (2) and those of
            the first three layers (4, 8, 16).
        pool3: stride 8: VGG's pool3, ResNet's layer2.
        pool4: stride 16: VGG's pool4, ResNet's layer3.
        pool5: stride 32: VGG's pool5, ResNet's layer4.
    """

    skips: tuple[jax.Array, ...]
    pool3: jax.Array
    pool4: jax.Array
    pool5: jax.Array


def scale_channels(width: float, channels: tuple[int, ...]) -> tuple[int, ...]:
    """Channel counts at a width multiplier, at least 1 each.

    Raises:
        ValueError: `width` is not positive.
    """
    if not width > 0:
        raise ValueError(f"width must be positive, got {width}: use 1.0 for the published size.")
    return tuple(max(1, round(width * c)) for c in channels)
