"""The global network: the whole image to a depth map (Kim et al. 2018, §III.A)."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdepth.models.base import STRIDE, make_base
from jaxdepth.models.conv_block import ConvBlock
from jaxdepth.models.framing import pad_to_multiple, upsample_2x


class GlobalNet(nn.Module):
    """Encoder-decoder that predicts the overall depth structure f from a whole image.

    The encoder is a base network to pool5: VGG-16 in the paper. Each decoder stage doubles the
    resolution with a fixed bilinear transposed convolution, adds the activations of the symmetric
    encoder stage (the paper prefers the sum to concatenation) and convolves; a last convolution
    gives depth. The paper does not state the decoder's channel counts: here each stage's
    convolution outputs the channels of the next encoder stage above, so that the sums need no
    projection. ResNet-50 needs two things more: a 1×1 convolution `top` from pool5 to the channels
    of the first sum, and a last stage `decoder0` without a sum, because its finest activations
    have stride 2.

    Attributes:
        width: multiplies every channel count.
        batch_norm: normalise after the convolutions of the decoder and of a VGG encoder (not in
            the paper, which starts the encoder from ImageNet weights; helps without them).
        initial_depth: metres predicted before any training.
        dtype: computation type; the returned depth is float32.
        axis_name: mapped axis over which batch statistics are averaged, if any.
        base: the encoder, `"vgg16"`, `"vgg19"` or `"resnet50"`.
        convention: whose weights fit the encoder, `"torch"` or `"keras"`.
        frozen_norm: batch normalisation in the encoder uses the running statistics and never
            changes them, in training too.
        channels: of the output.
    """

    width: float = 1.0
    batch_norm: bool = False
    initial_depth: float = 2.5
    dtype: jnp.dtype = jnp.float32
    axis_name: str | None = None
    base: str = "vgg16"
    convention: str = "torch"
    frozen_norm: bool = False
    channels: int = 1

    @nn.compact
    def __call__(self, image: jax.Array, *, train: bool = False) -> jax.Array:
        """Predicts depth.

        Args:
            image: `[B, H, W, 3]` in [0, 1]; any H and W (padded to multiples of 32 inside).
            train: use batch statistics where there is batch normalisation.

        Returns:
            f `[B, H, W]` in metres, float32; `[B, H, W, channels]` if there are several. Linear
            output: it may be non-positive.
        """
        chex.assert_shape(image, (None, None, None, 3))
        image, frame = pad_to_multiple(image, STRIDE)
        shared = {"batch_norm": self.batch_norm, "dtype": self.dtype, "axis_name": self.axis_name}
        features = make_base(
            self.base,
            width=self.width,
            convention=self.convention,
            frozen_norm=self.frozen_norm,
            name="encoder",
            **shared,
        )(image, train=train)
        x, skips = features.pool5, features.skips
        if x.shape[-1] != skips[-1].shape[-1]:
            x = ConvBlock(skips[-1].shape[-1], 1, name="top", **shared)(x, train=train)
        for stage in range(len(skips), 0, -1):
            x = upsample_2x(x) + skips[stage - 1]
            out = skips[max(stage - 2, 0)].shape[-1]
            x = ConvBlock(out, name=f"decoder{stage}", **shared)(x, train=train)
        if x.shape[1] < image.shape[1]:
            x = ConvBlock(x.shape[-1], name="decoder0", **shared)(upsample_2x(x), train=train)
        depth = nn.Conv(
            self.channels,
            (3, 3),
            dtype=jnp.float32,
            # Small, so that training starts from a flat map at the initial depth.
            kernel_init=nn.initializers.variance_scaling(1e-3, "fan_in", "truncated_normal"),
            bias_init=nn.initializers.constant(self.initial_depth),
            name="depth",
        )(x.astype(jnp.float32))
        depth = depth[:, frame[0], frame[1]]
        return depth[..., 0] if self.channels == 1 else depth
