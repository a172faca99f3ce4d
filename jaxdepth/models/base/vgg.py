"""The convolutional part of VGG (Simonyan & Zisserman 2015, configurations D and E)."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdepth.models.base.conventions import find_convention, normalise
from jaxdepth.models.base.features import STRIDE, BaseFeatures, scale_channels
from jaxdepth.models.conv_block import ConvBlock

CHANNELS = (64, 128, 256, 512, 512)
"""Of the five stages, at width 1."""

CONVOLUTIONS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
"""In each stage, by the number of layers that names the network."""


class VGG(nn.Module):
    """VGG convolutions up to pool5, without fully connected layers.

    At `width=1` VGG-16 has 14,714,688 parameters and VGG-19 20,024,384, named `conv1_1` … `conv5_3`
    (`conv5_4`) as in the publication.

    Attributes:
        layers: 16 or 19.
        width: multiplies every channel count.
        convention: whose weights are to fit, `"torch"` or `"keras"`; decides the normalisation of
            the image.
        batch_norm: normalise after every convolution (not in the publication; helps without
            pretrained weights).
        frozen_norm: batch normalisation uses the running statistics and never changes them, in
            training too.
        dtype: computation type.
        axis_name: mapped axis over which batch statistics are averaged, if any.
    """

    layers: int = 16
    width: float = 1.0
    convention: str = "torch"
    batch_norm: bool = False
    frozen_norm: bool = False
    dtype: jnp.dtype = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, image: jax.Array, *, train: bool = False) -> BaseFeatures:
        """Encodes images.

        Args:
            image: `[B, H, W, 3]` in [0, 1], H and W at least 32.
            train: use batch statistics where there is batch normalisation.

        Returns:
            Features; pooling drops an odd last row or column, so pool k has ⌊H/2^k⌋ × ⌊W/2^k⌋.

        Raises:
            ValueError: H or W is less than 32, or an attribute is none of the above.
        """
        chex.assert_shape(image, (None, None, None, 3))
        if self.layers not in CONVOLUTIONS:
            raise ValueError(f"layers must be 16 or 19, got {self.layers}.")
        if min(image.shape[1:3]) < STRIDE:
            raise ValueError(
                f"VGG needs height and width of at least {STRIDE}, got {image.shape[1:3]}: pad or "
                "resize the images."
            )
        x = normalise(image, find_convention(self.convention)).astype(self.dtype)
        skips, pools = [], []
        stages = zip(scale_channels(self.width, CHANNELS), CONVOLUTIONS[self.layers], strict=True)
        for stage, (channels, count) in enumerate(stages, start=1):
            for index in range(1, count + 1):
                x = ConvBlock(
                    channels,
                    batch_norm=self.batch_norm,
                    frozen_norm=self.frozen_norm,
                    dtype=self.dtype,
                    axis_name=self.axis_name,
                    name=f"conv{stage}_{index}",
                )(x, train=train)
            skips.append(x)
            x = nn.max_pool(x, (2, 2), strides=(2, 2))
            pools.append(x)
        return BaseFeatures(tuple(skips), *pools[2:])
