"""The training steps: the whole of the paper's objectives, in its symbols.

A step runs on one device's part of the batch. Every loss is a mean over the valid pixels of the
whole batch, wherever they are, so that the result does not depend on the number of devices.

References:
  Kim et al., Deep Monocular Depth Estimation via Integration of Global and Local Predictions,
  IEEE TIP 2018, section III.D, equations 6 to 9.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxdepth import augment, losses
from jaxdepth.experiment import Stage, to_float
from jaxdepth.models import DeepVariational, Discriminator
from jaxdepth.training.parallel import AXIS
from jaxdepth.training.state import Classifier, TrainState


def make_step(
    model: DeepVariational,
    discriminator: Discriminator,
    stage: Stage,
    sample_augmentation: Callable[[jax.Array], augment.AugmentParams],
) -> Callable:
    """The step of a stage, to be spread by `jaxdepth.training.parallel.parallel_step`.

    Args:
        model: with `axis_name=AXIS`.
        discriminator: likewise.
        stage: one with gradients.
        sample_augmentation: draws one transform from a key.

    Returns:
        `step(state, (image, depth)) -> (state, metrics, per_example)` for image `[b, H, W, 3]`
        uint8 and depth `[b, H, W]` metres. `metrics` are scalars; `per_example` `[b]` is each
        image's mean error, for telling which one is at fault.
    """

    def loss_terms(params: dict, state: TrainState, I: jax.Array, D: jax.Array, valid: jax.Array):
        """Per-element errors and their validity, the prediction (None for patches), statistics."""
        variables = {"params": state.params | params, "batch_stats": state.batch_stats}
        apply = partial(model.apply, variables, I, train=True, mutable=["batch_stats"])
        if stage.name == "pretrain_global":  # equation 6
            f, updates = apply(method="global_depth")
            return losses.depth_l1_terms(f, D, valid), None, updates
        if stage.name == "pretrain_local":  # equation 7
            g, updates = apply(method="gradients")
            return losses.gradient_l1_terms(g, D, valid), None, updates
        prediction, updates = apply()
        u = prediction.depth
        return losses.depth_l1_terms(u, D, valid), u, updates

    def objective(params: dict, state: TrainState, I: jax.Array, D: jax.Array, valid: jax.Array):
        """L_global, L_local or L_total (equation 9) of the whole batch, as this device's share."""
        terms, u, updates = loss_terms(params, state, I, D, valid)
        loss = batch_mean(*losses.masked_sum_and_count(*terms))
        parts = {"l1": loss}
        if stage.eta:
            C_u = classify(discriminator, state.classifier.params, u)
            parts["adversarial"] = losses.generator_loss(C_u)
            loss += stage.eta * parts["adversarial"]
        parts["loss"] = loss
        per_example = jax.vmap(losses.masked_mean)(*terms)
        return loss, (parts, per_example, u, updates)

    def step(state: TrainState, batch: tuple[jax.Array, jax.Array]):
        I, D, valid = prepare(state, batch)
        trained = {name: state.params[name] for name in stage.modules}
        gradients, (parts, per_example, u, updates) = jax.grad(objective, has_aux=True)(
            trained, state, I, D, valid
        )
        gradients, parts = jax.lax.pmean((gradients, parts), AXIS)
        changes, opt_state = stage.optimizer.update(gradients, state.opt_state, trained)
        metrics = parts | {"gradient_norm": optax.tree.norm(gradients)}
        if "integration" in state.params:
            metrics["lam"] = jnp.exp(state.params["integration"]["log_lam"])
        classifier = state.classifier
        if stage.eta:
            classifier, metrics["discriminator"] = update_classifier(
                classifier, jnp.where(valid, D, jax.lax.stop_gradient(u)), jax.lax.stop_gradient(u)
            )
        state = state._replace(
            params=state.params | optax.apply_updates(trained, changes),
            batch_stats=state.batch_stats | updates.get("batch_stats", {}),
            opt_state=opt_state,
            classifier=classifier,
            step=state.step + 1,
        )
        return state, metrics, per_example

    def update_classifier(classifier: Classifier, D: jax.Array, u: jax.Array):
        """C maximises equation 8. Where D was not measured it holds u: holes betray nothing."""

        def negative_L_adv(params: Any) -> jax.Array:
            return losses.discriminator_loss(
                classify(discriminator, params, D), classify(discriminator, params, u)
            )

        value_and_gradients = jax.value_and_grad(negative_L_adv)(classifier.params)
        loss, gradients = jax.lax.pmean(value_and_gradients, AXIS)
        changes, opt_state = stage.discriminator_optimizer.update(
            gradients, classifier.opt_state, classifier.params
        )
        return Classifier(optax.apply_updates(classifier.params, changes), opt_state), loss

    def prepare(state: TrainState, batch: tuple[jax.Array, jax.Array]):
        """Augments, and cuts patches where the stage wants them; random by example, not device."""
        image, depth = batch
        examples = jax.lax.axis_index(AXIS) * len(image) + jnp.arange(len(image))
        key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
        keys = jax.vmap(partial(jax.random.fold_in, key))(examples)

        def prepare_one(key: jax.Array, image: jax.Array, depth: jax.Array):
            augment_key, crop_key = jax.random.split(key)
            parameters = sample_augmentation(augment_key)
            example = augment.apply(parameters, to_float(image), depth, affine=stage.affine)
            if stage.patch_size is None:
                return example
            return augment.random_crop(crop_key, *example, size=stage.patch_size)

        return jax.vmap(prepare_one)(keys, image, depth)

    return step


def batch_mean(total: jax.Array, count: jax.Array) -> jax.Array:
    """This device's share of a mean over all devices' elements: their pmean is that mean."""
    return total / jnp.maximum(jax.lax.pmean(count, AXIS), 1e-6)


def classify(discriminator: Discriminator, params: Any, depth: jax.Array) -> jax.Array:
    """Logits of C, normalised by the statistics of this batch."""
    logits, _ = discriminator.apply({"params": params}, depth, train=True, mutable=["batch_stats"])
    return logits
