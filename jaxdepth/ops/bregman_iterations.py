"""The Split-Bregman iterations of `jaxdepth.ops.split_bregman`, and their derivatives."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdepth.ops.differences import Boundary, gradient_planes_adjoint
from jaxdepth.ops.energy import Terms, correction_energy, masked_gradient
from jaxdepth.ops.penalties import Penalty, dual_step, subgradient
from jaxdepth.ops.spectral import screened_poisson_solver
from jaxdepth.ops.weighted_poisson import weighted_poisson_solver

_FEWEST_TERMS = 1000
"""Up to so many terms of a Neumann series are added, however few the iterations of a warm start."""


class SplitBregmanInfo(NamedTuple):
    """What `split_bregman` can tell of its iterations; it carries no derivatives.

    An array over iterations has the fixed size K = `num_iters`. After an image has converged, its
    last value is repeated.

    Attributes:
      energy: `[..., K]`, E(u) after each iteration, a sum over the pixels.
      change: `[..., K]`, ‖uᵏ − uᵏ⁻¹‖₁, in metres, a sum over the pixels; u⁰ is f, or `init` if
        that is a depth map.
      primal_residual: `[..., K]`, the root of the mean square of ∇u − g − d over all differences,
        in metres per pixel.
      dual_residual: `[..., K]`, that of dᵏ − dᵏ⁻¹.
      num_iters: `[...]`, int32, the iterations that were made.
      converged: `[...]`, bool, whether both residuals came to `tol`; False without `tol`.
      state: `[..., H, W, 2]`, d + b, in metres per pixel: the `init` to go on from.
    """

    energy: jax.Array
    change: jax.Array
    primal_residual: jax.Array
    dual_residual: jax.Array
    num_iters: jax.Array
    converged: jax.Array
    state: jax.Array


class Method(NamedTuple):
    """The static part of a call, see `jaxdepth.ops.split_bregman`."""

    num_iters: int
    boundary: Boundary
    penalty: Penalty
    relaxation: float
    cg_max_iters: int
    remat_every: int | None
    return_info: bool


class _State(NamedTuple):
    """What an iteration needs of the last, in the scaled units of `_Iteration`."""

    z: jax.Array  # [2, ..., H, W]
    w: jax.Array  # [..., H, W]


class _Report(NamedTuple):
    """On one iteration, `[...]` each: see `SplitBregmanInfo`."""

    energy: jax.Array | None  # None where only `tol` wants to know
    change: jax.Array | None
    primal_residual: jax.Array
    dual_residual: jax.Array


class _Progress(NamedTuple):
    """What the loop carries."""

    state: _State
    report: _Report | None
    num_iters: jax.Array  # [...]
    converged: jax.Array  # [...]


class _Iteration:
    """One Split-Bregman iteration.

    In w = β(u − f), with t = g − ∇f, d and b in the same units, f is gone, the shrinkage is by the
    weight, and λ and β are left in their ratio alone. The right-hand side of a solve is then a
    divergence.

    All that an iteration needs of the last is z = ∇w − t + b, the argument of its prox: what the
    prox takes off z is the new b, what it leaves is d.
    """

    def __init__(self, terms: Terms, beta: jax.Array, cg_tol: jax.Array, method: Method):
        self.terms, self.beta, self.method = terms, beta, method
        self.t = beta * terms.t
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

    def start(self, init: jax.Array | None) -> _State:
        """d = b = 0, or what they would be if `init` were the solution, or `init` itself."""
        terms, zero = self.terms, jnp.zeros_like(self.terms.f)
        if init is None and terms.gradient_weight is None:
            return _State(jnp.zeros_like(self.t), zero)
        if init is None:
            # A gradient is trusted at first as far as its weight goes, and f for the rest. One
            # without weight so has no effect in any iteration. The square is smooth at 1.
            return _State(-((1 - jnp.minimum(terms.gradient_weight, 1)) ** 2) * self.t, zero)
        if init.ndim == terms.f.ndim:
            v = init - terms.f
            v = v if terms.mask is None else jnp.where(terms.mask, v, 0)
            misfit = self.gradient(v) - terms.t
            b = subgradient(
                misfit, terms.gradient_weight, penalty=self.method.penalty, delta=terms.delta
            )
            return _State(self.beta * misfit + b, self.beta * v)
        z = self.beta * jnp.moveaxis(init, -1, 0)
        z = z if terms.exists is None else jnp.where(terms.exists, z, 0)
        return _State(z, zero)

    def gradient(self, v: jax.Array) -> jax.Array:
        return masked_gradient(v, self.terms, boundary=self.method.boundary)

    def bregman(self, z: jax.Array) -> jax.Array:
        """b after the iteration whose prox had the argument z."""
        terms = self.terms
        return dual_step(
            z, terms.gradient_weight, self.beta, penalty=self.method.penalty, delta=terms.delta
        )

    def correction(self, state: _State, b: jax.Array) -> jax.Array:
        """w of the next iteration."""
        d = state.z - b
        h = gradient_planes_adjoint(d + self.t - b, boundary=self.method.boundary)
        return self.solve(h, state.w)

    def step(self, state: _State) -> _State:
        b = self.bregman(state.z)
        w = self.correction(state, b)
        misfit = self.gradient(w) - self.t
        if self.method.relaxation != 1:
            d = state.z - b
            misfit = self.method.relaxation * misfit + (1 - self.method.relaxation) * d
        return _State(misfit + b, w)

    def depth(self, w: jax.Array) -> jax.Array:
        u = self.terms.f + w / self.beta
        return u if self.terms.mask is None else jnp.where(self.terms.mask, u, 0)

    def report(self, before: _State, after: _State) -> _Report:
        d_before = before.z - self.bregman(before.z)
        d = after.z - self.bregman(after.z)
        misfit = self.gradient(after.w) - self.t
        energy = change = None
        if self.method.return_info:
            energy = correction_energy(
                after.w / self.beta,
                self.terms,
                penalty=self.method.penalty,
                boundary=self.method.boundary,
            )
            change = jnp.sum(jnp.abs(after.w - before.w), axis=(-2, -1)) / self.beta
        return _Report(
            energy, change, self._root_mean_square(misfit - d), self._root_mean_square(d - d_before)
        )

    def _root_mean_square(self, x: jax.Array) -> jax.Array:
        """Of a scaled field over the terms that exist, in metres per pixel; `[...]`."""
        axes = (0, -2, -1)
        if self.terms.exists is None:
            mean = jnp.mean(x**2, axis=axes)
        else:
            count = jnp.maximum(jnp.sum(self.terms.exists, axis=axes), 1)
            mean = jnp.sum(x**2, axis=axes) / count
        return jnp.sqrt(mean) / self.beta


@functools.partial(jax.jit, static_argnames="method")
def unrolled(
    terms: Terms,
    beta: jax.Array,
    init: jax.Array | None,
    tol: jax.Array | None,
    cg_tol: jax.Array,
    *,
    method: Method,
) -> tuple[jax.Array, SplitBregmanInfo | None]:
    """u and, if the method wants it, the information; differentiable through the iterations."""
    iteration = _Iteration(terms, beta, cg_tol, method)
    state, info = _iterate(iteration, init, tol)
    return iteration.depth(state.w), info


@functools.partial(jax.jit, static_argnames="method")
def implicit(
    terms: Terms,
    beta: jax.Array,
    init: jax.Array | None,
    tol: jax.Array | None,
    cg_tol: jax.Array,
    *,
    method: Method,
) -> tuple[jax.Array, SplitBregmanInfo | None]:
    """As `unrolled`, differentiable as the fixed point of the iterations."""
    constant = jax.lax.stop_gradient((terms, beta, init))
    fixed = _Iteration(constant[0], constant[1], cg_tol, method)
    state, info = _iterate(fixed, constant[2], tol)

    # z solves z = T(z), so dz = (I − ∂T/∂z)⁻¹ ∂T, and u is a function of z. Nothing below changes a
    # value: only differences from a constant copy are added.
    def advance(iteration, z):
        after = iteration.step(_State(z, state.w))
        return after.z, after.w

    moving = _Iteration(terms, constant[1], cg_tol, method)  # the minimiser has no β in it
    _, derivative = jax.linearize(lambda z: advance(fixed, z)[0], state.z)

    small = 0.01 * jnp.sqrt(jnp.finfo(terms.f.dtype).eps)
    most = max(_FEWEST_TERMS, method.num_iters)

    def residual(x):
        return x - derivative(x)

    def solve(residual, right):
        # The Neumann series, which are the iterations linearised at their end. It stops where there
        # is nothing to solve for.
        def unfinished(carry):
            _, term, count = carry
            return (count < most) & (jnp.linalg.norm(term) > small * jnp.linalg.norm(right))

        def add(carry):
            x, term, count = carry
            return x + term, term - residual(term), count + 1

        return jax.lax.while_loop(unfinished, add, (jnp.zeros_like(right), right, 0))[0]

    after, _ = advance(moving, state.z)
    dz = jax.lax.custom_linear_solve(
        residual, after - jax.lax.stop_gradient(after), solve, transpose_solve=solve
    )
    _, w = advance(moving, state.z + dz)
    depth = moving.depth(w)
    u = jax.lax.stop_gradient(moving.depth(state.w)) + depth - jax.lax.stop_gradient(depth)
    return u, info


def _iterate(
    iteration: _Iteration, init: jax.Array | None, tol: jax.Array | None
) -> tuple[_State, SplitBregmanInfo | None]:
    """The last state, and the information if the method wants it."""
    method, start = iteration.method, iteration.start(init)
    batch = start.w.shape[:-2]

    def advance(progress):
        before = progress.state
        after = iteration.step(before)
        num_iters, converged = progress.num_iters + 1, progress.converged
        if tol is None and not method.return_info:
            return _Progress(after, None, num_iters, converged)
        report = jax.lax.stop_gradient(iteration.report(before, after))  # has roots of zeros
        new = _Progress(after, report, num_iters, converged)
        if tol is None:
            return new
        reached = (report.primal_residual <= tol) & (report.dual_residual <= tol)
        # An image that was there before this iteration stays as it was.
        return _choose(converged, progress, new._replace(converged=reached))

    def body(progress, _):
        if tol is None:
            progress = advance(progress)
        else:
            done = jnp.all(progress.converged)
            progress = jax.lax.cond(done, lambda progress: progress, advance, progress)
        return progress, progress.report if method.return_info else None

    report = None
    if tol is not None or method.return_info:
        unknown = jnp.full(batch, jnp.inf, start.w.dtype)
        only_tol = not method.return_info
        report = _Report(
            None if only_tol else unknown, None if only_tol else unknown, unknown, unknown
        )
    progress = _Progress(start, report, jnp.zeros(batch, jnp.int32), jnp.zeros(batch, bool))
    progress, reports = _scan(body, progress, method.num_iters, method.remat_every)
    if not method.return_info:
        return progress.state, None

    def last_axis(x):
        return jnp.moveaxis(x, 0, -1)

    info = SplitBregmanInfo(
        *map(last_axis, reports),
        num_iters=progress.num_iters,
        converged=progress.converged,
        state=last_axis(progress.state.z) / iteration.beta,
    )
    return progress.state, jax.lax.stop_gradient(info)


def _choose(old_is_final: jax.Array, old: _Progress, new: _Progress) -> _Progress:
    """`old` for the images where the flag `[...]` is set, `new` for the others."""

    def choose(old, new):
        # A state has two axes of pixels behind those of the batch, z one of components before.
        flag = old_is_final
        if old.ndim > flag.ndim:
            flag = jnp.expand_dims(flag, (-2, -1))
        if old.ndim > flag.ndim:
            flag = flag[None]
        return jnp.where(flag, old, new)

    return jax.tree.map(choose, old, new)


def _scan(body: Callable, carry: _Progress, length: int, remat_every: int | None) -> tuple:
    """`jax.lax.scan`, whose reverse mode keeps the carry of every so many iterations alone."""
    if remat_every is None:
        return jax.lax.scan(body, carry, length=length)

    @functools.partial(jax.checkpoint, prevent_cse=False)
    def chunk(carry, _):
        return jax.lax.scan(body, carry, length=remat_every)

    chunks, rest = divmod(length, remat_every)
    carry, outputs = jax.lax.scan(chunk, carry, length=chunks)
    carry, tail = jax.lax.scan(body, carry, length=rest)

    def join(outputs, tail):
        return jnp.concatenate([outputs.reshape(-1, *outputs.shape[2:]), tail])

    return carry, jax.tree.map(join, outputs, tail)
