"""Where prepared datasets are."""

import os
import re
from pathlib import Path

import tensorflow_datasets as tfds

from jaxdepth.data.images import FilePath
from jaxdepth.errors import ConfigError, DataError


def data_root(data_dir: FilePath | None) -> Path:
    """The folder of all datasets: `data_dir`, or tfds' own, which `TFDS_DATA_DIR` sets.

    Raises:
        ConfigError: it is the address of a bucket.
    """
    chosen = data_dir or os.environ.get("TFDS_DATA_DIR") or tfds.core.constants.DATA_DIR
    if "://" in str(chosen):
        raise ConfigError(f"--data_dir must be a folder, got {chosen}; mount the bucket as one")
    return Path(chosen).expanduser()


def dataset_folder(name: str, data_dir: FilePath | None) -> Path:
    """The folder of all variants and versions of a dataset.

    Raises:
        ConfigError: the name is none that tfds can use.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ConfigError(
            f"a dataset's name must be small letters, digits and _, a letter first, got {name!r}"
        )
    return data_root(data_dir) / name


def find_prepared(name: str, *, variant: str = "", data_dir: FilePath | None = None) -> Path | None:
    """The folder of a prepared dataset, of its newest version; None if there is none.

    Without a variant, it is the dataset itself or, if it has variants, the only one there.

    Raises:
        ConfigError: it has several variants and none is named, or not the one that is.
    """
    root = data_root(data_dir) / name
    folder = _newest(root / variant)
    begun = variant and find_unfinished(name, variant=variant, data_dir=data_dir)
    if folder is not None or begun:
        return folder
    variants = sorted(p.name for p in root.iterdir() if _newest(p)) if root.is_dir() else []
    if variant and (variants or _newest(root)):
        have = f"choose from {', '.join(variants)}" if variants else "leave it empty"
        raise ConfigError(f"{name} has no variant {variant!r} in {root.parent}: {have}.")
    if len(variants) > 1:
        raise ConfigError(
            f"{name} has several variants in {root.parent}: choose one of {', '.join(variants)} by "
            "--config.data.variant=NAME, or --variant=NAME of python -m jaxdepth.data."
        )
    return _newest(root / variants[0]) if variants else None


def find_unfinished(
    name: str, *, variant: str = "", data_dir: FilePath | None = None
) -> Path | None:
    """The folder of a preparation that has not come to its end; None if there is none."""
    root = data_root(data_dir) / name
    patterns = ["*.unfinished"] if variant else ["*.unfinished", "*/*.unfinished"]
    return next((path for p in patterns for path in (root / variant).glob(p)), None)


def open_prepared(folder: FilePath) -> tfds.core.DatasetBuilder:
    """tfds' builder of a prepared dataset; it needs none of the code that prepared it.

    Raises:
        DataError: the folder is damaged.
    """
    try:
        return tfds.builder_from_directory(str(folder))
    except Exception as error:  # tfds raises many kinds for a damaged folder
        raise DataError(
            f"cannot open the dataset in {folder}: {error}; delete the folder and prepare it again"
        ) from error


def _newest(folder: Path) -> Path | None:
    if not folder.is_dir():
        return None
    versions = [p for p in folder.iterdir() if tfds.core.utils.Version.is_valid(p.name)]
    return max(versions, key=lambda p: tfds.core.utils.Version(p.name), default=None)
