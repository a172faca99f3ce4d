"""The rooms as a TensorFlow Datasets dataset, without TensorFlow."""

import contextlib
import dataclasses
import os
import sys
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds
from absl import logging
from tensorflow_datasets.core import shuffle
from tqdm import tqdm

from jaxdepth.data.ahead import map_ahead
from jaxdepth.data.images import encode_png
from jaxdepth.data.rooms.generate import MIN_SIDE, render_scene
from jaxdepth.errors import DataError


@dataclasses.dataclass(kw_only=True)
class RoomsConfig(tfds.core.BuilderConfig):
    """Size, counts and seed of a rooms dataset.

    Scene i of a split depends on the seed and the size alone: two configs that differ in their
    counts share the scenes that both have.
    """

    height: int = 96
    """Image height in pixels."""
    width: int = 128
    """Image width in pixels."""
    num_train: int = 2000
    num_validation: int = 200
    num_test: int = 200
    seed: int = 0
    """Of all scenes; at least 0."""

    @property
    def counts(self) -> dict[str, int]:
        """Scenes by split."""
        return {
            "train": self.num_train,
            "validation": self.num_validation,
            "test": self.num_test,
        }

    def parameters(self) -> dict[str, int]:
        """What decides the content, by name."""
        names = ("height", "width", "num_train", "num_validation", "num_test", "seed")
        return {name: int(getattr(self, name)) for name in names}


class Rooms(tfds.core.GeneratorBasedBuilder):
    """Furnished rooms, rendered by ray casting: RGB, exact depth and Kinect-like depth.

    An example has

    - `image`: uint8 `[height, width, 3]`, sRGB, stored as PNG;
    - `depth`: float32 `[height, width]`, the exact camera-z in metres through each pixel's centre;
    - `depth_kinect`: float32 `[height, width]`, metres, with quantisation, noise and holes (0);
    - `intrinsics`: float32 `[4]`, fx, fy, cx, cy in pixels; pixel (0, 0) has its centre at (0, 0);
    - `scene`: its name, such as "train/000123"; `render_scene(seed, "train", 123)` makes it again.

    Examples are in the order of their index. Configs: "96x128" (2,000 / 200 / 200 scenes for
    train, validation and test), "96x128_20k" (the same, with 20,000 to train on, of which the
    first 2,000 are those of "96x128") and "240x320" (2,000 / 200 / 200).

    Rooms measure 2.2 to 9.5 m and are 2.4 to 3 m high; doors, tables, chairs and tiles have the
    sizes of real ones, and the camera stands at 1.15 to 1.75 m, so that absolute scale can be
    learnt.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES: dict = {"1.0.0": "First version."}  # noqa: RUF012
    BUILDER_CONFIGS: list = [  # noqa: RUF012
        RoomsConfig(name="96x128", description="2,000 / 200 / 200 scenes of 96 x 128 pixels."),
        RoomsConfig(
            name="96x128_20k",
            num_train=20_000,
            description='20,000 scenes to train on; the other splits are those of "96x128".',
        ),
        RoomsConfig(
            name="240x320",
            height=240,
            width=320,
            description="2,000 / 200 / 200 scenes of 240 x 320 pixels.",
        ),
    ]
    # Where tfds would look for checksums of downloads, of which there are none.
    code_path = None
    # Set while `prepare_rooms` generates; None shows nothing.
    _bar: tqdm | None = None

    def _info(self) -> tfds.core.DatasetInfo:
        shape = (self.builder_config.height, self.builder_config.width)
        depth = {"shape": shape, "dtype": np.float32}
        # Exact depth hardly compresses and would take the writer most of its time.
        plain, compressed = tfds.features.Encoding.BYTES, tfds.features.Encoding.ZLIB
        return self.dataset_info_from_configs(
            description=Rooms.__doc__,
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(*shape, 3), encoding_format="png"),
                    "depth": tfds.features.Tensor(**depth, encoding=plain),
                    "depth_kinect": tfds.features.Tensor(**depth, encoding=compressed),
                    "intrinsics": tfds.features.Tensor(shape=(4,), dtype=np.float32),
                    "scene": tfds.features.Text(),
                }
            ),
            supervised_keys=("image", "depth"),
            disable_shuffling=True,
            metadata=tfds.core.MetadataDict(self.builder_config.parameters()),
        )

    def _log_download_bytes(self) -> None:
        """Silences tfds' line about a download."""

    def _log_download_done(self) -> None:
        """Silences tfds' line about a download."""

    def _split_generators(self, dl_manager):
        del dl_manager
        counts = self.builder_config.counts
        return {split: self._generate_examples(split, count) for split, count in counts.items()}

    def _generate_examples(self, split: str, count: int) -> Iterator[tuple[int, dict]]:
        config = self.builder_config

        def example(index: int) -> dict:
            scene = render_scene(
                config.seed, split, index, height=config.height, width=config.width
            )
            return {**scene, "image": encode_png(scene["image"]), "scene": f"{split}/{index:06d}"}

        for index, made in enumerate(map_ahead(example, range(count))):
            yield index, made
            if self._bar is not None:
                self._bar.update()


def _resolve(config: str | RoomsConfig) -> RoomsConfig:
    built_in = {known.name: known for known in Rooms.BUILDER_CONFIGS}
    if isinstance(config, str):
        if config not in built_in:
            raise DataError(
                f"There is no rooms config named {config!r}; choose one of {sorted(built_in)} or "
                "pass a RoomsConfig."
            )
        return built_in[config]
    known = built_in.get(config.name)
    if known is not None and known.parameters() != config.parameters():
        raise DataError(
            f"The name {config.name!r} belongs to a built-in rooms config with other parameters "
            f"({known.parameters()}); give this one another name."
        )
    parameters = config.parameters()
    for name, low in (("height", MIN_SIDE), ("width", MIN_SIDE), ("seed", 0)):
        if parameters[name] < low:
            raise DataError(f"RoomsConfig.{name} must be at least {low}, got {parameters[name]}.")
    for split, count in config.counts.items():
        if count < 1:
            raise DataError(f"RoomsConfig.num_{split} must be at least 1, got {count}.")
    return known or config


@contextlib.contextmanager
def _sorting_in_memory() -> Iterator[None]:
    """Lets tfds sort a split of any size in memory: beyond 1 GB it would need TensorFlow."""
    limit = shuffle.MAX_MEM_BUFFER_SIZE
    shuffle.MAX_MEM_BUFFER_SIZE = sys.maxsize
    try:
        yield
    finally:
        shuffle.MAX_MEM_BUFFER_SIZE = limit


def prepare_rooms(
    config: str | RoomsConfig = "96x128",
    *,
    data_dir: str | os.PathLike | None = None,
    progress: bool = True,
) -> tfds.core.DatasetBuilder:
    """Renders the dataset unless it is already there, and returns its builder.

    Nothing is downloaded. An interrupted run leaves nothing that a later one takes for complete.

    Args:
        config: the name of a built-in config, see `Rooms`, or a `RoomsConfig` with a name of its
            own.
        data_dir: where datasets live; TensorFlow Datasets' default if None: `TFDS_DATA_DIR` or
            `~/tensorflow_datasets`.
        progress: whether to show a progress bar while rendering.

    Returns:
        The builder; `builder.as_data_source(split="train")` reads it.

    Raises:
        DataError: if there is no such config, its parameters are out of range, or the dataset on
            disk was made under this name with other parameters.

    Examples:
        builder = prepare_rooms("96x128")
        example = builder.as_data_source(split="test")[0]
        example["depth"].shape  # (96, 128)
    """
    config = _resolve(config)
    verbosity = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)  # tfds warns of every config that is not built in
    try:
        builder = Rooms(config=config, data_dir=data_dir, file_format="array_record")
    finally:
        logging.set_verbosity(verbosity)
    if not builder.data_path.exists():
        # One bar of ours instead of several of tfds'.
        shown = tfds.core.utils.tqdm_utils._active
        tfds.disable_progress_bar()
        try:
            bar = tqdm(
                total=sum(config.counts.values()),
                desc=f"Rendering rooms/{config.name}",
                unit="scene",
                mininterval=0.1 if sys.stderr.isatty() else 10.0,
                disable=not progress,
            )
            with bar, _sorting_in_memory():
                builder._bar = bar
                builder.download_and_prepare(
                    download_config=tfds.download.DownloadConfig(try_download_gcs=False)
                )
        finally:
            builder._bar = None
            if shown:
                tfds.enable_progress_bar()
    made = dict(builder.info.metadata)
    if made != config.parameters():
        raise DataError(
            f"{builder.data_dir} was made with {made}, not with {config.parameters()}; give this "
            "RoomsConfig another name or delete that folder."
        )
    return builder
