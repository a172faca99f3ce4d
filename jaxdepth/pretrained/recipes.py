"""How each of our arrays is made from entries of a published file."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from jaxdepth.pretrained.names import Names
from jaxdepth.pretrained.report import Shape


class Recipe(NamedTuple):
    """One array of ours.

    Attributes:
        sources: names of the entries it is made from → the shape that each must have.
        convert: their arrays, in that order, to ours.
    """

    sources: dict[str, Shape]
    convert: Callable[..., np.ndarray]


def own_recipes(shapes: dict[str, Shape]) -> dict[str, Recipe]:
    """Recipes for this project's own files, which have our arrays as they are."""
    return {key: Recipe({key: shape}, _as_it_is) for key, shape in shapes.items()}


def torch_recipes(names: Names, shapes: dict[str, Shape], *, biased: bool) -> dict[str, Recipe]:
    """Recipes for the layout of torch: kernels are [out, in, height, width].

    Args:
        names: of the convolutions.
        shapes: of our arrays, by flat key.
        biased: whether the file's convolutions have a bias before batch normalisation.
    """
    recipes = {}
    for path, (conv, norm) in names.items():
        key = f"params/{path}/conv/kernel"
        height, width, inputs, outputs = shapes[key]
        source = {f"{conv}.weight": (outputs, inputs, height, width)}
        recipes[key] = Recipe(source, lambda kernel: kernel.transpose(2, 3, 1, 0))
        bias = f"{conv}.bias" if biased or norm is None else None
        parts = ("weight", "bias", "running_mean", "running_var")
        norms = norm and tuple(f"{norm}.{part}" for part in parts)
        recipes |= _vector_recipes(path, bias, norms, (outputs,))
    return recipes


def keras_recipes(names: Names, shapes: dict[str, Shape]) -> dict[str, Recipe]:
    """Recipes for the layout of Keras: kernels as ours, biases everywhere, blue first.

    Args:
        names: of the convolutions.
        shapes: of our arrays, by flat key.
    """
    recipes = {}
    for index, (path, (conv, norm)) in enumerate(names.items()):
        key = f"params/{path}/conv/kernel"
        # The first convolution sees the image, whose channels are blue, green, red there.
        convert = _reverse_inputs if index == 0 else _as_it_is
        recipes[key] = Recipe({f"{conv}/kernel": shapes[key]}, convert)
        parts = ("gamma", "beta", "moving_mean", "moving_variance")
        norms = norm and tuple(f"{norm}/{part}" for part in parts)
        recipes |= _vector_recipes(path, f"{conv}/bias", norms, shapes[key][-1:])
    return recipes


def _vector_recipes(
    path: str, bias: str | None, norm: tuple[str, str, str, str] | None, shape: Shape
) -> dict[str, Recipe]:
    """Everything but the kernel of a convolution and its normalisation, given the files' names."""
    if norm is None:
        return {f"params/{path}/conv/bias": Recipe({bias: shape}, _as_it_is)}
    scale, shift, mean, variance = norm
    # Normalisation subtracts the mean from convolution + bias, so a bias is a smaller mean.
    means = {mean: shape} if bias is None else {mean: shape, bias: shape}
    return {
        f"params/{path}/norm/scale": Recipe({scale: shape}, _as_it_is),
        f"params/{path}/norm/bias": Recipe({shift: shape}, _as_it_is),
        f"batch_stats/{path}/norm/mean": Recipe(means, _as_it_is if bias is None else _subtract),
        f"batch_stats/{path}/norm/var": Recipe({variance: shape}, _as_it_is),
    }


def _as_it_is(array: np.ndarray) -> np.ndarray:
    return array


def _reverse_inputs(kernel: np.ndarray) -> np.ndarray:
    return kernel[:, :, ::-1, :]


def _subtract(mean: np.ndarray, bias: np.ndarray) -> np.ndarray:
    return mean.astype(np.float64) - bias.astype(np.float64)
