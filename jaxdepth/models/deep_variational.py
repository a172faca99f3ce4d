"""The deep variational model: global, local and integration networks (Kim et al. 2018, Fig. 2)."""

from typing import NamedTuple

import flax.linen as nn
import jax

from jaxdepth.models.global_net import GlobalNet
from jaxdepth.models.integration import GradientConfidence, IntegrationLayer
from jaxdepth.models.local_net import LocalNet


class DepthPrediction(NamedTuple):
    """What a model predicts for images `[B, H, W, 3]`.

    Attributes:
        depth: `[B, H, W]` metres: u, or f where there is no integration.
        global_depth: `[B, H, W]` metres: f.
        gradients: `[B, H, W, 2]` metres per pixel: g, or None where there is no local network.
    """

    depth: jax.Array
    global_depth: jax.Array
    gradients: jax.Array | None


class DeepVariational(nn.Module):
    """Depth by integrating local gradients into a global prediction, trainable end to end.

    Attributes:
        global_net: predicts f; parameters under `global_net`.
        local_net: predicts g, a `LocalNet` or a `GlobalNet` of two channels; parameters under
            `local_net`. None: no integration, depth is f.
        integration: joins them; parameters under `integration`. None exactly if `local_net` is.
        confidence: weighs the gradients in the integration; parameters under `confidence`. None for
            equal weights, as in the paper.
    """

    global_net: GlobalNet
    local_net: LocalNet | GlobalNet | None = None
    integration: IntegrationLayer | None = None
    confidence: GradientConfidence | None = None

    def __call__(self, image: jax.Array, *, train: bool = False) -> DepthPrediction:
        """Predicts depth for images `[B, H, W, 3]` in [0, 1], of any height and width."""
        f = self.global_depth(image, train=train)
        g = None if self.local_net is None else self.gradients(image, train=train)
        return self.integrate(f, g)

    def integrate(self, f: jax.Array, g: jax.Array | None) -> DepthPrediction:
        """The prediction that a depth `[B, H, W]` and gradients `[B, H, W, 2]` make, if any."""
        if g is None:
            u = f
        else:
            weight = None if self.confidence is None else self.confidence(f, g)
            u = self.integration(f, g, gradient_weight=weight)
        return DepthPrediction(depth=u, global_depth=f, gradients=g)

    def global_depth(self, image: jax.Array, *, train: bool = False) -> jax.Array:
        """The global network alone: f `[B, H, W]` in metres."""
        return self.global_net(image, train=train)

    def gradients(self, image: jax.Array, *, train: bool = False) -> jax.Array:
        """The local network alone: g `[B, H, W, 2]` in metres per pixel, horizontal first."""
        return self.local_net(image, train=train)
