"""One Split-Bregman iteration of `jaxdepth.ops.split_bregman`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdepth.ops.differences import Boundary, gradient_planes_adjoint
from jaxdepth.ops.energy import (
    Terms,
    correction_energy,
    duality_gap,
    masked_gradient,
    optimality_residual,
)
from jaxdepth.ops.penalties import Penalty, dual_step, subgradient
from jaxdepth.ops.spectral import screened_poisson_solver
from jaxdepth.ops.weighted_poisson import weighted_poisson_solver

_BETA_RANGE = 100.0
"""`adapt_beta` multiplies or divides β by this at most: beyond, float32 loses d or y."""


class Method(NamedTuple):
    """The static part of a call, see `jaxdepth.ops.split_bregman`."""

    num_iters: int
    boundary: Boundary
    penalty: Penalty
    adapt_beta: bool
    relaxation: float
    cg_max_iters: int
    remat_every: int | None
    return_info: bool


class State(NamedTuple):
    """What an iteration needs of the last, in the scaled units of `Iteration`."""

    z: jax.Array  # [2, ..., H, W]
    w: jax.Array  # [..., H, W]


class Report(NamedTuple):
    """On one iteration, `[...]` each: see `SplitBregmanInfo`; None where only `tol` asks."""

    energy: jax.Array
    gap: jax.Array
    change: jax.Array | None = None
    primal_residual: jax.Array | None = None
    dual_residual: jax.Array | None = None
    beta: jax.Array | None = None


class Iteration:
    """One Split-Bregman iteration.

    In w = β(u − f), with t = g − ∇f, d and b in the same units, f is gone, the shrinkage is by the
    weight, and λ and β are left in their ratio alone. The right-hand side of a solve is then a
    divergence.

    All that an iteration needs of the last is z = ∇w − t + b, the argument of its prox: what the
    prox takes off z is the new b, what it leaves is d.

    β is a scalar, or `[..., 1, 1]` for one per image. In these units b is the dual variable y.
    """

    def __init__(self, terms: Terms, beta: jax.Array, cg_tol: jax.Array, method: Method):
        self.terms, self.method = terms, method
        self.beta, self.cg_tol = beta, cg_tol
        self.beta_of_planes = beta[None] if beta.ndim else beta
        self.t = self.beta_of_planes * terms.t
        boundary, ratio, dtype = method.boundary, terms.lam / beta, terms.f.dtype
        if terms.mask is None and terms.data_weight is None:
            spectral = screened_poisson_solver(
                terms.f.shape[-2:], lam=ratio, boundary=boundary, zero_mean=True, dtype=dtype
            )
            self.solve = lambda h, start: spectral(h)
        else:
            weight = terms.data_weight
            self.solve = weighted_poisson_solver(
                lam=ratio,
                data_weight=jnp.ones_like(terms.f) if weight is None else weight,
                mask=terms.mask,
                exists=None if terms.mask is None else terms.exists,
                boundary=boundary,
                cg_tol=cg_tol,
                cg_max_iters=method.cg_max_iters,
            )

    def of(self, terms: Terms) -> "Iteration":
        """The same with other terms."""
        return Iteration(terms, self.beta, self.cg_tol, self.method)

    def start(self, init: jax.Array | None) -> State:
        """d = b = 0, or what they would be if `init` were the solution, or `init` itself."""
        terms, zero = self.terms, jnp.zeros_like(self.terms.f)
        if init is None and terms.gradient_weight is None:
            return State(jnp.zeros_like(self.t), zero)
        if init is None:
            # A gradient is trusted at first as far as its weight goes, and f for the rest. One
            # without weight so has no effect in any iteration. The square is smooth at 1.
            return State(-((1 - jnp.minimum(terms.gradient_weight, 1)) ** 2) * self.t, zero)
        if init.ndim == terms.f.ndim:
            v = init - terms.f
            v = v if terms.mask is None else jnp.where(terms.mask, v, 0)
            misfit = self.gradient(v) - terms.t
            b = subgradient(
                misfit, terms.gradient_weight, penalty=self.method.penalty, delta=terms.delta
            )
            return State(self.beta_of_planes * misfit + b, self.beta * v)
        z = self.beta_of_planes * jnp.moveaxis(init, -1, 0)
        z = z if terms.exists is None else jnp.where(terms.exists, z, 0)
        return State(z, zero)

    def gradient(self, v: jax.Array) -> jax.Array:
        return masked_gradient(v, self.terms, boundary=self.method.boundary)

    def bregman(self, z: jax.Array) -> jax.Array:
        """b after the iteration whose prox had the argument z."""
        terms = self.terms
        return dual_step(
            z,
            terms.gradient_weight,
            self.beta_of_planes,
            penalty=self.method.penalty,
            delta=terms.delta,
        )

    def correction(self, state: State, b: jax.Array) -> jax.Array:
        """w of the next iteration."""
        d = state.z - b
        h = gradient_planes_adjoint(d + self.t - b, boundary=self.method.boundary)
        return self.solve(h, state.w)

    def step(self, state: State) -> State:
        b = self.bregman(state.z)
        w = self.correction(state, b)
        misfit = self.gradient(w) - self.t
        if self.method.relaxation != 1:
            d = state.z - b
            misfit = self.method.relaxation * misfit + (1 - self.method.relaxation) * d
        return State(misfit + b, w)

    def depth(self, w: jax.Array) -> jax.Array:
        u = self.terms.f + w / self.beta
        return u if self.terms.mask is None else jnp.where(self.terms.mask, u, 0)

    def report(self, before: State, after: State) -> Report:
        terms, method, y = self.terms, self.method, self.bregman(after.z)
        v, options = after.w / self.beta, {"boundary": method.boundary}
        report = Report(
            correction_energy(v, terms, penalty=method.penalty, **options),
            duality_gap(v, y, terms, penalty=method.penalty, **options),
        )
        if not method.return_info:
            return report
        misfit = self.gradient(v) - terms.t
        primal = misfit - (after.z - y) / self.beta_of_planes
        dual = optimality_residual(v, y, terms, **options)
        pixels = None if terms.mask is None else terms.mask[None]
        return report._replace(
            change=jnp.sum(jnp.abs(v - before.w / self.beta), axis=(-2, -1)),
            primal_residual=_root_mean_square(primal, terms.exists),
            dual_residual=_root_mean_square(dual[None], pixels),
            beta=jnp.broadcast_to(self.beta, (*v.shape[:-2], 1, 1))[..., 0, 0],
        )

    def rounding(self, state: State) -> jax.Array:
        """Of the energy, `[...]`: a difference is no better than the depths it is one of."""
        terms = self.terms
        misfit = self.gradient(state.w / self.beta) - terms.t
        slope = subgradient(
            misfit, terms.gradient_weight, penalty=self.method.penalty, delta=terms.delta
        )
        error = jnp.finfo(terms.f.dtype).eps * jnp.abs(terms.f)
        return jnp.sum(jnp.abs(slope) * error[None], axis=(0, -2, -1))

    def balanced_beta(self, state: State, first: jax.Array) -> jax.Array:
        """The β of `adapt_beta`, `[..., 1, 1]`, near `first` up to a factor of 100.

        The bound of the distance to the minimiser after K iterations from d = y = 0 is least for
        β = ‖y‖/‖d‖ at the minimiser; here they are those of the state.
        """
        y = self.bregman(state.z)
        counted = self.terms.exists
        if self.terms.gradient_weight is not None:  # without weight y is 0 whatever d is
            weighted = self.terms.gradient_weight > 0
            counted = weighted if counted is None else weighted & counted
        scale = _root_mean_square(y, counted), _root_mean_square(state.z - y, counted)
        known = (scale[0] > 0) & (scale[1] > 0)
        factor = jnp.where(known, scale[0] / jnp.where(known, scale[1], 1), 1)
        beta = self.beta * jnp.expand_dims(factor, (-2, -1))
        return jax.lax.stop_gradient(jnp.clip(beta, first / _BETA_RANGE, first * _BETA_RANGE))

    def rescale(self, state: State, beta: jax.Array) -> State:
        """The same d, y and u for another β, `[..., 1, 1]`."""
        factor = beta / self.beta
        y = self.bregman(state.z)
        return State(factor[None] * (state.z - y) + y, factor * state.w)


def _root_mean_square(x: jax.Array, counted: jax.Array | None) -> jax.Array:
    """Of `[n, ..., H, W]` over all axes but the batch's, where it counts; `[...]`."""
    axes = (0, -2, -1)
    if counted is None:
        return jnp.sqrt(jnp.mean(x**2, axis=axes))
    counted = jnp.broadcast_to(counted, x.shape)
    count = jnp.maximum(jnp.sum(counted, axis=axes), 1)
    return jnp.sqrt(jnp.sum(jnp.where(counted, x, 0) ** 2, axis=axes) / count)
