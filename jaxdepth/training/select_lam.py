"""λ by search, as for Table II's "w/o JT": the value with the lowest RMS(lin)."""

from collections.abc import Iterable
from itertools import islice
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxdepth.data.pipeline import resize_example, stack
from jaxdepth.data.sources import Example
from jaxdepth.experiment import to_float
from jaxdepth.models import DeepVariational


def rms_by_lam(
    model: DeepVariational,
    variables: Any,
    examples: Iterable[Example],
    *,
    candidates: tuple[float, ...],
    num_examples: int,
    image_size: tuple[int, int],
    frame_size: tuple[int, int] | None = None,
    batch_size: int = 16,
) -> np.ndarray:
    """RMS(lin) of u in metres for each candidate λ, pooled over the examples' valid pixels.

    Args:
        model: with a local network.
        variables: its variables.
        examples: with depth in metres; the first `num_examples` are used.
        candidates: values of λ.
        num_examples: positive.
        image_size: (height, width) of the model's input, at which errors are taken.
        frame_size: what images are resized to before their middle is cut out, if more than that.
        batch_size: images at once.

    Returns:
        `[len(candidates)]`.

    References:
        Kim et al. 2018, Table II.
    """
    layer = model.integration

    @jax.jit
    def squared_errors(variables: Any, image: jax.Array, depth: jax.Array):
        image = to_float(image)
        f = model.apply(variables, image, method="global_depth")
        g = model.apply(variables, image, method="gradients")

        def squared_error(lam: jax.Array) -> jax.Array:
            u = layer.integrate(f, g, lam=lam)
            return jnp.sum(jnp.where(depth > 0, u - depth, 0) ** 2)

        return jax.lax.map(squared_error, jnp.asarray(candidates, jnp.float32)), jnp.sum(depth > 0)

    total = np.zeros(len(candidates), np.float64)
    count = 0
    chosen = (
        resize_example(e, image_size, frame_size=frame_size) for e in islice(examples, num_examples)
    )
    while some := list(islice(chosen, batch_size)):
        batch = stack(some)
        errors, valid = squared_errors(variables, batch.image, batch.depth)
        total += np.asarray(errors, np.float64)
        count += int(valid)
    return np.sqrt(total / max(count, 1))
