"""Solves of (λW + ∇ᵀM∇) u = h, with confidences W and on an irregular domain, by iteration.

No transform diagonalises the operator, so conjugate gradients solve it, preconditioned by the
spectral solve of the rectangle without weights.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

from jaxdepth.ops.conjugate_gradients import conjugate_gradients
from jaxdepth.ops.differences import Boundary, gradient_planes, gradient_planes_adjoint
from jaxdepth.ops.spectral import screened_poisson_solver


def weighted_poisson_solver(
    *,
    lam: jax.Array,
    data_weight: jax.Array,
    mask: jax.Array | None,
    exists: jax.Array | None,
    boundary: Boundary,
    cg_tol: jax.Array,
    cg_max_iters: int,
) -> Callable[[jax.Array, jax.Array], jax.Array]:
    """The solve of (λW + ∇ᵀM∇) u = h as a function of h and of a start, for use in a loop.

    Differentiable in forward and reverse mode in h, λ and W by the implicit function theorem, each
    derivative by one more solve to `cg_tol`; not in the start.

    Args:
      lam: λ > 0, a scalar, or `[..., 1, 1]` for one per image.
      data_weight: W ≥ 0, `[..., H, W]`, 1 outside the mask. Where a connected part of the domain
        has no weight at all, the equation leaves its mean open, and it stays near the start's.
      mask: `[..., H, W]` bool; None where it is everything.
      exists: M, `[2, ..., H, W]` bool, the differences that do not leave the mask, given with it.
      boundary: `"periodic"` or `"neumann"`, that of ∇.
      cg_tol: the norm of the residual, relative to that of the start, where the iterations stop.
      cg_max_iters: the most iterations, at least 1, static.

    Returns:
      A function of h `[..., H, W]`, 0 outside the mask, and of a start of that shape, to u.
    """

    def solve_image(lam, weight, mask, exists, h, start):
        def operator(u):
            nabla = gradient_planes(u, boundary=boundary)
            nabla = nabla if exists is None else jnp.where(exists, nabla, 0)
            return lam * weight * u + gradient_planes_adjoint(nabla, boundary=boundary)

        # Where nothing has a weight, any positive number makes a preconditioner.
        typical = jnp.mean(weight) if mask is None else jnp.mean(weight, where=mask)
        typical = jax.lax.stop_gradient(lam * jnp.where(typical > 0, typical, 1))
        spectral = screened_poisson_solver(h.shape, lam=typical, boundary=boundary, dtype=h.dtype)

        def precondition(residual):
            u = spectral(residual)
            return u if mask is None else jnp.where(mask, u, 0)

        def solve(operator, h):
            return conjugate_gradients(
                operator, precondition, h, tol=cg_tol, max_iters=cg_max_iters
            )

        # A solve for the step from the start, whose derivative starts at 0, not there.
        step = jax.lax.custom_linear_solve(operator, h - operator(start), solve, symmetric=True)
        return start + step

    def solver(h, start):
        solve = solve_image
        for _ in range(h.ndim - 2):
            solve = jax.vmap(solve, in_axes=(0, 0, 0, 1, 0, 0))
        lams = jnp.broadcast_to(jnp.squeeze(lam, (-2, -1)) if lam.ndim else lam, h.shape[:-2])
        return solve(lams, data_weight, mask, exists, h, jax.lax.stop_gradient(start))

    return solver
