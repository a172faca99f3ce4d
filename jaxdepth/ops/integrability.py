"""How far a field of gradients is from being the gradient of a depth map."""

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdepth.ops.differences import (
    Boundary,
    check_boundary,
    check_field,
    forward,
    gradient,
    gradient_adjoint,
)
from jaxdepth.ops.spectral import inverse_spectrum, laplacian_symbol, solve_dtype, spectrum


def curl(g: ArrayLike, *, boundary: Boundary = "periodic") -> jax.Array:
    r"""The curl of a field of gradients: what is gained on the way round four pixels.

    $$(\operatorname{curl} g)_{y,x} = g^x_{y,x} + g^y_{y,x+1} - g^x_{y+1,x} - g^y_{y,x},$$

    the sum of g along the edges from (y, x) to its right, down, left and up again. It is 0 for the
    gradient of any depth map.

    Args:
      g: `[..., H, W, 2]`, gradients in metres per pixel as `gradient` defines them.
      boundary: `"periodic"` or `"neumann"`, that of the gradients.

    Returns:
      `[..., H, W]`, in metres, of the type of `g`. With `"neumann"` the last row and the last
      column, which have no four pixels, are 0.

    Raises:
      ValueError: if `g` is not a field of gradients or `boundary` is unknown.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import curl, gradient
      >>> g = gradient(jnp.array([[1.0, 2.0], [4.0, 8.0]]), boundary="neumann")
      >>> float(curl(g, boundary="neumann")[0, 0])
      0.0
      >>> float(curl(g.at[0, 0, 0].add(0.5), boundary="neumann")[0, 0])
      0.5
    """
    g = jnp.asarray(g)
    check_boundary(boundary)
    check_field("g", g)
    around = forward(g[..., 1], -1, boundary) - forward(g[..., 0], -2, boundary)
    if boundary == "neumann":
        # There are no differences behind the last pixel, and no way round.
        around = around.at[..., -1, :].set(0).at[..., :, -1].set(0)
    return around


def integrability_residual(g: ArrayLike, *, boundary: Boundary = "periodic") -> jax.Array:
    r"""The part of g that is the gradient of no depth map.

    $$g - \nabla u, \qquad u = \arg\min_u \|\nabla u - g\|_2^2$$

    It is orthogonal to every gradient; its size at a pixel says how much of g there contradicts the
    rest. One spectral solve.

    Args:
      g: `[..., H, W, 2]`, gradients in metres per pixel as `gradient` defines them. With
        `boundary="neumann"` the last column of `g[..., 0]` and the last row of `g[..., 1]` have no
        effect.
      boundary: `"periodic"`, where a constant slope is no gradient, or `"neumann"`.

    Returns:
      `[..., H, W, 2]`, in metres per pixel, 0 where a Neumann boundary has no difference; float64
      for a float64 `g`, else float32.

    Raises:
      ValueError: if `g` is not a field of gradients or `boundary` is unknown.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import gradient, integrability_residual
      >>> g = gradient(jnp.array([[1.0, 2.0], [4.0, 8.0]]))
      >>> bool(jnp.allclose(integrability_residual(g), 0, atol=1e-6))
      True

    References:
      Frankot and Chellappa, "A Method for Enforcing Integrability in Shape from Shading
      Algorithms", PAMI 1988.
    """
    g = jnp.asarray(g)
    check_boundary(boundary)
    check_field("g", g)
    g = g.astype(solve_dtype(g))
    if boundary == "neumann":
        g = g.at[..., :, -1, 0].set(0).at[..., -1, :, 1].set(0)
    shape = g.shape[-3:-1]
    symbol = laplacian_symbol(shape, boundary=boundary, dtype=g.dtype)
    inverse = (1 / symbol.at[0, 0].set(1)).at[0, 0].set(0)  # the mean of u is free
    h = spectrum(gradient_adjoint(g, boundary=boundary), boundary=boundary)
    inverse = jnp.expand_dims(inverse, range(h.ndim - 2))
    u = inverse_spectrum(h * inverse, shape, boundary=boundary)
    return g - gradient(u, boundary=boundary)
