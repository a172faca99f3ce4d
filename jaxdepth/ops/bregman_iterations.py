"""The Split-Bregman iterations of `jaxdepth.ops.split_bregman`, and their derivatives."""

import functools
from collections.abc import Callable
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

_FIRST_BALANCE = 5
"""`adapt_beta` sets β after so many iterations, and after twice, four times, … as many."""

_FEWEST_TERMS = 1000
"""Up to so many terms of a Neumann series are added, however few the iterations of a warm start."""


class SplitBregmanInfo(NamedTuple):
    """What `split_bregman` can tell of its iterations; it carries no derivatives.

    An array over iterations has the fixed size K = `num_iters`. After an image has converged, its
    last value is repeated.

    Attributes:
      energy: `[..., K]`, E(u) after each iteration, a sum over the pixels.
      gap: `[..., K]`, the duality gap: E(u) exceeds the minimum by at most this. With
        `data_weight`, it exceeds the energy of every depth map that differs from u by at most a
        metre at each pixel by at most this.
      change: `[..., K]`, ‖uᵏ − uᵏ⁻¹‖₁, in metres, a sum over the pixels; u⁰ is f, or `init` if
        that is a depth map.
      primal_residual: `[..., K]`, the root of the mean square of ∇u − g − d over all differences,
        in metres per pixel.
      dual_residual: `[..., K]`, that of λWᵈ(u − f) + ∇ᵀy, y = βb, over all pixels: what u lacks to
        be a minimiser with this y; a pure number, where a component of y is at most w^g.
      beta: `[..., K]`, the β of each iteration.
      num_iters: `[...]`, int32, the iterations that were made.
      converged: `[...]`, bool, whether the gap came to `tol`; False without `tol`.
      state: `[..., H, W, 2]`, d + y/β with the `beta` of the call, in metres per pixel: the `init`
        to go on from.
    """

    energy: jax.Array
    gap: jax.Array
    change: jax.Array
    primal_residual: jax.Array
    dual_residual: jax.Array
    beta: jax.Array
    num_iters: jax.Array
    converged: jax.Array
    state: jax.Array


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


class _State(NamedTuple):
    """What an iteration needs of the last, in the scaled units of `_Iteration`."""

    z: jax.Array  # [2, ..., H, W]
    w: jax.Array  # [..., H, W]


class _Report(NamedTuple):
    """On one iteration, `[...]` each: see `SplitBregmanInfo`; None where only `tol` asks."""

    energy: jax.Array
    gap: jax.Array
    change: jax.Array | None = None
    primal_residual: jax.Array | None = None
    dual_residual: jax.Array | None = None
    beta: jax.Array | None = None


class _Progress(NamedTuple):
    """What the loop carries."""

    state: _State
    beta: jax.Array | None  # `[..., 1, 1]`; None where it does not change
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

    def of(self, terms: Terms) -> "_Iteration":
        """The same with other terms."""
        return _Iteration(terms, self.beta, self.cg_tol, self.method)

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
            return _State(self.beta_of_planes * misfit + b, self.beta * v)
        z = self.beta_of_planes * jnp.moveaxis(init, -1, 0)
        z = z if terms.exists is None else jnp.where(terms.exists, z, 0)
        return _State(z, zero)

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
        terms, method, y = self.terms, self.method, self.bregman(after.z)
        v, options = after.w / self.beta, {"boundary": method.boundary}
        report = _Report(
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

    def rounding(self, state: _State) -> jax.Array:
        """Of the energy, `[...]`: a difference is no better than the depths it is one of."""
        terms = self.terms
        misfit = self.gradient(state.w / self.beta) - terms.t
        slope = subgradient(
            misfit, terms.gradient_weight, penalty=self.method.penalty, delta=terms.delta
        )
        error = jnp.finfo(terms.f.dtype).eps * jnp.abs(terms.f)
        return jnp.sum(jnp.abs(slope) * error[None], axis=(0, -2, -1))

    def balanced_beta(self, state: _State, first: jax.Array) -> jax.Array:
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

    def rescale(self, state: _State, beta: jax.Array) -> _State:
        """The same d, y and u for another β, `[..., 1, 1]`."""
        factor = beta / self.beta
        y = self.bregman(state.z)
        return _State(factor[None] * (state.z - y) + y, factor * state.w)


def _root_mean_square(x: jax.Array, counted: jax.Array | None) -> jax.Array:
    """Of `[n, ..., H, W]` over all axes but the batch's, where it counts; `[...]`."""
    axes = (0, -2, -1)
    if counted is None:
        return jnp.sqrt(jnp.mean(x**2, axis=axes))
    counted = jnp.broadcast_to(counted, x.shape)
    count = jnp.maximum(jnp.sum(counted, axis=axes), 1)
    return jnp.sqrt(jnp.sum(jnp.where(counted, x, 0) ** 2, axis=axes) / count)


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
    iteration, state, info = _iterate(terms, beta, init, tol, cg_tol, method)
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
    fixed, state, info = _iterate(*constant, tol, cg_tol, method)

    # z solves z = T(z), so dz = (I − ∂T/∂z)⁻¹ ∂T, and u is a function of z. Nothing below changes a
    # value: only differences from a constant copy are added.
    def advance(iteration, z):
        after = iteration.step(_State(z, state.w))
        return after.z, after.w

    moving = fixed.of(terms)  # the minimiser has no β in it
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
    terms: Terms,
    beta: jax.Array,
    init: jax.Array | None,
    tol: jax.Array | None,
    cg_tol: jax.Array,
    method: Method,
) -> tuple[_Iteration, _State, SplitBregmanInfo | None]:
    """An iteration with the last β, the last state, and the information if the method wants it."""
    batch, dtype = terms.f.shape[:-2], terms.f.dtype

    def with_beta(beta):
        return _Iteration(terms, beta, cg_tol, method)

    if method.adapt_beta:
        beta = jnp.broadcast_to(beta, (*batch, 1, 1))
    first = with_beta(beta)
    start = first.start(init)
    if method.adapt_beta and init is not None:
        beta = first.balanced_beta(start, first.beta)
        start = first.rescale(start, beta)

    def current(progress):
        return with_beta(progress.beta) if method.adapt_beta else first

    def advance(progress):
        iteration = current(progress)
        before = progress.state
        after = iteration.step(before)
        num_iters = progress.num_iters + 1
        new = progress._replace(state=after, num_iters=num_iters)
        if tol is not None or method.return_info:
            # It has roots of zeros.
            new = new._replace(report=jax.lax.stop_gradient(iteration.report(before, after)))
        if method.adapt_beta:
            times, rest = num_iters // _FIRST_BALANCE, num_iters % _FIRST_BALANCE
            due = (rest == 0) & (times & (times - 1) == 0)

            def balance(state):
                beta = iteration.balanced_beta(state, first.beta)
                beta = jnp.where(jnp.expand_dims(due, (-2, -1)), beta, iteration.beta)
                return iteration.rescale(state, beta), beta

            state, beta = jax.lax.cond(
                jnp.any(due), balance, lambda state: (state, iteration.beta), after
            )
            new = new._replace(state=state, beta=beta)
        if tol is None:
            return new
        bound = tol * new.report.energy + iteration.rounding(after)
        new = new._replace(converged=new.report.gap <= bound)
        # An image that was there before this iteration stays as it was.
        return _choose(progress.converged, progress, new)

    def body(progress, _):
        if tol is None:
            progress = advance(progress)
        else:
            done = jnp.all(progress.converged)
            progress = jax.lax.cond(done, lambda progress: progress, advance, progress)
        return progress, progress.report if method.return_info else None

    report = None
    if tol is not None or method.return_info:
        unknown = jnp.full(batch, jnp.inf, dtype)
        report = _Report(unknown, unknown, *([unknown] * 4 if method.return_info else []))
    progress = _Progress(
        start,
        beta if method.adapt_beta else None,
        report,
        jnp.zeros(batch, jnp.int32),
        jnp.zeros(batch, bool),
    )
    progress, reports = _scan(body, progress, method.num_iters, method.remat_every)
    state = progress.state
    last = current(progress)
    if not method.return_info:
        return last, state, None

    def last_axis(x):
        return jnp.moveaxis(x, 0, -1)

    z = last.rescale(state, first.beta).z if method.adapt_beta else state.z
    info = SplitBregmanInfo(
        **{name: last_axis(value) for name, value in reports._asdict().items()},
        num_iters=progress.num_iters,
        converged=progress.converged,
        state=last_axis(z / first.beta_of_planes),
    )
    return last, state, jax.lax.stop_gradient(info)


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
