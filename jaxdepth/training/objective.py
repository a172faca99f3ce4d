"""What the steps of all stages share: the shape of an objective."""

from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from jaxdepth.models import Discriminator
from jaxdepth.training.image_sets import ImageSets
from jaxdepth.training.parallel import AXIS


class Outcome(NamedTuple):
    """What an objective says of one device's part of a batch.

    Attributes:
        loss: this device's share: the mean over the devices is the loss of the batch.
        parts: scalars to report, shares likewise.
        per_example: `[b]`, each example's own loss, for telling which one is at fault.
        batch_stats: the model's, updated.
        adversary: depth maps that the classifier is to tell apart, true and estimated; None
            without an adversarial loss.
    """

    loss: jax.Array
    parts: dict[str, jax.Array]
    per_example: jax.Array
    batch_stats: dict
    adversary: tuple[jax.Array, jax.Array] | None = None


class Objective(Protocol):
    """A stage's objective, to be differentiated in `variables["params"]`."""

    def __call__(
        self, variables: dict, classifier: Any, sets: ImageSets, key: jax.Array
    ) -> Outcome:
        """Evaluates the objective.

        Args:
            variables: the model's.
            classifier: parameters of C, None where there is no adversarial loss.
            sets: the image sets of this device.
            key: for what is random in the model, the same on no two devices and steps.
        """


def batch_mean(total: jax.Array, count: jax.Array) -> jax.Array:
    """This device's share of a mean over all devices' elements: their pmean is that mean."""
    return total / jnp.maximum(jax.lax.pmean(count, AXIS), 1e-6)


def log10_error(depth: jax.Array, target: jax.Array, valid: jax.Array) -> jax.Array:
    """This device's share of the mean |log10 d − log10 D|, what learning curves are drawn of."""
    ratio = jnp.where(valid, jnp.maximum(depth, 1e-3), 1.0) / jnp.where(valid, target, 1.0)
    return batch_mean(jnp.sum(jnp.abs(jnp.log10(ratio))), jnp.sum(valid, dtype=jnp.float32))


def classify(discriminator: Discriminator, params: Any, depth: jax.Array) -> jax.Array:
    """Logits of C, normalised by the statistics of this batch."""
    logits, _ = discriminator.apply({"params": params}, depth, train=True, mutable=["batch_stats"])
    return logits
