"""The convolutional part of ResNet-50 (He et al. 2016, Table 1)."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdepth.models.base.conventions import find_convention, normalise
from jaxdepth.models.base.features import BaseFeatures, scale_channels
from jaxdepth.models.conv_block import ConvBlock

CHANNELS = (64, 128, 256, 512)
"""Inside the bottlenecks of the four layers, at width 1; their outputs have four times as many."""

BLOCKS = (3, 4, 6, 3)
"""Bottlenecks in each layer."""


class Bottleneck(nn.Module):
    """1×1, 3×3 and 1×1 convolutions added to the input, which is projected where shapes differ.

    The residual branch is initialised to zero, so that a network without pretrained weights is
    shallow at first (Goyal et al. 2017, "Accurate, Large Minibatch SGD", §5.1).

    Attributes:
        channels: inside; the output has `out_channels`.
        out_channels: of the output.
        stride: of the block.
        stride_in_first: whether the first convolution has the stride, or the second.
        project: whether the input is projected by a 1×1 convolution of the block's stride.
        block: keywords of the convolutions.
    """

    channels: int
    out_channels: int
    stride: int
    stride_in_first: bool
    project: bool
    block: dict

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        """Maps `[B, H, W, C]` to `[B, ⌈H/stride⌉, ⌈W/stride⌉, out_channels]`."""
        strides = (self.stride, 1) if self.stride_in_first else (1, self.stride)
        y = ConvBlock(self.channels, 1, strides[0], name="conv1", **self.block)(x, train=train)
        y = ConvBlock(self.channels, 3, strides[1], name="conv2", **self.block)(y, train=train)
        y = ConvBlock(
            self.out_channels,
            1,
            relu=False,
            scale_init=nn.initializers.zeros,
            name="conv3",
            **self.block,
        )(y, train=train)
        if self.project:
            x = ConvBlock(
                self.out_channels, 1, self.stride, relu=False, name="downsample", **self.block
            )(x, train=train)
        return nn.relu(x + y)


class ResNet50(nn.Module):
    """ResNet-50 up to its last bottleneck, without the fully connected layer.

    At `width=1` it has 23,508,032 parameters. They are named as in torchvision: `conv1`, then
    `layer1_0` … `layer4_2` with `conv1`, `conv2`, `conv3` and `downsample`; each convolution and
    its batch normalisation are `conv` and `norm` under one of these names.

    Attributes:
        width: multiplies every channel count.
        convention: whose weights are to fit: `"torch"` (the 3×3 convolution of a block has the
            stride, ε = 1e-5) or `"keras"` (as published: the first one has it, ε = 1.001e-5);
            decides the normalisation of the image, too.
        frozen_norm: batch normalisation uses the running statistics and never changes them, in
            training too.
        dtype: computation type.
        axis_name: mapped axis over which batch statistics are averaged, if any.
    """

    width: float = 1.0
    convention: str = "torch"
    frozen_norm: bool = False
    dtype: jnp.dtype = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, image: jax.Array, *, train: bool = False) -> BaseFeatures:
        """Encodes images.

        Args:
            image: `[B, H, W, 3]` in [0, 1], of any height and width.
            train: use batch statistics, unless they are frozen.

        Returns:
            Features; sizes are rounded up, so pool k has ⌈H/2^k⌉ × ⌈W/2^k⌉.

        Raises:
            ValueError: an attribute is none of the above.
        """
        chex.assert_shape(image, (None, None, None, 3))
        convention = find_convention(self.convention)
        block = {
            "batch_norm": True,
            "frozen_norm": self.frozen_norm,
            "epsilon": convention.epsilon,
            "dtype": self.dtype,
            "axis_name": self.axis_name,
        }
        inner = scale_channels(self.width, CHANNELS)
        outer = scale_channels(4 * self.width, CHANNELS)
        x = normalise(image, convention).astype(self.dtype)
        x = ConvBlock(inner[0], 7, 2, name="conv1", **block)(x, train=train)
        features = [x]
        x = nn.max_pool(x, (3, 3), strides=(2, 2), padding=((1, 1), (1, 1)))
        for layer, count in enumerate(BLOCKS):
            for index in range(count):
                x = Bottleneck(
                    inner[layer],
                    outer[layer],
                    stride=2 if layer > 0 and index == 0 else 1,
                    stride_in_first=convention.stride_in_first,
                    project=index == 0,
                    block=block,
                    name=f"layer{layer + 1}_{index}",
                )(x, train=train)
            features.append(x)
        return BaseFeatures(tuple(features[:4]), *features[2:])
