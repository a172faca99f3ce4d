"""Pure functions of arrays; they need JAX alone.

Images and depth maps are `[..., H, W]`, fields of gradients `[..., H, W, 2]` with the horizontal
component first.
"""

from jaxdepth.ops.differences import gradient, gradient_adjoint
from jaxdepth.ops.spectral import screened_poisson
from jaxdepth.ops.split_bregman import integration_energy, split_bregman
from jaxdepth.ops.warp import (
    affine_matrix,
    compose_affine,
    invert_affine,
    warp_bilinear,
    warp_nearest,
)

__all__ = [
    "affine_matrix",
    "compose_affine",
    "gradient",
    "gradient_adjoint",
    "integration_energy",
    "invert_affine",
    "screened_poisson",
    "split_bregman",
    "warp_bilinear",
    "warp_nearest",
]
