"""The objectives of the deep variational model, in the paper's symbols.

References:
  Kim et al., Deep Monocular Depth Estimation via Integration of Global and Local Predictions,
  IEEE TIP 2018, section III.D, equations 6 to 9.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from jaxdepth import augment, losses
from jaxdepth.experiment import Stage
from jaxdepth.models import DeepVariational, Discriminator
from jaxdepth.training.image_sets import ImageSets, flatten, per_set, unflatten
from jaxdepth.training.objective import Outcome, batch_mean, classify, log10_error


def make_objective(model: DeepVariational, discriminator: Discriminator, stage: Stage):
    """The objective of a stage: see `jaxdepth.training.objective.Objective`."""

    def objective(variables: dict, classifier: Any, sets: ImageSets, key: jax.Array) -> Outcome:
        """L_global, L_local or L_total (equation 9), plus λ Ω_set where a set has several images.

        L1 is a mean over the valid pixels of the whole batch, wherever they are, so that the result
        does not depend on the number of devices.
        """
        I, D, valid = map(flatten, sets[1:])
        apply = partial(model.apply, variables, I, train=True, mutable=["batch_stats"])
        parts, adversary = {}, None
        if stage.name == "pretrain_local":  # equation 7
            g, updates = apply(method="gradients")
            terms = losses.gradient_l1_terms(g, D, valid)
            estimate, realign = g, augment.gradients_to_original
        else:
            if stage.name == "pretrain_global":  # equation 6
                u, updates = apply(method="global_depth")
            else:
                prediction, updates = apply()
                u = prediction.depth
            terms = losses.depth_l1_terms(u, D, valid)
            estimate, realign = u, augment.depth_to_original
            parts["log10"] = log10_error(u, D, valid)
        loss = parts["l1"] = batch_mean(*losses.masked_sum_and_count(*terms))
        if sets.image.shape[1] > 1:
            aligned = per_set(realign, affine=stage.affine)(sets.params, unflatten(estimate, sets))
            parts["consistency"] = jnp.mean(
                jax.vmap(partial(losses.set_consistency, losses.l1))(*aligned)
            )
            if stage.set_weight:
                loss += stage.set_weight * parts["consistency"]
        if stage.eta:
            parts["adversarial"] = losses.generator_loss(classify(discriminator, classifier, u))
            loss += stage.eta * parts["adversarial"]
            # Where D was not measured, C sees u: holes betray nothing.
            adversary = jax.lax.stop_gradient((jnp.where(valid, D, u), u))
        per_example = jnp.mean(unflatten(jax.vmap(losses.masked_mean)(*terms), sets), axis=1)
        return Outcome(loss, parts, per_example, updates.get("batch_stats", {}), adversary)

    return objective
