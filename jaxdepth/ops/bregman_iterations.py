"""The Split-Bregman iterations of `jaxdepth.ops.split_bregman`, and their derivatives."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from jaxdepth.ops.bregman_iteration import Iteration, Method, Report, State
from jaxdepth.ops.energy import Terms

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


class _Progress(NamedTuple):
    """What the loop carries."""

    state: State
    beta: jax.Array | None  # `[..., 1, 1]`; None where it does not change
    report: Report | None
    num_iters: jax.Array  # [...]
    converged: jax.Array  # [...]


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
        after = iteration.step(State(z, state.w))
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
) -> tuple[Iteration, State, SplitBregmanInfo | None]:
    """An iteration with the last β, the last state, and the information if the method wants it."""
    batch, dtype = terms.f.shape[:-2], terms.f.dtype

    def with_beta(beta):
        return Iteration(terms, beta, cg_tol, method)

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
        report = Report(unknown, unknown, *([unknown] * 4 if method.return_info else []))
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
