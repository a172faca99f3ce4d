"""The local network: a patch to depth gradients (Kim et al. 2018, §III.B)."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdepth.models.conv_block import ConvBlock

NUM_LAYERS = 10
RECEPTIVE_FIELD = 2 * NUM_LAYERS + 1


class LocalNet(nn.Module):
    """Ten 3×3 convolutions that predict depth gradients g from a 21×21 neighbourhood.

    Batch normalisation and ReLU follow every convolution but the last, whose outputs are signed
    gradients. No pooling, so that edges stay where they are. The paper does not state the hidden
    channel count: 64 here.

    Attributes:
        width: multiplies the 64 hidden channels.
        dtype: computation type; the returned gradients are float32.
        axis_name: mapped axis over which batch statistics are averaged, if any.
    """

    width: float = 1.0
    dtype: jnp.dtype = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, image: jax.Array, *, train: bool = False) -> jax.Array:
        """Predicts depth gradients.

        Args:
            image: `[B, H, W, 3]` in [0, 1], patches or whole images.
            train: use batch statistics instead of running ones.

        Returns:
            g `[B, H, W, 2]`: forward differences of depth in metres per pixel, horizontal first,
            float32.
        """
        chex.assert_shape(image, (None, None, None, 3))
        channels = max(1, round(64 * self.width))
        x = (image - 0.5).astype(self.dtype)
        for index in range(1, NUM_LAYERS):
            x = ConvBlock(
                channels,
                batch_norm=True,
                dtype=self.dtype,
                axis_name=self.axis_name,
                name=f"conv{index}",
            )(x, train=train)
        return nn.Conv(
            2,
            (3, 3),
            dtype=jnp.float32,
            kernel_init=nn.initializers.variance_scaling(1e-2, "fan_in", "truncated_normal"),
            name="gradients",
        )(x.astype(jnp.float32))
