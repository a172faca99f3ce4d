"""The classifier C of the adversarial loss (Kim et al. 2018, §III.D.2, Fig. 4)."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp

_CHANNELS = (64, 128, 256, 512)


class Discriminator(nn.Module):
    """Tells ground-truth depth maps from predicted ones.

    After Radford et al. 2016, as the paper says: 4×4 convolutions of stride 2 instead of pooling,
    batch normalisation after every convolution, LeakyReLU of slope 0.2, one scalar. The paper
    leaves the number of layers open: four here, then a mean over the image so that any size
    works, and a linear layer.

    Attributes:
        width: multiplies the channel counts 64, 128, 256, 512.
        dtype: computation type; the returned logits are float32.
        axis_name: mapped axis over which batch statistics are averaged, if any.
    """

    width: float = 1.0
    dtype: jnp.dtype = jnp.float32
    axis_name: str | None = None

    @nn.compact
    def __call__(self, depth: jax.Array, *, train: bool = False) -> jax.Array:
        """Classifies.

        Args:
            depth: `[B, H, W]` metres.
            train: use batch statistics instead of running ones.

        Returns:
            Logits `[B]`; C = sigmoid(logit) is the probability of being ground truth.
        """
        chex.assert_rank(depth, 3)
        x = depth[..., None].astype(self.dtype)
        for channels in _CHANNELS:
            x = nn.Conv(
                max(1, round(self.width * channels)),
                (4, 4),
                strides=(2, 2),
                use_bias=False,
                dtype=self.dtype,
                kernel_init=nn.initializers.normal(0.02),
            )(x)
            x = nn.BatchNorm(
                use_running_average=not train,
                momentum=0.9,
                dtype=self.dtype,
                axis_name=self.axis_name,
            )(x)
            x = nn.leaky_relu(x, 0.2)
        x = jnp.mean(x.astype(jnp.float32), axis=(1, 2))
        return nn.Dense(1)(x)[..., 0]
