"""Convolution, normalisation, rectification: what all the networks here are made of."""

import flax.linen as nn
import jax
import jax.numpy as jnp


class ConvBlock(nn.Module):
    """Convolution, then batch normalisation if asked for, then ReLU unless declined.

    Its parameters are `conv` and, where there is normalisation, `norm`; the convolution then has
    no bias of its own.

    Attributes:
        channels: output channels.
        kernel: height and width of the kernel, odd.
        stride: rows and columns of the input per row and column of the output.
        relu: rectify the output.
        batch_norm: normalise between convolution and ReLU.
        frozen_norm: normalise by the running statistics and never change them, in training too.
        epsilon: added to the variance in batch normalisation.
        scale_init: of what batch normalisation, if there is any, multiplies by.
        dtype: computation type.
        axis_name: mapped axis over which batch statistics are averaged, if any.
    """

    channels: int
    kernel: int = 3
    stride: int = 1
    relu: bool = True
    batch_norm: bool = False
    frozen_norm: bool = False
    epsilon: float = 1e-5
    scale_init: nn.initializers.Initializer = nn.initializers.ones
    dtype: jnp.dtype = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, x: jax.Array, *, train: bool = False) -> jax.Array:
        """Maps `[B, H, W, C]` to `[B, ⌈H/stride⌉, ⌈W/stride⌉, channels]`.

        Borders are padded with `kernel // 2` zeros on every side.
        """
        border = (self.kernel // 2, self.kernel // 2)
        x = nn.Conv(
            self.channels,
            (self.kernel, self.kernel),
            strides=(self.stride, self.stride),
            padding=(border, border),
            use_bias=not self.batch_norm,
            dtype=self.dtype,
            kernel_init=nn.initializers.he_normal(),
            name="conv",
        )(x)
        if self.batch_norm:
            x = nn.BatchNorm(
                use_running_average=self.frozen_norm or not train,
                momentum=0.9,
                epsilon=self.epsilon,
                scale_init=self.scale_init,
                dtype=self.dtype,
                axis_name=self.axis_name,
                name="norm",
            )(x)
        return nn.relu(x) if self.relu else x
