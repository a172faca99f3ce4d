"""What a training step changes."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxdepth.experiment import Stage
from jaxdepth.models import Discriminator


class Classifier(NamedTuple):
    """The discriminator C during adversarial training.

    Attributes:
        params: its parameters; it always normalises by the statistics of its batch.
        opt_state: of its optimiser.
    """

    params: Any
    opt_state: optax.OptState


class TrainState(NamedTuple):
    """Everything that a step reads and writes, the same on all devices.

    Attributes:
        params: all of the model's, by module.
        batch_stats: running statistics of its batch normalisations, by module.
        opt_state: of the stage's optimiser, for the modules that it trains.
        classifier: None in stages without adversarial loss.
        key: data of the key that is the root of all randomness; never changes.
        step: updates since training began, over all stages.
    """

    params: dict
    batch_stats: dict
    opt_state: optax.OptState
    classifier: Classifier | None
    key: jax.Array
    step: jax.Array

    @property
    def variables(self) -> dict:
        """What the model is applied with."""
        return {"params": self.params, "batch_stats": self.batch_stats}


def begin_stage(
    variables: dict,
    stage: Stage,
    *,
    discriminator: Discriminator,
    image_size: tuple[int, int],
    key: jax.Array,
    step: int,
) -> TrainState:
    """A state for the first step of a stage: the model as it is, everything else new."""
    trained = {name: variables["params"][name] for name in stage.modules}
    classifier = None
    if stage.discriminator_optimizer is not None:
        # The "rbg" generator compiles fast for every weight's shape; seeded by the root's data.
        init_key = jax.random.fold_in(jax.random.key(0, impl="rbg"), key[-1] + step)
        new = jax.jit(discriminator.init)(init_key, jnp.zeros((1, *image_size), jnp.float32))
        opt_state = stage.discriminator_optimizer.init(new["params"])
        classifier = Classifier(new["params"], opt_state)
    return TrainState(
        params=variables["params"],
        batch_stats=variables["batch_stats"],
        opt_state=stage.optimizer.init(trained) if stage.optimizer else optax.EmptyState(),
        classifier=classifier,
        key=key,
        step=jnp.int32(step),
    )
