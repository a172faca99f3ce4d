"""Integration of a depth map and a field of depth gradients by Split-Bregman iterations."""

import functools
import operator

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdepth.ops.differences import (
    Boundary,
    check_boundary,
    check_image,
    gradient,
    gradient_adjoint,
)
from jaxdepth.ops.spectral import positive_scalar, screened_poisson_solver, solve_dtype


def split_bregman(
    f: ArrayLike,
    g: ArrayLike,
    *,
    lam: ArrayLike,
    beta: ArrayLike = 10.0,
    num_iters: int = 10,
    boundary: Boundary = "periodic",
) -> jax.Array:
    r"""The depth map with the gradients g that is close to f, after K Split-Bregman iterations.

    Approaches the minimiser over u of the energy

    $$E(u) = \|\nabla u - g\|_1 + \frac{\lambda}{2}\|u - f\|_2^2$$

    by K times, from d = b = 0,

    $$\begin{aligned}
    u &\leftarrow (\lambda + \beta\nabla^\top\nabla)^{-1}
      (\lambda f + \beta\nabla^\top(d + g - b)) \\
    d &\leftarrow \operatorname{shrink}(\nabla u - g + b,\ 1/\beta) \\
    b &\leftarrow b + (\nabla u - g) - d
    \end{aligned}$$

    The mean of u is the mean of f in every iteration; g decides the rest where it can.

    Differentiable in forward and reverse mode in `f`, `g`, `lam` and `beta`, through the K
    iterations. Reverse mode costs K more solves, and keeps one image and the signs of the shrinkage
    per iteration. Where an argument of the shrinkage is exactly ±1/β, its derivative is taken as 0.

    Args:
      f: `[..., H, W]`, the depth in metres, any H, W ≥ 1. A NaN spreads over its whole image, so
        fill missing values before.
      g: `[..., H, W, 2]`, the gradients of depth in metres per pixel as `gradient` defines them:
        forward differences, `[..., 0]` horizontal, `[..., 1]` vertical. With `boundary="neumann"`
        the last column of `g[..., 0]` and the last row of `g[..., 1]` have no effect.
      lam: λ > 0, the weight of f, a scalar; in 1/metre. The larger, the closer u is to f.
      beta: β > 0, the penalty of the splitting, a scalar; in pixels/metre. The minimiser of E does
        not depend on it, the speed of convergence does; 1/β is the shrinkage per iteration.
      num_iters: K ≥ 1, static.
      boundary: of ∇, `"periodic"` (as in the paper) or `"neumann"`.

    Returns:
      u of the last iteration, `[..., H, W]`, in metres; float64 if `f` or `g` is, else float32,
      which is also used for the arithmetic (bfloat16 and float16 are converted).

    Raises:
      ValueError: if a shape is not one of the above, `num_iters` is less than 1, `boundary` is
        unknown, or `lam` or `beta` is not a positive scalar. A value that is traced is not checked.

    Examples:
      A step edge, blurred in f and sharp in g:

      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import gradient, split_bregman
      >>> edge = jnp.tile(jnp.array([1.0, 1.0, 3.0, 3.0]), (4, 1))
      >>> blurred = jnp.tile(jnp.array([1.0, 1.5, 2.5, 3.0]), (4, 1))
      >>> u = split_bregman(blurred, gradient(edge), lam=0.01)
      >>> bool(jnp.allclose(u, edge, atol=0.01))
      True

    References:
      Kim et al., "Deep Monocular Depth Estimation via Integration of Global and Local Predictions",
      IEEE TIP 2018, equations 3 to 5, with Δ = ∇ᵀ∇. Goldstein and Osher, "The Split Bregman Method
      for L1-Regularized Problems", SIAM J. Imaging Sciences 2009.
    """
    f, g = jnp.asarray(f), jnp.asarray(g)
    check_boundary(boundary)
    _check_shapes(f, g)
    if operator.index(num_iters) < 1:
        raise ValueError(f"num_iters must be at least 1, got {num_iters}; the paper uses 10.")
    dtype = solve_dtype(f, g)
    lam, beta = positive_scalar("lam", lam, dtype), positive_scalar("beta", beta, dtype)
    f, g = f.astype(dtype), g.astype(dtype)
    return _iterate(f, g, lam, beta, num_iters=num_iters, boundary=boundary)


def integration_energy(
    u: ArrayLike,
    f: ArrayLike,
    g: ArrayLike,
    *,
    lam: ArrayLike,
    boundary: Boundary = "periodic",
) -> jax.Array:
    r"""The energy that `split_bregman` lowers, with the anisotropic L1 norm.

    $$E(u) = \sum_{y,x}\left(|(\nabla u - g)_h| + |(\nabla u - g)_v|\right)
      + \frac{\lambda}{2}\sum_{y,x}(u - f)^2$$

    Args:
      u: `[..., H, W]`, a depth map in metres.
      f: `[..., H, W]`, the depth in metres that u should be close to.
      g: `[..., H, W, 2]`, its gradients in metres per pixel, as `gradient` defines them. With
        `boundary="neumann"` the last column of `g[..., 0]` and the last row of `g[..., 1]` add a
        constant.
      lam: λ > 0, the weight of f, a scalar; in 1/metre.
      boundary: of ∇, `"periodic"` or `"neumann"`.

    Returns:
      `[...]`, one sum over the pixels per image (not a mean); float64 if an input is, else float32.

    Raises:
      ValueError: if a shape is not one of the above, `boundary` is unknown, or `lam` is not a
        positive scalar. A value that is traced is not checked.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import gradient, integration_energy
      >>> f = jnp.array([[1.0, 2.0], [1.0, 2.0]])
      >>> float(integration_energy(f + 1.0, f, gradient(f), lam=0.5))
      1.0

    References:
      Kim et al., "Deep Monocular Depth Estimation via Integration of Global and Local Predictions",
      IEEE TIP 2018, equation 1.
    """
    u, f, g = jnp.asarray(u), jnp.asarray(f), jnp.asarray(g)
    check_boundary(boundary)
    _check_shapes(f, g)
    if u.shape != f.shape:
        raise ValueError(
            f"u must have the shape of f, {f.shape}, got {u.shape}; add batch axes to both."
        )
    dtype = solve_dtype(u, f, g)
    lam = positive_scalar("lam", lam, dtype)
    u, f, g = u.astype(dtype), f.astype(dtype), g.astype(dtype)
    residual = jnp.abs(gradient(u, boundary=boundary) - g)
    return jnp.sum(residual, axis=(-3, -2, -1)) + lam / 2 * jnp.sum((u - f) ** 2, axis=(-2, -1))


@functools.partial(jax.jit, static_argnames=("num_iters", "boundary"))
def _iterate(
    f: jax.Array,
    g: jax.Array,
    lam: jax.Array,
    beta: jax.Array,
    *,
    num_iters: int,
    boundary: Boundary,
) -> jax.Array:
    # In w = β(u − f), with g, d and b in the same units, f is gone, the shrinkage is by 1, and
    # λ and β are left in their ratio alone. The right-hand side of a solve is then a divergence.
    g = beta * (g - gradient(f, boundary=boundary))
    solve = screened_poisson_solver(
        f.shape[-2:], lam=lam / beta, boundary=boundary, zero_mean=True, dtype=f.dtype
    )

    # All that an iteration needs of the last is q = ∇w − g + b, the argument of its shrinkage:
    # shrink(q, 1) is q − clip(q, ±1), so d + b is q and b is clip(q, ±1).
    def iterate(carry, _):
        q, _ = carry
        b = jax.lax.clamp(-1.0, q, 1.0)
        d = q - b
        w = solve(gradient_adjoint(d + g - b, boundary=boundary))
        return (gradient(w, boundary=boundary) - g + b, w), None

    (_, w), _ = jax.lax.scan(iterate, (jnp.zeros_like(g), jnp.zeros_like(f)), length=num_iters)
    return f + w / beta


def _check_shapes(f: jax.Array, g: jax.Array) -> None:
    check_image("f", f)
    if g.shape != f.shape + (2,):
        raise ValueError(
            f"g must have the shape of f and a last axis of 2, {f.shape + (2,)}, got {g.shape}; "
            "put the horizontal and the vertical gradient on the last axis, after H and W."
        )
