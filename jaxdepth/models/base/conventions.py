"""What published weights expect of the network around them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class Convention(NamedTuple):
    """A framework's way of building and feeding its published networks.

    Attributes:
        mean: subtracted from an RGB image in [0, 1].
        std: what remains is divided by it.
        epsilon: added to the variance in batch normalisation.
        stride_in_first: in a strided bottleneck of ResNet-50, whether the first 1×1 convolution
            has the stride (as published) or the 3×3 convolution ("v1.5").
    """

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    epsilon: float
    stride_in_first: bool


CONVENTIONS = {
    "torch": Convention(
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
        epsilon=1e-5,
        stride_in_first=False,
    ),
    # In [0, 255] with standard deviation 1. The published weights want blue first; converted ones
    # have the input channels of their first kernel reversed instead.
    "keras": Convention(
        mean=(123.68 / 255, 116.779 / 255, 103.939 / 255),
        std=(1 / 255, 1 / 255, 1 / 255),
        epsilon=1.001e-5,
        stride_in_first=True,
    ),
}
"""By name: `"torch"` for torchvision and timm, `"keras"` for keras-applications."""


def find_convention(name: str) -> Convention:
    """The convention of a name.

    Raises:
        ValueError: there is none.
    """
    if name not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(CONVENTIONS)}, got {name!r}.")
    return CONVENTIONS[name]


def normalise(image: jax.Array, convention: Convention) -> jax.Array:
    """`(image − mean) / std` of an RGB image `[..., 3]` in [0, 1], in single precision at least."""
    shape = (1,) * (image.ndim - 1) + (3,)
    mean = jnp.array(convention.mean).reshape(shape)
    std = jnp.array(convention.std).reshape(shape)
    return (image - mean) / std
