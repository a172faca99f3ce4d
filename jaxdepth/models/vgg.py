"""The convolutional part of VGG-16 (Simonyan & Zisserman 2015, configuration D)."""

from collections.abc import Sequence

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdepth.models.conv_block import ConvBlock

STRIDE = 32
"""Input pixels per pixel of pool5."""

_CHANNELS = (64, 128, 256, 512, 512)
_CONVOLUTIONS = (2, 2, 3, 3, 3)


def scaled_channels(width: float) -> tuple[int, ...]:
    """Channel counts of the five stages at a width multiplier, at least 1 each.

    Raises:
        ValueError: `width` is not positive.
    """
    if not width > 0:
        raise ValueError(f"width must be positive, got {width}: use 1.0 for the published size.")
    return tuple(max(1, round(width * c)) for c in _CHANNELS)


class VGG16(nn.Module):
    """VGG-16 convolutions up to pool5, without fully connected layers.

    At `width=1` it has 14,714,688 parameters, named `conv1_1` … `conv5_3` as in the publication.

    Attributes:
        width: multiplies every channel count.
        batch_norm: normalise after every convolution (not in the publication; helps without
            pretrained weights).
        dtype: computation type.
        axis_name: mapped axis over which batch statistics are averaged, if any.
    """

    width: float = 1.0
    batch_norm: bool = False
    dtype: jnp.dtype = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> tuple[jax.Array, Sequence]:
        """Encodes normalised images.

        Args:
            x: `[B, H, W, 3]`, H and W multiples of 32.
            train: use batch statistics where there is batch normalisation.

        Returns:
            pool5 `[B, H/32, W/32, C5]`, and the activations before each pooling, first to last:
            `[B, H/2^k, W/2^k, Ck]` for k = 0 … 4.

        Raises:
            ValueError: H or W is not a multiple of 32.
        """
        chex.assert_rank(x, 4)
        if x.shape[1] % STRIDE or x.shape[2] % STRIDE:
            raise ValueError(
                f"height and width must be multiples of {STRIDE}, got {x.shape[1:3]}: pad first."
            )
        skips = []
        stages = zip(scaled_channels(self.width), _CONVOLUTIONS, strict=True)
        for stage, (channels, count) in enumerate(stages, start=1):
            for index in range(1, count + 1):
                x = ConvBlock(
                    channels,
                    batch_norm=self.batch_norm,
                    dtype=self.dtype,
                    axis_name=self.axis_name,
                    name=f"conv{stage}_{index}",
                )(x, train=train)
            skips.append(x)
            x = nn.max_pool(x, (2, 2), strides=(2, 2))
        return x, skips
