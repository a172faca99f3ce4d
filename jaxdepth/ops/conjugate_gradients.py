"""Preconditioned conjugate gradients, for the solves inside of other iterations.

They stand here because reverse mode asks for more than `jax.scipy.sparse.linalg.cg` has: cotangents
may be so small that their squares underflow, or lie where A is singular, and neither may end in a
NaN; and a NaN that is given must not be left out of the result.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdepth.ops.spectral import positive_scalar


def check_cg_tol(cg_tol: ArrayLike, dtype: jnp.dtype) -> jax.Array:
    """`cg_tol` as a 0-d array; ValueError unless it is a scalar in (0, 1), where concrete."""
    tolerance = positive_scalar("cg_tol", cg_tol, dtype)
    if not isinstance(cg_tol, jax.core.Tracer) and float(cg_tol) >= 1:
        raise ValueError(
            f"cg_tol must be less than 1, got {float(cg_tol)}: it is relative; leave it out for a "
            "good one."
        )
    return tolerance


def conjugate_gradients(
    operator: Callable[[jax.Array], jax.Array],
    precondition: Callable[[jax.Array], jax.Array],
    b: jax.Array,
    *,
    tol: jax.Array,
    max_iters: int,
) -> jax.Array:
    """The solution x of A x = b for a symmetric positive semidefinite A, from 0.

    Args:
      operator: A, of one image `[H, W]`.
      precondition: about its inverse, symmetric positive definite where b can lie.
      b: `[H, W]`.
      tol: the norm of the residual, relative to that of b, where the iterations stop, in (0, 1).
      max_iters: the most iterations.

    Returns:
      x `[H, W]`; all NaN if there is one in b or comes from A.
    """
    size = jnp.max(jnp.abs(b))
    scale = jnp.where(size > jnp.finfo(b.dtype).tiny, size, 1)
    enough = (tol * jnp.linalg.norm(b / scale)) ** 2
    rounding = jnp.finfo(b.dtype).eps

    def unfinished(carry):
        _, r, *_, defined, count = carry
        return (jnp.vdot(r, r) > enough) & defined & (count < max_iters)

    def improve(carry):
        x, r, p, rz, _, count = carry
        image = operator(p)
        curvature = jnp.vdot(p, image)
        defined = ~(curvature <= rounding * jnp.vdot(p, p))  # true of NaN, to let it through
        step = jnp.where(defined, rz / jnp.where(defined, curvature, 1), 0)
        x, r = x + step * p, r - step * image
        z = precondition(r)
        new = jnp.vdot(r, z)
        return x, r, z + new / jnp.where(rz == 0, 1, rz) * p, new, defined, count + 1

    r = b / scale
    z = precondition(r)
    start = (jnp.zeros_like(b), r, z, jnp.vdot(r, z), jnp.array(True), 0)
    x, r, *_ = jax.lax.while_loop(unfinished, improve, start)
    return jnp.where(jnp.isnan(jnp.vdot(r, r)), jnp.nan, x * scale)
