"""Published weights into a base network's variables."""

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import jax
import numpy as np
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxdepth.errors import DataError
from jaxdepth.models.base import BASES, CONVENTIONS
from jaxdepth.pretrained.entries import Entries
from jaxdepth.pretrained.keras_file import open_keras
from jaxdepth.pretrained.names import Names, keras_names, torch_names
from jaxdepth.pretrained.npz_file import open_npz
from jaxdepth.pretrained.recipes import Recipe, keras_recipes, own_recipes, torch_recipes
from jaxdepth.pretrained.report import ConversionReport, Shape, compare
from jaxdepth.pretrained.safetensors_file import open_safetensors

_PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl")

# Entries of whole classifiers that a base network has no use for.
_TORCH_HEADS = ("classifier.", "fc.", "head.", "pre_logits.")
_KERAS_HEADS = ("fc1/", "fc2/", "fc1000/", "predictions/", "probs/", "optimizer/")


def load_pretrained(
    path: str | os.PathLike, base: str, variables: Mapping, *, convention: str
) -> tuple[dict, ConversionReport]:
    """Reads published weights for a base network.

    Every array of the network comes from the file and every entry of the file is used or is known
    not to be needed (a classifier's); otherwise the file is refused. Biases before batch
    normalisation become part of its running mean, which is exact.

    Args:
        path: the file; its suffix says what it is. `.safetensors`: names of torchvision or timm.
            `.h5`: of keras-applications. `.npz`: written by `save_npz`.
        base: `"vgg16"`, `"vgg19"` or `"resnet50"`.
        variables: of `make_base(base, …)`, as its `init` or `jax.eval_shape` of that gives them:
            `{"params": …}`, with `"batch_stats"` where there is batch normalisation. Shapes and
            types are taken from here, values are not.
        convention: that the network was made with, `"torch"` or `"keras"`; it must be the file's.

    Returns:
        Variables of the same structure, NumPy arrays; and what was loaded and skipped.

    Raises:
        DataError: the file is missing, damaged, pickled, of another convention or network, or
            holds a value that is not finite; the message names it and lists every entry that does
            not fit. Or the library that reads it is not installed.
        ValueError: `base` or `convention` is unknown, or `variables` are not of that base network.

    Examples:
        >>> model = make_base("vgg16")  # doctest: +SKIP
        >>> shapes = jax.eval_shape(model.init, key, image)  # doctest: +SKIP
        >>> variables, report = load_pretrained(
        ...     "vgg16.safetensors", "vgg16", shapes, convention="torch"
        ... )  # doctest: +SKIP
    """
    path = Path(path)
    if base not in BASES:
        raise ValueError(f"base must be one of {', '.join(BASES)}, got {base!r}.")
    if convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {convention!r}.")
    template = flatten_dict(dict(variables), sep="/")
    shapes = {key: tuple(x.shape) for key, x in template.items()}
    batch_norm = any(key.endswith("/norm/scale") for key in shapes)
    _check_template(base, shapes, torch_names(base, batch_norm=batch_norm))

    with _open(path, base, convention, shapes, batch_norm) as (entries, recipes, is_skipped):
        expected = {name: shape for r in recipes.values() for name, shape in r.sources.items()}
        report = compare(expected, entries.shapes, is_skipped)
        if not report.fits:
            hint = _hint(entries.shapes, base, batch_norm)
            raise DataError(f"{path}: is not {base} as it was made here.{hint}\n{report}")
        arrays = {}
        for key, recipe in recipes.items():
            sources = [_read_finite(path, entries, name) for name in recipe.sources]
            arrays[key] = np.ascontiguousarray(recipe.convert(*sources), template[key].dtype)
    return unflatten_dict(arrays, sep="/"), report


@contextlib.contextmanager
def _open(
    path: Path, base: str, convention: str, shapes: dict[str, Shape], batch_norm: bool
) -> Iterator[tuple[Entries, dict[str, Recipe], Callable[[str], bool]]]:
    """The file's entries, what to make of them, and which of the others are known."""
    if path.suffix in _PICKLES:
        raise DataError(
            f"{path}: pickled weights are not read, because reading them can run any code. Convert "
            "a file that you trust, once:\n"
            f"  state = torch.load({path.name!r}, map_location='cpu', weights_only=True)\n"
            f"  safetensors.torch.save_file(state, {path.stem + '.safetensors'!r})"
        )
    if path.suffix not in (".safetensors", ".h5", ".npz"):
        raise DataError(
            f"{path}: weights must be .safetensors (torchvision, timm), .h5 (Keras) or .npz "
            f"(jaxdepth), got {path.suffix or 'no suffix'}."
        )
    if not path.is_file():
        raise DataError(f"{path}: there is no such file of weights.")
    if path.suffix == ".safetensors":
        _check_convention(path, "torch", convention)
        names = torch_names(base, batch_norm=batch_norm)
        recipes = torch_recipes(names, shapes, biased=base != "resnet50")
        with open_safetensors(path) as entries:
            yield entries, recipes, _is_torch_skipped
    elif path.suffix == ".h5":
        _check_convention(path, "keras", convention)
        if batch_norm and base != "resnet50":
            raise DataError(
                f"{path}: Keras has no {base} with batch normalisation: set batch_norm=False."
            )
        with open_keras(path) as entries:
            yield entries, keras_recipes(keras_names(base), shapes), _is_keras_skipped
    else:
        with open_npz(path) as (entries, metadata):
            found = metadata.get("base")
            if found != base:
                raise DataError(
                    f"{path}: has weights of {found}, the model is made with {base}: "
                    f"set base={found!r}."
                )
            _check_convention(path, str(metadata.get("convention")), convention)
            yield entries, own_recipes(shapes), lambda name: False


def _is_torch_skipped(name: str) -> bool:
    return name.startswith(_TORCH_HEADS) or name.endswith(".num_batches_tracked")


def _is_keras_skipped(name: str) -> bool:
    return name.startswith(_KERAS_HEADS)


def _check_convention(path: Path, found: str, convention: str) -> None:
    if found != convention:
        raise DataError(
            f"{path}: has weights of the {found} convention, the model is made for {convention}: "
            f"set convention={found!r}."
        )


def _check_template(base: str, shapes: dict[str, Shape], names: Names) -> None:
    expected = set()
    for path, (_, norm) in names.items():
        expected.add(f"params/{path}/conv/kernel")
        if norm is None:
            expected.add(f"params/{path}/conv/bias")
        else:
            expected |= {f"params/{path}/norm/{leaf}" for leaf in ("scale", "bias")}
            expected |= {f"batch_stats/{path}/norm/{leaf}" for leaf in ("mean", "var")}
    wrong = sorted(expected ^ set(shapes))
    if wrong:
        raise ValueError(
            f"variables must be those of make_base({base!r}), got others: "
            f"{', '.join(wrong[:5])}{' …' if len(wrong) > 5 else ''} are only in one of the two."
        )


def _hint(found: dict[str, Shape], base: str, batch_norm: bool) -> str:
    """What the user probably did, where it shows."""
    if any(name.startswith("res2a_branch2a/") for name in found):
        return (
            " It is of the first Keras releases, whose ResNet-50 is another one; use the file whose"
            " layers are called conv1_conv, conv2_block1_1_conv and so on."
        )
    normalised = any(name == "features.1.running_mean" for name in found)
    if base != "resnet50" and normalised != batch_norm and "features.0.weight" in found:
        return f" Set batch_norm={normalised}, as its weights have it."
    return ""


def _read_finite(path: Path, entries: Entries, name: str) -> np.ndarray:
    array = entries.read(name)
    if not jax.dtypes.issubdtype(array.dtype, np.floating):  # which knows bfloat16
        raise DataError(f"{path}: {name} must hold floating-point numbers, got {array.dtype}.")
    if not np.all(np.isfinite(array)):
        raise DataError(f"{path}: {name} holds values that are not finite. Fetch the file again.")
    return array
