"""A model with its weights, applied to images of any size."""

import copy
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ml_collections import FrozenConfigDict

from jaxdepth.data.images import resize_image, resize_prediction
from jaxdepth.data.sources import Example
from jaxdepth.errors import WorkdirError
from jaxdepth.experiment.build import build_model, build_protocol
from jaxdepth.experiment.checkpoints import Checkpoints
from jaxdepth.experiment.workdir import Workdir
from jaxdepth.models import DepthPrediction


class ImagePrediction(NamedTuple):
    """A prediction in one image's own frame.

    Attributes:
        depth: `[H, W]` float32 metres: u, or f where there is no integration.
        global_depth: `[H, W]` float32 metres: f.
    """

    depth: np.ndarray
    global_depth: np.ndarray


class Predictor:
    """Predicts at the model's input size and brings the result to each image's own size.

    Attributes:
        image_size: (height, width) of the model's input.
        integrates: whether depth is u, or f alone.
        protocol: how the config scores.
        step: of the checkpoint that the weights are from.
    """

    def __init__(self, config: FrozenConfigDict, variables: Any, *, step: int = 0):
        self.step = step
        model = build_model(config)
        self.image_size = tuple(config.data.image_size)
        self.integrates = config.model.integrate
        self.protocol = build_protocol(config)
        self._batch_size = config.evaluation.batch_size
        self._variables = variables
        self._apply = jax.jit(lambda variables, image: model.apply(variables, to_float(image)))

    def with_variables(self, variables: Any) -> "Predictor":
        """The same predictor with other weights, nothing compiled anew."""
        other = copy.copy(self)
        other._variables = variables
        return other

    def predict_batch(self, image: np.ndarray) -> DepthPrediction:
        """Predicts for uint8 images `[B, H, W, 3]` of the model's input size."""
        return self._apply(self._variables, image)

    def __call__(self, image: np.ndarray) -> ImagePrediction:
        """Predicts for one uint8 image `[H, W, 3]` of any size."""
        prediction = self.predict_batch(resize_image(image, self.image_size)[None])
        return _at_size(jax.device_get(prediction), 0, image.shape[:2])

    def predict_examples(
        self, examples: Iterable[Example]
    ) -> Iterator[tuple[Example, ImagePrediction]]:
        """Predicts for examples of any sizes, in batches, in order; at the size of their depth."""
        examples = iter(examples)
        while batch := list(islice(examples, self._batch_size)):
            images = [resize_image(example.image, self.image_size) for example in batch]
            # A last, smaller batch is filled up, so that one compiled program serves all.
            images += images[-1:] * (self._batch_size - len(batch))
            prediction = jax.device_get(self.predict_batch(np.stack(images)))
            for index, example in enumerate(batch):
                yield example, _at_size(prediction, index, example.depth.shape)


def _at_size(prediction: DepthPrediction, index: int, size: tuple[int, int]) -> ImagePrediction:
    return ImagePrediction(
        resize_prediction(prediction.depth[index], size),
        resize_prediction(prediction.global_depth[index], size),
    )


def to_float(image: jax.Array) -> jax.Array:
    """uint8 images to float32 in [0, 1]."""
    return image.astype(jnp.float32) / 255.0


def init_variables(config: FrozenConfigDict) -> dict:
    """Freshly initialised `params` and `batch_stats`, decided by the config's seed."""
    model = build_model(config)

    def init(key: jax.Array) -> dict:
        variables = model.init(key, jnp.zeros((1, *config.data.image_size, 3), jnp.float32))
        return {"params": variables["params"], "batch_stats": variables.get("batch_stats", {})}

    # The "rbg" generator: the default one takes seconds to compile for every weight's shape.
    return jax.jit(init)(jax.random.key(config.seed, impl="rbg"))


def load_predictor(workdir: Workdir, config: FrozenConfigDict | None = None) -> Predictor:
    """The model of a run's newest checkpoint.

    Args:
        workdir: the run's.
        config: the run's, if it has been read already.

    Raises:
        WorkdirError: the folder is no run, or has no checkpoint yet.
        CheckpointError: its newest checkpoint cannot be used.
    """
    config = config or workdir.config()
    checkpoints = Checkpoints(workdir.checkpoints)
    try:
        step = checkpoints.latest()
        if step is None:
            raise WorkdirError(
                f"{workdir.path} has no checkpoint yet: let `python train.py` run on it first."
            )
        template = jax.eval_shape(lambda: init_variables(config))
        return Predictor(config, checkpoints.restore(step, "variables", template), step=step)
    finally:
        checkpoints.close()
