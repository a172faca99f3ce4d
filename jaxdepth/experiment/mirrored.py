"""Predictions averaged with those of the mirrored image: the set loss' idea, when predicting."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxdepth.augment import gradients_to_original, identity_params
from jaxdepth.models import DeepVariational, DepthPrediction, TwoStream, TwoStreamPrediction


def predict_mirrored(
    model: DeepVariational | TwoStream, variables: Any, image: jax.Array
) -> DepthPrediction | TwoStreamPrediction:
    """What a model predicts for images, averaged over each image and its mirror image.

    Depth (its logarithm, where that is predicted) and gradients are averaged in the original's
    frame, and then integrated where the model integrates.

    Args:
        model: either system.
        variables: the model's.
        image: `[B, H, W, 3]` in [0, 1].
    """
    straight, mirrored = (model.apply(variables, x) for x in (image, image[:, :, ::-1]))
    if isinstance(model, TwoStream):
        mean = {
            name: _mean(getattr(straight, name), getattr(mirrored, name))
            for name in ("coarse_log_depth", "log_depth", "combined_log_depth")
        }
        gradients = _mean_gradients(straight.gradients, mirrored.gradients, "central")
        return TwoStreamPrediction(**mean, gradients=gradients)
    f, g = _mean(straight.global_depth, mirrored.global_depth), straight.gradients
    if g is not None:
        g = _mean_gradients(g, mirrored.gradients, "forward")
    return model.apply(variables, f, g, method="integrate")


def _mean(straight: jax.Array, mirrored: jax.Array) -> jax.Array:
    return (straight + mirrored[:, :, ::-1]) / 2


def _mean_gradients(straight: jax.Array, mirrored: jax.Array, stencil: str) -> jax.Array:
    """The mean where the mirror image has a gradient too, and the straight one elsewhere."""
    flip = identity_params()._replace(flip=jnp.ones((), bool))
    back, valid = jax.vmap(lambda g: gradients_to_original(flip, g, stencil=stencil, affine=False))(
        mirrored
    )
    return jnp.where(valid, (straight + back) / 2, straight)
