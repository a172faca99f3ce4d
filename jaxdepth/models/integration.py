"""The integration network as a layer (Kim et al. 2018, §III.C)."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdepth.ops import split_bregman


class IntegrationLayer(nn.Module):
    """Unrolled Split-Bregman integration of gradients g with a depth guess f, λ learned.

    Minimises ‖∇u − g‖₁ + λ/2 ‖u − f‖² (equation 1) by `num_iters` iterations of
    `jaxdepth.ops.split_bregman`. The one parameter is `log_lam`, so that λ stays positive.

    Attributes:
        initial_lam: λ before training. The depth guess decides wavelengths longer than about
            2π√(β/λ) pixels, so small images want a larger one than the paper's 0.01.
        beta: penalty of the splitting, fixed; gradients are shrunk by 1/β metres per pixel.
        num_iters: iterations K.
        boundary: `"periodic"` (the paper's) or `"neumann"`.
    """

    initial_lam: float = 0.01
    beta: float = 10.0
    num_iters: int = 10
    boundary: str = "periodic"

    @nn.compact
    def __call__(self, f: jax.Array, g: jax.Array) -> jax.Array:
        """Integrates.

        Args:
            f: `[..., H, W]` depth guess in metres.
            g: `[..., H, W, 2]` depth gradients in metres per pixel, horizontal first.

        Returns:
            u `[..., H, W]` in metres, float32 at least: the solves never run in half precision.
        """
        if not self.initial_lam > 0:
            raise ValueError(f"initial_lam must be positive, got {self.initial_lam}.")
        initial = nn.initializers.constant(jnp.log(self.initial_lam))
        log_lam = self.param("log_lam", initial, (), jnp.float32)
        return split_bregman(
            f,
            g,
            lam=jnp.exp(log_lam),
            beta=self.beta,
            num_iters=self.num_iters,
            boundary=self.boundary,
        )
