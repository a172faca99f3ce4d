"""The integration network as a layer (Kim et al. 2018, §III.C)."""

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdepth.ops import gradient, split_bregman


class IntegrationLayer(nn.Module):
    """Unrolled Split-Bregman integration of gradients g with a depth guess f, λ learned.

    Minimises ‖∇u − g‖₁ + λ/2 ‖u − f‖² (equation 1) by `num_iters` iterations of
    `jaxdepth.ops.split_bregman`; the options of that which suit a layer are attributes and
    arguments here. The one parameter is `log_lam`, so that λ stays positive.

    Attributes:
        initial_lam: λ before training. As long as gradients hold, the depth guess decides
            wavelengths longer than about 2π√(Kβ/(λ ln 2)) pixels after K iterations, so small
            images want a larger λ than the paper's 0.01.
        beta: penalty of the splitting, fixed; gradients are shrunk by 1/β metres per pixel.
        num_iters: iterations K.
        boundary: `"periodic"` (the paper's) or `"neumann"`.
        penalty: on ∇u − g, `"anisotropic"` (the paper's), `"isotropic"`, `"huber"`, `"squared"`.
        delta: of the Huber penalty, in metres per pixel.
        relaxation: of the iterations, in (0, 2).
        remat_every: keep the state of every so many iterations alone for reverse mode; None: all.
    """

    initial_lam: float = 0.01
    beta: float = 10.0
    num_iters: int = 10
    boundary: str = "periodic"
    penalty: str = "anisotropic"
    delta: float = 0.01
    relaxation: float = 1.0
    remat_every: int | None = None

    @nn.compact
    def __call__(
        self,
        f: jax.Array,
        g: jax.Array,
        *,
        data_weight: jax.Array | None = None,
        gradient_weight: jax.Array | None = None,
        mask: jax.Array | None = None,
    ) -> jax.Array:
        """Integrates.

        Args:
            f: `[..., H, W]` depth guess in metres.
            g: `[..., H, W, 2]` depth gradients in metres per pixel, horizontal first.
            data_weight: `[..., H, W]` confidence in f, 0 or more; None for 1.
            gradient_weight: `[..., H, W]` or `[..., H, W, 2]` confidence in g, 0 or more, such as
                that of `GradientConfidence`; None for 1.
            mask: `[..., H, W]` bool, the pixels that there are; None for all.

        Returns:
            u `[..., H, W]` in metres, float32 at least: the solves never run in half precision.
        """
        if not self.initial_lam > 0:
            raise ValueError(f"initial_lam must be positive, got {self.initial_lam}.")
        initial = nn.initializers.constant(jnp.log(self.initial_lam))
        log_lam = self.param("log_lam", initial, (), jnp.float32)
        return self.integrate(
            f,
            g,
            lam=jnp.exp(log_lam),
            data_weight=data_weight,
            gradient_weight=gradient_weight,
            mask=mask,
        )

    @nn.nowrap
    def integrate(self, f: jax.Array, g: jax.Array, *, lam: jax.Array, **weights) -> jax.Array:
        """What the layer does at a given λ, without parameters; `weights` as when called."""
        return split_bregman(
            f,
            g,
            lam=lam,
            beta=self.beta,
            num_iters=self.num_iters,
            boundary=self.boundary,
            penalty=self.penalty,
            delta=self.delta,
            relaxation=self.relaxation,
            remat_every=self.remat_every,
            **weights,
        )


class GradientConfidence(nn.Module):
    """A confidence in each predicted gradient, judged by how it fits the depth guess.

    Two 3×3 convolutions of ∇f, of g and of their difference, and 2·sigmoid: the confidence is
    between 0 and 2, and 1 everywhere before training. It learns through the integration alone. Not
    in the paper.

    Attributes:
        channels: of the hidden layer.
    """

    channels: int = 16

    @nn.compact
    def __call__(self, f: jax.Array, g: jax.Array) -> jax.Array:
        """Judges.

        Args:
            f: `[B, H, W]` depth guess in metres.
            g: `[B, H, W, 2]` depth gradients in metres per pixel, horizontal first.

        Returns:
            `[B, H, W]` in (0, 2), a `gradient_weight` of `IntegrationLayer`.
        """
        f, g = f.astype(jnp.float32), g.astype(jnp.float32)
        expected = gradient(f, boundary="neumann")
        # Gradients of depth in metres per pixel are small numbers; most are below 0.1.
        x = 10 * jnp.concatenate([expected, g, jnp.abs(expected - g)], axis=-1)
        x = nn.relu(nn.Conv(self.channels, (3, 3), name="hidden")(x))
        zeros = nn.initializers.zeros_init()
        logit = nn.Conv(1, (3, 3), kernel_init=zeros, name="logit")(x)[..., 0]
        return 2 * nn.sigmoid(logit)
