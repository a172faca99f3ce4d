"""How a surface looks under a light: reconstructions as pictures."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

LIGHT = (-0.5, -0.6, -1.0)
"""From above the camera's left shoulder."""


def lambertian(
    normals: ArrayLike,
    *,
    light: tuple[float, float, float] = LIGHT,
    ambient: float = 0.15,
) -> jax.Array:
    """The brightness of a matt white surface under one distant light.

    ambient + (1 − ambient) max(0, n · l), the law of Lambert (1760).

    Args:
      normals: `[..., 3]`, of length 1 or 0 (no surface), as `surface_normals` gives them.
      light: direction towards the light, of any length above 0, in the normals' frame.
      ambient: brightness of what faces away from it, in [0, 1].

    Returns:
      `[...]` in [0, 1]; 0 where there is no surface.
    """
    normals, towards = jnp.asarray(normals), jnp.asarray(light)
    towards = (towards / jnp.linalg.norm(towards)).astype(normals.dtype)
    facing = jnp.maximum(normals @ towards, 0.0)
    surface = jnp.any(normals != 0, axis=-1)
    return jnp.where(surface, ambient + (1 - ambient) * facing, 0.0)
