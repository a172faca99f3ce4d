"""Two streams and the block that combines them."""

import math
from typing import NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxdepth.models.two_stream.blocks import CoarseBlock, RefinementBlock


class TwoStreamPrediction(NamedTuple):
    """What the model predicts for images `[B, H, W, 3]`; maps lie in the middle of the image.

    Attributes:
        coarse_log_depth: `[B, h, w]`, ln(depth / 1 m), at the coarse size.
        log_depth: `[B, h', w']`, the depth stream's, at the fine size.
        gradients: `[B, h', w', 2]`, the gradient stream's: [−1, 0, 1] differences of the depth map
            in metres, horizontal first.
        combined_log_depth: `[B, h', w']`, the combination block's.
    """

    coarse_log_depth: jax.Array
    log_depth: jax.Array
    gradients: jax.Array
    combined_log_depth: jax.Array


class Streams(nn.Module):
    """The depth stream and the gradient stream.

    Attributes:
        depth_coarse, gradient_coarse: parsing and fusion blocks, with 1 and 2 channels.
        depth_refinement, gradient_refinement: refinement blocks, likewise.
    """

    depth_coarse: CoarseBlock
    depth_refinement: RefinementBlock
    gradient_coarse: CoarseBlock
    gradient_refinement: RefinementBlock

    def __call__(self, image: jax.Array, *, train: bool = False) -> tuple[jax.Array, ...]:
        """Coarse and fine log depth, and fine gradients."""
        coarse = self.depth_coarse(image, train=train)
        log_depth = self.depth_refinement(image, coarse)
        gradients = self.gradient_coarse(image, train=train)
        gradients = self.gradient_refinement(image, gradients)
        return coarse[..., 0], log_depth[..., 0], gradients


class TwoStream(nn.Module):
    """Depth from a depth stream and a gradient stream, combined by a further network.

    At full size, 232×310 and VGG-16, a stream's first fully connected layer has 7·9·512 · 4096 =
    132.1 M weights and its second 16.9 M (depth) or 33.8 M (gradients). The depth stream has
    166.5 M parameters, the gradient stream 183.4 M, together 1.4 GB in float32; with the copy for
    joint fine-tuning and the combination block the model has 700.1 M, 2.8 GB. A stage keeps
    gradients and optimiser state only of the blocks that it trains: with momentum, training the
    coarse block of the depth stream takes 4.1 GB in all, that of the gradient stream 4.3 GB (2.7
    and 2.9 GB without the copy) and joint fine-tuning 5.6 GB, besides activations.

    Attributes:
        streams: parameters under `streams`.
        combination: takes log depth and gradients, 3 channels; parameters under `combination`.
        finetuned: a copy of `streams` that is trained jointly with the combination block, so that
            fusion by optimisation still has the streams as they were trained alone. None where
            there is no joint fine-tuning; the combination block then takes `streams`.
    """

    streams: Streams
    combination: RefinementBlock
    finetuned: Streams | None = None

    def __call__(self, image: jax.Array) -> TwoStreamPrediction:
        """Predicts for images `[B, H, W, 3]` in [0, 1], H and W at least 32."""
        coarse, log_depth, gradients = self.streams(image)
        joint = self.finetuned(image)[1:] if self.finetuned is not None else (log_depth, gradients)
        combined = self._combine(image, *joint)
        return TwoStreamPrediction(coarse, log_depth, gradients, combined)

    def coarse_depth(self, image: jax.Array) -> jax.Array:
        """Training: coarse ln depth `[B, h, w]`."""
        return self.streams.depth_coarse(image, train=True)[..., 0]

    def fine_depth(self, image: jax.Array) -> jax.Array:
        """Training of the refinement block alone: ln depth `[B, h', w']`."""
        coarse = jax.lax.stop_gradient(self.streams.depth_coarse(image))
        return self.streams.depth_refinement(image, coarse)[..., 0]

    def coarse_gradients(self, image: jax.Array) -> jax.Array:
        """Training: coarse gradients `[B, h, w, 2]` in metres."""
        return self.streams.gradient_coarse(image, train=True)

    def fine_gradients(self, image: jax.Array) -> jax.Array:
        """Training of the refinement block alone: gradients `[B, h', w', 2]` in metres."""
        coarse = jax.lax.stop_gradient(self.streams.gradient_coarse(image))
        return self.streams.gradient_refinement(image, coarse)

    def combined(self, image: jax.Array, *, joint: bool) -> tuple[jax.Array, jax.Array]:
        """Training of the combination block: ln depth `[B, h', w']` and the streams' gradients.

        Args:
            image: `[B, H, W, 3]` in [0, 1].
            joint: whether the copy of the streams is trained too.

        Raises:
            ValueError: `joint`, and there is no copy.
        """
        if joint and self.finetuned is None:
            raise ValueError(
                "joint fine-tuning trains a copy of the streams, and this model has none: make it "
                "with finetune=True."
            )
        streams = self.finetuned if joint else self.streams
        _, log_depth, gradients = streams(image, train=joint)
        if not joint:
            log_depth, gradients = jax.lax.stop_gradient((log_depth, gradients))
        return self._combine(image, log_depth, gradients), gradients

    def _combine(self, image: jax.Array, log_depth: jax.Array, gradients: jax.Array) -> jax.Array:
        maps = jnp.concatenate([log_depth[..., None], gradients], axis=-1)
        return self.combination(image, maps)[..., 0]


def make_two_stream(
    *,
    initial_depth: float = 2.5,
    base: str = "vgg16",
    base_width: float = 1.0,
    width: float = 1.0,
    hidden: int = 4096,
    dropout: float = 0.5,
    batch_norm: bool = False,
    convention: str = "torch",
    frozen_norm: bool = False,
    finetune: bool = True,
    dtype: jnp.dtype = jnp.float32,
    axis_name: str | None = None,
) -> TwoStream:
    """The published model, or a smaller one.

    Args:
        initial_depth: metres predicted before any training.
        base, base_width, width, hidden, dropout, batch_norm, convention, frozen_norm: of the
            blocks, see `CoarseBlock`.
        finetune: whether there is a copy of the streams for joint fine-tuning.
        dtype: computation type; maps are float32.
        axis_name: mapped axis over which batch statistics are averaged, if any.

    Raises:
        ValueError: `initial_depth` is not positive.
    """
    if not initial_depth > 0:
        raise ValueError(f"initial_depth must be positive metres, got {initial_depth}.")
    shared = {"width": width, "dtype": dtype}
    coarse = {
        "base": base,
        "batch_norm": batch_norm,
        "axis_name": axis_name,
        "base_width": base_width,
        "hidden": hidden,
        "dropout": dropout,
        "convention": convention,
        "frozen_norm": frozen_norm,
        **shared,
    }
    initial = math.log(initial_depth)

    def streams() -> Streams:
        return Streams(
            depth_coarse=CoarseBlock(1, initial, **coarse),
            depth_refinement=RefinementBlock(1, **shared),
            gradient_coarse=CoarseBlock(2, **coarse),
            gradient_refinement=RefinementBlock(2, **shared),
        )

    return TwoStream(streams(), RefinementBlock(1, **shared), streams() if finetune else None)
