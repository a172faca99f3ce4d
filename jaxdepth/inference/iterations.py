"""The integration of a trained model at any number K of Split-Bregman iterations.

References:
    Kim et al. 2018, §IV.B, Figure 8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict, FrozenConfigDict

from jaxdepth.data.pipeline import examples_in_order, frame_image
from jaxdepth.data.sources import Source
from jaxdepth.errors import DataError
from jaxdepth.evaluation import Scores, score
from jaxdepth.experiment import INTEGRATED, Predictor, build_model, build_predict, to_float


class Convergence(NamedTuple):
    """The Split-Bregman iterations of a run, means over images; see `SplitBregmanInfo`."""

    change: np.ndarray  # [K], ‖uᵏ − uᵏ⁻¹‖₁, metres, a sum over the pixels; u⁰ = f
    energy: np.ndarray  # [K], E(uᵏ), a sum over the pixels
    gap: np.ndarray  # [K], E(uᵏ) is above the minimum by at most this
    primal_residual: np.ndarray  # [K], metres per pixel
    dual_residual: np.ndarray  # [K], a pure number


def score_iterations(
    config: FrozenConfigDict,
    variables: Any,
    source: Source,
    *,
    num_iters: Sequence[int],
    changes: Mapping[str, Any] | None = None,
) -> dict[int, Scores]:
    """The scores of u on a source by K; no weight depends on K.

    Args:
        config: with an integration layer.
        variables: the model's.
        source: with depth in metres.
        num_iters: values of K, 1 or more each.
        changes: attributes of `Protocol` that differ from the config's own.
    """
    scores = {}
    for k in num_iters:
        predictor = Predictor(_with_num_iters(config, k), variables, names=(INTEGRATED,))
        predicted = predictor.predict_examples(examples_in_order(source))
        scores[k] = score(
            ((example.name, p.depth, example.depth) for example, p in predicted),
            replace(predictor.protocol, **(changes or {})),
        )
    return scores


def mean_convergence(
    config: FrozenConfigDict, variables: Any, source: Source, *, num_iters: int
) -> Convergence:
    """The convergence of the integration, a mean over the images of a source.

    Args:
        config: with an integration layer, whose options hold but for its number of iterations.
        variables: the model's.
        source: of images.
        num_iters: iterations to make, 1 or more.

    Raises:
        DataError: there is no image.
    """
    model = build_model(_with_num_iters(config, num_iters))
    predict = build_predict(config)

    @jax.jit
    def information(variables: Any, images: jax.Array) -> dict[str, jax.Array]:
        predicted = predict(variables, to_float(images))
        f, g = predicted.global_depth, predicted.gradients
        weight = None
        if model.confidence is not None:
            weight = model.apply(variables, f, g, method=lambda model, f, g: model.confidence(f, g))
        lam = jnp.exp(variables["params"]["integration"]["log_lam"])
        _, info = model.integration.integrate(
            f, g, lam=lam, gradient_weight=weight, return_info=True
        )
        return {name: getattr(info, name) for name in Convergence._fields}

    size, frame = tuple(config.data.image_size), tuple(config.data.frame_size) or None
    images = (frame_image(example.image, size, frame) for example in examples_in_order(source))
    totals, count = np.zeros((len(Convergence._fields), num_iters)), 0
    while batch := list(islice(images, config.evaluation.batch_size)):
        values = jax.device_get(information(variables, np.stack(batch)))
        totals += [np.sum(values[name], axis=0, dtype=np.float64) for name in Convergence._fields]
        count += len(batch)
    if not count:
        raise DataError("the split has no image to integrate: choose another by --split.")
    return Convergence(*totals / count)


def _with_num_iters(config: FrozenConfigDict, num_iters: int) -> FrozenConfigDict:
    changed = ConfigDict(config)
    changed.model.num_iters = num_iters
    return FrozenConfigDict(changed)
