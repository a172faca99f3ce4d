"""A model with its weights, applied to images of any size."""

import copy
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding
from jax.sharding import PartitionSpec as P
from ml_collections import FrozenConfigDict

from jaxdepth.data.images import resize_image, resize_prediction
from jaxdepth.data.pipeline import frame_image
from jaxdepth.data.sources import Example
from jaxdepth.errors import WorkdirError
from jaxdepth.experiment.build import build_model, build_protocol
from jaxdepth.experiment.checkpoints import Checkpoints
from jaxdepth.experiment.maps import STEEPNESS, build_maps, frame_size, map_labels, map_names
from jaxdepth.experiment.workdir import Workdir


class ImagePrediction(NamedTuple):
    """A prediction of one whole image.

    Attributes:
        maps: each map of the system by name, `[H, W]` float32 metres, see
            `jaxdepth.experiment.map_names`; of the size that was asked for.
        depth: the one that counts, `[H, W]` float32 metres.
        steepness: `[H, W]`, the length of the predicted gradients; None if not asked for.
    """

    maps: dict[str, np.ndarray]
    depth: np.ndarray
    steepness: np.ndarray | None


_AXIS = "devices"


class Predictor:
    """Predicts at the model's input size and brings the result to each image's own size.

    A batch is spread over all devices of this process; what fills it up is dropped again.

    Attributes:
        image_size: (height, width) of the model's input.
        frame_size: (height, width) of the frame whose middle that is.
        names: of the maps that it predicts, the one that counts last.
        labels: how a table calls them.
        description: a line about the model.
        protocol: how the config scores.
        step: of the checkpoint that the weights are from.
        checksum: of the weights, by which the checkpoint is known; 0 if they are from none.
        batch_size: how many images are predicted at once.
    """

    def __init__(
        self,
        config: FrozenConfigDict,
        variables: Any,
        *,
        step: int = 0,
        checksum: int = 0,
        names: tuple[str, ...] | None = None,
    ):
        self.step = step
        self.checksum = checksum
        self.image_size = tuple(config.data.image_size)
        self.names = names or map_names(config)
        self._extra: tuple[str, ...] = ()
        self.protocol = build_protocol(config)
        self.frame_size = tuple(config.data.frame_size) or self.image_size
        self.labels = map_labels(config)
        self.description = _describe(config)
        self._guide_size = frame_size(config)
        self._mesh = Mesh(np.asarray(jax.local_devices()), (_AXIS,))
        self.batch_size = self._fill(config.evaluation.batch_size)
        self._variables = jax.device_put(variables, NamedSharding(self._mesh, P()))
        maps = build_maps(config)

        def apply(variables: Any, names: tuple[str, ...], image: jax.Array, guide: jax.Array):
            def of_device(variables: Any, image: jax.Array, guide: jax.Array):
                predicted = maps(variables, to_float(image), to_float(guide))
                return {name: predicted[name] for name in names if name in predicted}

            spread = jax.shard_map(
                of_device,
                mesh=self._mesh,
                in_specs=(P(), P(_AXIS), P(_AXIS)),
                out_specs=P(_AXIS),
                check_vma=False,
            )
            return spread(variables, image, guide)

        self._apply = jax.jit(apply, static_argnums=1)

    def with_variables(
        self, variables: Any, names: tuple[str, ...], *, steepness: bool
    ) -> "Predictor":
        """The same predictor with other weights and maps, and with `steepness` if there is any."""
        other = copy.copy(self)
        other._variables = jax.device_put(variables, NamedSharding(self._mesh, P()))
        other.names = names
        other._extra = (STEEPNESS,) if steepness else ()
        return other

    def __call__(self, image: np.ndarray) -> ImagePrediction:
        """Predicts for one uint8 image `[H, W, 3]` of any size."""
        return next(self._finish(self._begin([image]), [image.shape[:2]]))

    def predict_examples(
        self, examples: Iterable[Example]
    ) -> Iterator[tuple[Example, ImagePrediction]]:
        """Predicts for examples of any sizes, in batches, in order; at the size of their depth.

        Where that is not the image's, maps stay as large as the model makes them: a protocol
        resizes them once, to what it scores. The devices predict a batch while the one before it is
        taken from them.
        """
        examples, begun = iter(examples), []
        while True:
            if batch := list(islice(examples, self.batch_size)):
                # A last, smaller batch is filled up, so that one compiled program serves all.
                images = [e.image for e in batch]
                images += images[-1:] * (self.batch_size - len(batch))
                begun.append((batch, self._begin(images)))
            if not begun:
                return
            if len(begun) > 1 or not batch:
                done, predicted = begun.pop(0)
                sizes = [_own_size(e) for e in done]
                yield from zip(done, self._finish(predicted, sizes), strict=True)

    def _fill(self, count: int) -> int:
        """So many images or a few more, which the devices can share."""
        return -(-count // self._mesh.size) * self._mesh.size

    def _begin(self, images: Sequence[np.ndarray]) -> dict[str, jax.Array]:
        """The maps, on the devices, which may still be computing them."""
        images = [*images, *images[-1:] * (self._fill(len(images)) - len(images))]
        inputs = np.stack([frame_image(i, self.image_size, self.frame_size) for i in images])
        guides = inputs
        if not self.image_size == self.frame_size == self._guide_size:
            guides = np.stack([resize_image(i, self._guide_size) for i in images])
        names = (*self.names, *self._extra)
        inputs, guides = jax.device_put((inputs, guides), NamedSharding(self._mesh, P(_AXIS)))
        return self._apply(self._variables, names, inputs, guides)

    def _finish(
        self, predicted: dict[str, jax.Array], sizes: Sequence[tuple[int, int] | None]
    ) -> Iterator[ImagePrediction]:
        """A prediction for each size, None for its own; there may be more images than that."""
        fetched = jax.device_get(predicted)
        for index, size in enumerate(sizes):
            own = {
                name: resize_prediction(m[index], size or m[index].shape)
                for name, m in fetched.items()
            }
            maps = {name: own[name] for name in self.names}
            yield ImagePrediction(maps, own[self.names[-1]], own.get(STEEPNESS))


def _own_size(example: Example) -> tuple[int, int] | None:
    size = example.depth.shape
    return size if size == example.image.shape[:2] else None


def _describe(config: FrozenConfigDict) -> str:
    height, width = config.data.image_size
    line = f"model input: {height}x{width}"
    if config.data.frame_size:
        line += " of {}x{}".format(*config.data.frame_size)
    line += ", predictions brought to the image's size bilinearly"
    if config.evaluation.mirrored:
        line += ", averaged with those of the mirrored images"
    return f"{line}\nbase network: {config.model.base}"


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
    weights = load_weights(workdir, config)
    return Predictor(
        config,
        weights.variables,
        step=weights.step,
        checksum=weights.checksum,
        names=weights.names,
    )


class Weights(NamedTuple):
    """What a checkpoint holds for prediction.

    Attributes:
        variables: the model's.
        step: of the checkpoint.
        names: of the maps worth looking at, see `jaxdepth.experiment.map_names`.
        checksum: of the variables.
    """

    variables: dict
    step: int
    names: tuple[str, ...]
    checksum: int = 0


def load_weights(workdir: Workdir, config: FrozenConfigDict) -> Weights:
    """The weights of a run's newest checkpoint; `load_predictor` has the errors."""
    checkpoints = Checkpoints(workdir.checkpoints)
    try:
        step = checkpoints.latest()
        if step is None:
            raise WorkdirError(
                f"{workdir.path} has no checkpoint yet: let `python train.py` run on it first."
            )
        template = jax.eval_shape(lambda: init_variables(config))
        progress = checkpoints.progress(step)
        begun = progress["stage"] + (progress["batches"] > 0)
        names = map_names(config, tuple(config.stages[:begun]))
        variables = checkpoints.restore(step, "variables", template)
        return Weights(variables, step, names, progress["variables"]["checksum"])
    finally:
        checkpoints.close()
