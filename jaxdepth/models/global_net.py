"""The global network: the whole image to a depth map (Kim et al. 2018, §III.A)."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdepth.models.conv_block import ConvBlock
from jaxdepth.models.framing import pad_to_multiple, upsample_2x
from jaxdepth.models.vgg import STRIDE, VGG16, scaled_channels

# Statistics of ImageNet, which the published VGG-16 weights expect.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


class GlobalNet(nn.Module):
    """Encoder-decoder that predicts the overall depth structure f from a whole image.

    The encoder is VGG-16 to pool5. Each of the five decoder stages doubles the resolution with a
    fixed bilinear transposed convolution, adds the activations of the symmetric encoder stage
    (the paper prefers the sum to concatenation) and convolves; a last convolution gives depth.
    The paper does not state the decoder's channel counts: here each stage's convolution outputs
    the channels of the next encoder stage above, so that the sums need no projection.

    Attributes:
        width: multiplies every channel count.
        batch_norm: normalise after the convolutions (not in the paper, which starts the encoder
            from ImageNet weights; helps without them).
        initial_depth: metres predicted before any training.
        dtype: computation type; the returned depth is float32.
        axis_name: mapped axis over which batch statistics are averaged, if any.
    """

    width: float = 1.0
    batch_norm: bool = False
    initial_depth: float = 2.5
    dtype: jnp.dtype = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, image: jax.Array, *, train: bool = False) -> jax.Array:
        """Predicts depth.

        Args:
            image: `[B, H, W, 3]` in [0, 1]; any H and W (padded to multiples of 32 inside).
            train: use batch statistics where there is batch normalisation.

        Returns:
            f `[B, H, W]` in metres, float32. Linear output: it may be non-positive.
        """
        chex.assert_shape(image, (None, None, None, 3))
        x = (image - jnp.array(_MEAN).reshape(1, 1, 1, 3)) / jnp.array(_STD).reshape(1, 1, 1, 3)
        x, frame = pad_to_multiple(x.astype(self.dtype), STRIDE)
        shared = {"batch_norm": self.batch_norm, "dtype": self.dtype, "axis_name": self.axis_name}
        x, skips = VGG16(self.width, name="encoder", **shared)(x, train=train)
        channels = scaled_channels(self.width)
        for stage in range(len(skips), 0, -1):
            x = upsample_2x(x) + skips[stage - 1]
            out = channels[max(stage - 2, 0)]
            x = ConvBlock(out, name=f"decoder{stage}", **shared)(x, train=train)
        depth = nn.Conv(
            1,
            (3, 3),
            dtype=jnp.float32,
            # Small, so that training starts from a flat map at the initial depth.
            kernel_init=nn.initializers.variance_scaling(1e-3, "fan_in", "truncated_normal"),
            bias_init=nn.initializers.constant(self.initial_depth),
            name="depth",
        )(x.astype(jnp.float32))
        return depth[:, frame[0], frame[1], 0]
