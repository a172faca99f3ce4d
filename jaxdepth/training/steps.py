"""The training step: image sets, a stage's objective, an update.

The objectives themselves are in `deep_variational.py` and `two_stream.py`. A step runs on one
device's part of the batch.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxdepth import augment, losses
from jaxdepth.experiment import Stage
from jaxdepth.models import DeepVariational, Discriminator, TwoStream
from jaxdepth.training import deep_variational, two_stream
from jaxdepth.training.image_sets import make_image_sets
from jaxdepth.training.objective import classify
from jaxdepth.training.parallel import AXIS
from jaxdepth.training.state import Classifier, TrainState, replace, select


def make_step(
    model: DeepVariational | TwoStream,
    discriminator: Discriminator,
    stage: Stage,
    sample_transforms: Callable[[jax.Array], augment.AugmentParams],
    *,
    frame_size: tuple[int, int] | None = None,
) -> Callable:
    """The step of a stage, to be spread by `jaxdepth.training.parallel.parallel_step`.

    Args:
        model: with `axis_name=AXIS`.
        discriminator: likewise.
        stage: one with gradients.
        sample_transforms: draws the transforms of one image set from a key.
        frame_size: (height, width) in pixels of the image of what the depth maps show, where that
            is more than the image.

    Returns:
        `step(state, (image, depth)) -> (state, metrics, per_example)` for image `[b, H, W, 3]`
        uint8 and depth `[b, H', W']` metres. `metrics` are scalars; `per_example` `[b]` is each
        image's mean error, for telling which one is at fault.
    """
    if isinstance(model, TwoStream):
        objective = two_stream.make_objective(model, stage)
    else:
        objective = deep_variational.make_objective(model, discriminator, stage)

    def step(state: TrainState, batch: tuple[jax.Array, jax.Array]):
        image, depth = batch
        key = jax.random.fold_in(jax.random.wrap_key_data(state.key), state.step)
        # Random by example, not by device.
        examples = jax.lax.axis_index(AXIS) * len(image) + jnp.arange(len(image))
        keys = jax.vmap(partial(jax.random.fold_in, key))(examples)
        sets = make_image_sets(
            keys, image, depth, stage=stage, sample=sample_transforms, frame_size=frame_size
        )
        # Counted from the other end, so that no example has the same key.
        model_key = jax.random.fold_in(key, ~jax.lax.axis_index(AXIS).astype(jnp.uint32))
        classifier = state.classifier

        def loss(trained: dict):
            variables = state.variables | {"params": replace(state.params, trained)}
            outcome = objective(variables, classifier and classifier.params, sets, model_key)
            return outcome.loss, outcome

        trained = select(state.params, stage.modules)
        gradients, outcome = jax.grad(loss, has_aux=True)(trained)
        parts = outcome.parts | {"loss": outcome.loss}
        gradients, metrics = jax.lax.pmean((gradients, parts), AXIS)
        changes, opt_state = stage.optimizer.update(gradients, state.opt_state, trained)
        metrics["gradient_norm"] = optax.tree.norm(gradients)
        if "integration" in state.params:
            metrics["lam"] = jnp.exp(state.params["integration"]["log_lam"])
        if outcome.adversary is not None:
            classifier, metrics["discriminator"] = update_classifier(classifier, *outcome.adversary)
        state = state._replace(
            params=replace(state.params, optax.apply_updates(trained, changes)),
            batch_stats=state.batch_stats | outcome.batch_stats,
            opt_state=opt_state,
            classifier=classifier,
            step=state.step + 1,
        )
        return state, metrics, outcome.per_example

    def update_classifier(classifier: Classifier, D: jax.Array, u: jax.Array):
        """C maximises equation 8 of the deep variational paper."""

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

    return step
