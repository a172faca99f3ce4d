"""The objectives of the two-stream model, in the paper's symbols.

References:
  Li et al., A Two-Streamed Network for Estimating Fine-Scaled Depth Maps from Single RGB Images,
  ICCV 2017, sections 3.2 to 3.4, equations 1 to 6.
"""

from functools import partial

import jax
import jax.numpy as jnp

from jaxdepth import augment, losses
from jaxdepth.experiment import Stage
from jaxdepth.models import TwoStream
from jaxdepth.ops import central_gradient, central_validity
from jaxdepth.training.image_sets import ImageSets, flatten, per_set, unflatten
from jaxdepth.training.objective import Outcome, log10_error


def make_objective(model: TwoStream, stage: Stage):
    """The objective of a stage: see `jaxdepth.training.objective.Objective`.

    Every loss is a mean over images of means over valid pixels (equations 1 and 3), so a mean over
    devices of equal shares.
    """
    where = {"pitch": stage.pitch, "affine": stage.affine}

    def depth_set_loss(log_D: jax.Array, sets: ImageSets) -> losses.SetLoss:
        """L_set of depth, in log scale; one a set."""
        target = jnp.log(jnp.where(sets.valid, sets.depth, 1.0))
        aligned = per_set(augment.log_depth_to_original, **where)(sets.params, log_D)
        return set_losses(losses.l2, log_D, target, sets.valid, aligned)

    def gradient_set_loss(G: jax.Array, sets: ImageSets) -> losses.SetLoss:
        """L_set of gradients, in linear scale; one a set."""
        target, valid = central_gradient(sets.depth), central_validity(sets.valid)
        realign = per_set(augment.gradients_to_original, stencil="central", **where)
        return set_losses(losses.gradient_l2, G, target, valid, realign(sets.params, G))

    def set_losses(loss, predictions, targets, masks, aligned) -> losses.SetLoss:
        def one(*args):
            prediction, target, mask, aligned = args
            return losses.set_loss(
                loss, prediction, target, mask, aligned=aligned, weight=stage.set_weight
            )

        return jax.vmap(one)(predictions, targets, masks, aligned)

    def gradient_agreement(log_D: jax.Array, G_est: jax.Array, sets: ImageSets) -> jax.Array:
        """1/N Σ l2g(∇D_i, G_est_i), the second term of equation 6; one a set."""
        G = central_gradient(jnp.exp(log_D))
        valid = central_validity(jnp.ones_like(sets.valid))
        return jnp.mean(jax.vmap(jax.vmap(losses.gradient_l2))(G, G_est, valid), axis=1)

    def objective(variables: dict, classifier: None, sets: ImageSets, key: jax.Array) -> Outcome:
        del classifier
        apply = partial(
            model.apply,
            variables,
            flatten(sets.image),
            mutable=["batch_stats"],
            rngs={"dropout": key},
        )
        parts = {}
        if stage.name in ("combination", "finetune"):
            (log_D, G_est), updates = apply(method="combined", joint=stage.name == "finetune")
            log_D, G_est = unflatten(log_D, sets), unflatten(G_est, sets)
            L_set = depth_set_loss(log_D, sets)
            agreement = gradient_agreement(log_D, G_est, sets)
            parts["agreement"] = jnp.mean(agreement)
            L = L_set.total + agreement  # equation 6
        elif stage.name in ("depth_coarse", "depth_refinement"):
            method = {"depth_coarse": "coarse_depth", "depth_refinement": "fine_depth"}[stage.name]
            log_D, updates = apply(method=method)
            log_D = unflatten(log_D, sets)
            L_set = depth_set_loss(log_D, sets)
            L = L_set.total  # equation 2
        else:
            coarse = stage.name == "gradient_coarse"
            G, updates = apply(method="coarse_gradients" if coarse else "fine_gradients")
            L_set = gradient_set_loss(unflatten(G, sets), sets)
            L = L_set.total  # equations 2 and 5
        parts["single"], parts["consistency"] = jnp.mean(L_set.single), jnp.mean(L_set.consistency)
        if not stage.name.startswith("gradient"):
            parts["log10"] = log10_error(jnp.exp(log_D), sets.depth, sets.valid)
        return Outcome(jnp.mean(L), parts, L, updates.get("batch_stats", {}))

    return objective
