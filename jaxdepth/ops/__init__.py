"""Pure functions of arrays; they need JAX alone.

Images and depth maps are `[..., H, W]`, fields of gradients `[..., H, W, 2]` with the horizontal
component first.
"""

from jaxdepth.ops.bilateral import bilateral_filter, cross_bilateral_fill
from jaxdepth.ops.bregman_iterations import SplitBregmanInfo
from jaxdepth.ops.camera import intrinsics_of_view, surface_normals, unproject
from jaxdepth.ops.differences import (
    central_gradient,
    central_validity,
    gradient,
    gradient_adjoint,
)
from jaxdepth.ops.energy import integration_energy
from jaxdepth.ops.integrability import curl, integrability_residual
from jaxdepth.ops.irls import fusion_energy, irls_fusion
from jaxdepth.ops.pdhg import pdhg
from jaxdepth.ops.placement import place_in_frame
from jaxdepth.ops.shading import lambertian
from jaxdepth.ops.spectral import screened_poisson
from jaxdepth.ops.split_bregman import split_bregman
from jaxdepth.ops.warp import (
    affine_matrix,
    compose_affine,
    invert_affine,
    warp_bilinear,
    warp_nearest,
)

__all__ = [
    "SplitBregmanInfo",
    "affine_matrix",
    "bilateral_filter",
    "central_gradient",
    "central_validity",
    "compose_affine",
    "cross_bilateral_fill",
    "curl",
    "fusion_energy",
    "gradient",
    "gradient_adjoint",
    "integrability_residual",
    "integration_energy",
    "intrinsics_of_view",
    "invert_affine",
    "irls_fusion",
    "lambertian",
    "pdhg",
    "place_in_frame",
    "screened_poisson",
    "split_bregman",
    "surface_normals",
    "unproject",
    "warp_bilinear",
    "warp_nearest",
]
