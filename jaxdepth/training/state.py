"""What a training step changes."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax.traverse_util import flatten_dict, unflatten_dict

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
    for source, target in stage.copies:
        variables = {name: _copy(tree, source, target) for name, tree in variables.items()}
    classifier = None
    if stage.discriminator_optimizer is not None:
        # The "rbg" generator compiles fast for every weight's shape; seeded by the root's data.
        init_key = jax.random.fold_in(jax.random.key(0, impl="rbg"), key[-1] + step)
        new = jax.jit(discriminator.init)(init_key, jnp.zeros((1, *image_size), jnp.float32))
        opt_state = stage.discriminator_optimizer.init(new["params"])
        classifier = Classifier(new["params"], opt_state)
    opt_state = optax.EmptyState()
    if stage.optimizer:
        opt_state = stage.optimizer.init(select(variables["params"], stage.modules))
    return TrainState(
        params=variables["params"],
        batch_stats=variables["batch_stats"],
        opt_state=opt_state,
        classifier=classifier,
        key=key,
        step=jnp.int32(step),
    )


def select(params: dict, modules: Sequence[str]) -> dict:
    """The part of nested parameters that lies under some paths, such as "streams/depth_coarse"."""
    paths = [tuple(module.split("/")) for module in modules]
    chosen = {
        path: leaf
        for path, leaf in flatten_dict(params).items()
        if any(path[: len(start)] == start for start in paths)
    }
    return unflatten_dict(chosen)


def replace(params: dict, part: dict) -> dict:
    """Nested parameters with those of `part`, from `select`, in their places."""
    return unflatten_dict(flatten_dict(params) | flatten_dict(part))


def _copy(tree: dict, source: str, target: str) -> dict:
    """The tree with what is under one name under another name too."""
    return tree | {target: tree[source]} if source in tree else tree
