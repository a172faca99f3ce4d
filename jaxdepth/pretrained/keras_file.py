"""Files of weights from keras-applications."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from jaxdepth.errors import DataError
from jaxdepth.pretrained.entries import Entries, damage_named, import_reader

# Weights have an order but no reliable names: kernels are called `…/kernel:0` or `…_W_1:0`.
_PARTS = {
    1: ("kernel",),
    2: ("kernel", "bias"),
    4: ("gamma", "beta", "moving_mean", "moving_variance"),
}


@contextlib.contextmanager
def open_keras(path: Path) -> Iterator[Entries]:
    """Opens an `.h5` file; names are `layer/kernel`, `layer/bias`, `layer/gamma` and so on.

    It reads the layout of the published files, which list `layer_names` and `weight_names`, whole
    models of that time, which have it under `model_weights`, and the layout of `.weights.h5` files
    where each group of variables has its layer's name.

    Raises:
        DataError: the file is damaged, has another layout or is of a convolution that flips
            kernels; or the library is not installed.
    """
    h5py = import_reader(path, "h5py")
    errors = (OSError, ValueError, KeyError, RuntimeError, TypeError, AttributeError)
    with contextlib.ExitStack() as stack:
        with damage_named(path, *errors):
            file = stack.enter_context(h5py.File(path, "r"))
            root = file.get("model_weights", file)
            if "layer_names" in root.attrs:
                datasets = _listed(path, root)
            else:
                datasets = _grouped(path, file, h5py)
            shapes = {name: tuple(dataset.shape) for name, dataset in datasets.items()}

        def read(name: str) -> np.ndarray:
            with damage_named(path, *errors):
                return datasets[name][()]

        yield Entries(shapes, read)


def _listed(path: Path, root) -> dict:
    """Datasets by our names, where the file lists its layers and their weights."""
    if _text(root.attrs.get("backend", "")) == "theano":
        raise DataError(
            f"{path}: written with Theano, whose kernels are flipped. Use the file with "
            "TensorFlow's kernels (tf_kernels)."
        )
    datasets = {}
    for layer in map(_text, root.attrs["layer_names"]):
        group = root[layer]
        weights = [_text(name) for name in group.attrs["weight_names"]]
        datasets |= _named(layer, [group[name] for name in weights])
    return datasets


def _grouped(path: Path, file, h5py) -> dict:
    """Datasets by our names, where each layer has a group `vars` of numbered variables."""
    datasets, found = {}, False

    def visit(name: str, item) -> None:
        nonlocal found
        if not isinstance(item, h5py.Group) or name.split("/")[-1] != "vars" or not len(item):
            return
        found = True
        if name.startswith("optimizer/"):
            datasets.update({f"{name}/{key}": item[key] for key in item})
        elif "name" in item.attrs:
            layer = _text(item.attrs["name"])
            datasets.update(_named(layer, [item[str(i)] for i in range(len(item))]))
        else:
            raise DataError(
                f"{path}: does not name its layers ({name}). Save it with a newer Keras 3, which "
                "does, or use the published *_notop.h5 file."
            )

    file.visititems(visit)
    if not found:
        raise DataError(
            f"{path}: neither has an attribute layer_names nor groups of variables, so it is not a "
            "file of Keras weights."
        )
    return datasets


def _named(layer: str, datasets: list) -> dict:
    parts = _PARTS.get(len(datasets), [str(i) for i in range(len(datasets))])
    return {f"{layer}/{part}": dataset for part, dataset in zip(parts, datasets, strict=True)}


def _text(value) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
