"""Convolution, normalisation, rectification: what all the networks here are made of."""

import flax.linen as nn
import jax
import jax.numpy as jnp


class ConvBlock(nn.Module):
    """3×3 convolution, then batch normalisation if asked for, then ReLU.

    Its parameters are `conv` and, where there is normalisation, `norm`; the convolution then has
    no bias of its own.

    Attributes:
        channels: output channels.
        batch_norm: normalise between convolution and ReLU.
        dtype: computation type.
        axis_name: mapped axis over which batch statistics are averaged, if any.
    """

    channels: int
    batch_norm: bool = False
    dtype: jnp.dtype = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        """Maps `[B, H, W, C]` to `[B, H, W, channels]`; borders are padded with zeros."""
        x = nn.Conv(
            self.channels,
            (3, 3),
            use_bias=not self.batch_norm,
            dtype=self.dtype,
            kernel_init=nn.initializers.he_normal(),
            name="conv",
        )(x)
        if self.batch_norm:
            x = nn.BatchNorm(
                use_running_average=not train,
                momentum=0.9,
                dtype=self.dtype,
                axis_name=self.axis_name,
                name="norm",
            )(x)
        return nn.relu(x)
