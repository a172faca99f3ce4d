"""Named tfds datasets as random-access sources of examples with one layout."""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow_datasets as tfds

from jaxdepth.data.fingerprint import fingerprint_files
from jaxdepth.data.prepare import (
    DATASETS,
    data_root,
    find_prepared,
    find_unfinished,
    open_prepared,
)
from jaxdepth.data.rooms import Planes, Rooms, RoomsConfig, prepare_rooms, scene_planes
from jaxdepth.errors import ConfigError, DataError


class Example(NamedTuple):
    """One image with its depth.

    Attributes:
        name: where it comes from, unique in its split.
        image: `[H, W, 3]` uint8.
        depth: `[H, W]` float32 metres; 0 = no measurement. It covers the image in another size in
            datasets that say so, as Make3D's does.
        intrinsics: fx, fy, cx, cy of the depth map in pixels, where known; the centre of the top
            left pixel is (0, 0).
        planes: finds the planes that are seen in it, where these are known.
    """

    name: str
    image: np.ndarray
    depth: np.ndarray
    intrinsics: Sequence[float] | None = None
    planes: Callable[[], Planes] | None = None


class Source(Sequence):
    """A split of a prepared dataset; `source[i]` reads and decodes one `Example`."""

    def __init__(
        self,
        records: Sequence,
        *,
        name: str,
        depth_key: str,
        one_size: bool = True,
        max_depth: float = np.inf,
        fingerprint: str = "",
        seed: int | None = None,
    ):
        self._records = records
        self._name = name
        self._depth_key = depth_key
        self._one_size = one_size
        self._max_depth = max_depth
        self.fingerprint = fingerprint
        """Changes if the dataset's files do."""
        self._seed = seed  # of rendered scenes

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, index: int) -> Example:
        record = self._records[index]
        depth = np.asarray(record[self._depth_key], np.float32)
        largest = depth.max()
        if not (depth.min() >= 0 and largest < np.inf and largest <= self._max_depth):  # NaN, too
            valid = np.isfinite(depth) & (depth > 0) & (depth <= self._max_depth)
            depth = np.where(valid, depth, np.float32(0))
        image = np.asarray(record["image"])
        if self._one_size and image.shape[:2] != depth.shape:
            raise DataError(
                f"{self._name}[{index}]: image and depth must have one size, got {image.shape[:2]} "
                f"and {depth.shape}: prepare the dataset again."
            )
        name, intrinsics, planes = f"{self._name}[{index}]", None, None
        if self._seed is not None:
            intrinsics = record["intrinsics"].tolist()
            split, number = record["scene"].decode().split("/")
            size = dict(zip(("height", "width"), depth.shape, strict=True))
            planes = partial(scene_planes, self._seed, split, int(number), **size)
        return Example(name, image, depth, intrinsics, planes)

    def __repr__(self) -> str:  # grain identifies sources in checkpoints by their repr
        return f"Source({self._name!r}, length={len(self)})"


def open_source(
    dataset: str,
    split: str,
    *,
    variant: str = "",
    depth: str = "depth",
    data_dir: str | None = None,
    max_depth: float | None = None,
) -> Source:
    """Opens a split of a dataset, preparing it first where the project itself makes it.

    Args:
        dataset: `"rooms"` (rendered on first use), or the name of a dataset that has been prepared:
            by `python -m jaxdepth.data prepare`, or tfds' `"nyu_depth_v2"`.
        split: a split of it, as tfds writes them: `"train"`, `"train[:100]"`.
        variant: the dataset's builder config, "" for its default; for rooms also a size and
            counts, `HxW_TRAIN_VALIDATION_TEST`, such as `"240x320_5000_100_100"`.
        depth: the record's depth to read: `"depth"`, or rooms' `"depth_kinect"`, or `"depth_raw"`
            of datasets whose depth is filled.
        data_dir: where tfds keeps datasets; None for its default.
        max_depth: metres; depth beyond it becomes 0, no measurement. None for no limit.

    Raises:
        ConfigError: unknown dataset, split or depth.
        DataError: the dataset is not prepared; the message says how to get it.
    """
    builder = open_builder(dataset, variant=variant, data_dir=data_dir)
    name = split.partition("[")[0]
    if name not in builder.info.splits:
        raise ConfigError(
            f"{dataset} has no split {split!r}: choose from {', '.join(builder.info.splits)}."
        )
    if depth not in builder.info.features:
        choices = ", ".join(k for k in builder.info.features if k.startswith("depth"))
        raise ConfigError(f"{dataset} has no depth {depth!r}: choose from {choices}.")
    try:
        records = builder.as_data_source(split=split)
    except ValueError as error:
        raise ConfigError(f"{dataset}: no split {split!r} ({error}).") from error
    except NotImplementedError as error:
        raise DataError(
            f"{builder.data_dir}: random access needs array_record files, this dataset was "
            "prepared in another format. Prepare it with file_format='array_record'."
        ) from error
    files = sorted(p for p in Path(builder.data_dir).iterdir() if p.is_file())
    return Source(
        records,
        name=f"{dataset}/{split}",
        depth_key=depth,
        one_size=(builder.info.metadata or {}).get("one_size", True),
        max_depth=max_depth or np.inf,
        fingerprint=fingerprint_files(files),
        seed=builder.info.metadata["seed"] if dataset == "rooms" else None,
    )


def open_builder(
    dataset: str, *, variant: str = "", data_dir: str | None = None
) -> tfds.core.DatasetBuilder:
    """Opens a dataset, rendering rooms first.

    Args:
        dataset, variant, data_dir: see `open_source`.

    Raises:
        ConfigError: unknown dataset or variant.
        DataError: the dataset is not prepared; the message says how to get it.
    """
    if dataset in _OPENERS:
        return _OPENERS[dataset](variant, data_dir)
    if folder := find_prepared(dataset, variant=variant, data_dir=data_dir):
        builder = open_prepared(folder)
        if "image" not in builder.info.features:
            raise DataError(f"{folder} is no dataset of images: {', '.join(builder.info.features)}")
        return builder
    if folder := find_unfinished(dataset, variant=variant, data_dir=data_dir):
        raise DataError(
            f"{dataset} is unfinished in {folder}: run the command that began to prepare it again, "
            "it goes on from what is done."
        )
    root = data_root(data_dir)
    if dataset in DATASETS:
        known = DATASETS[dataset]
        raise DataError(
            f"{dataset} is not prepared in {root}: get the {known.source}, and run\n"
            f"    {known.command(data_dir)}\n"
            "or name another folder by --config.data.data_dir=DIR."
        )
    raise ConfigError(
        f"no dataset {dataset!r}: choose from {', '.join(sorted([*_OPENERS, *DATASETS]))}, or one "
        f"that is prepared in {root} (python -m jaxdepth.data says how)."
    )


def _open_rooms(variant: str, data_dir: str | None) -> tfds.core.DatasetBuilder:
    """By a built-in config's name, or a size and counts, `HxW_TRAIN_VALIDATION_TEST`."""
    if custom := re.fullmatch(r"(\d+)x(\d+)_(\d+)_(\d+)_(\d+)", variant):
        names = ("height", "width", "num_train", "num_validation", "num_test")
        sizes = dict(zip(names, map(int, custom.groups()), strict=True))
        return prepare_rooms(RoomsConfig(name=variant, **sizes), data_dir=data_dir)
    variant = variant or "96x128"
    names = [config.name for config in Rooms.BUILDER_CONFIGS]
    if variant not in names:
        raise ConfigError(
            f"rooms has no variant {variant!r}: choose from {', '.join(names)}, or any size and "
            "count, HxW_TRAIN_VALIDATION_TEST, such as 240x320_5000_100_100."
        )
    return prepare_rooms(variant, data_dir=data_dir)


def _open_nyu(variant: str, data_dir: str | None) -> tfds.core.DatasetBuilder:
    if variant:
        raise ConfigError(f"nyu_depth_v2 has no variant {variant!r}: leave it empty.")
    try:
        builder = tfds.builder(
            "nyu_depth_v2", data_dir=data_dir, file_format="array_record", try_gcs=False
        )
    except Exception as error:  # tfds raises many kinds for a damaged folder
        raise DataError(f"tfds cannot open nyu_depth_v2 in {data_dir}: {error}") from error
    if not builder.is_prepared():
        raise DataError(
            f"nyu_depth_v2 is not prepared: {builder.data_dir} does not exist. On a machine with "
            "`pip install tensorflow h5py` and about 100 GB of free disk, run\n"
            f"    tfds build nyu_depth_v2 --file_format=array_record"
            f"{f' --data_dir={data_dir}' if data_dir else ''}\n"
            "(it downloads 32 GB), or name another folder by --config.data.data_dir=DIR."
        )
    return builder


_OPENERS: dict[str, Callable[[str, str | None], Any]] = {
    "rooms": _open_rooms,
    "nyu_depth_v2": _open_nyu,
}

MADE_ELSEWHERE = frozenset(_OPENERS)
"""Datasets that are not prepared by `jaxdepth.data.prepare`."""
