"""Integration of a depth map and a field of depth gradients by Split-Bregman iterations."""

import functools
import operator
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdepth.ops.conjugate_gradients import check_cg_tol
from jaxdepth.ops.differences import Boundary, gradient_planes_adjoint
from jaxdepth.ops.energy import (
    Terms,
    correction_energy,
    masked_gradient,
    prepare_terms,
)
from jaxdepth.ops.penalties import Penalty, dual_step, subgradient
from jaxdepth.ops.spectral import positive_scalar, screened_poisson_solver
from jaxdepth.ops.weighted_poisson import weighted_poisson_solver

Differentiation = Literal["unrolled", "implicit"]

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


def split_bregman(
    f: ArrayLike,
    g: ArrayLike,
    *,
    lam: ArrayLike,
    beta: ArrayLike = 10.0,
    num_iters: int = 10,
    boundary: Boundary = "periodic",
    data_weight: ArrayLike | None = None,
    gradient_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    penalty: Penalty = "anisotropic",
    delta: ArrayLike = 0.01,
    relaxation: float = 1.0,
    init: ArrayLike | None = None,
    tol: ArrayLike | None = None,
    cg_tol: ArrayLike = 1e-5,
    cg_max_iters: int = 200,
    differentiation: Differentiation = "unrolled",
    remat_every: int | None = None,
    return_info: bool = False,
) -> jax.Array | tuple[jax.Array, SplitBregmanInfo]:
    r"""The depth map with the gradients g that is close to f, after K Split-Bregman iterations.

    Approaches the minimiser over u of the convex energy

    $$E(u) = \sum_p \varphi\left((\nabla u - g)_p\right)
      + \frac{\lambda}{2} \sum_p w^d_p\,(u_p - f_p)^2,$$

    by default $\|\nabla u - g\|_1 + \frac{\lambda}{2}\|u - f\|_2^2$, by K times, from
    d = b = 0,

    $$\begin{aligned}
    u &\leftarrow (\lambda W^d + \beta\nabla^\top\nabla)^{-1}
      (\lambda W^d f + \beta\nabla^\top(d + g - b)) \\
    d &\leftarrow \operatorname{prox}_{\varphi/\beta}(\nabla u - g + b) \\
    b &\leftarrow b + (\nabla u - g) - d
    \end{aligned}$$

    where prox is the shrinkage by 1/β for the L1 norm. With `gradient_weight`, d + b starts from
    (1 − min(w^g, 1))² (∇f − g). Every option works with every other.

    **Solves.** Without `mask` and `data_weight` the first line is solved exactly in the basis of
    the boundary (an FFT or a DCT), also with `gradient_weight` and any penalty; the mean of u is
    then the mean of f in every iteration. Otherwise conjugate gradients, preconditioned by that
    solve, reduce its residual by `cg_tol` from the last iteration's u on, so that the error left
    by one iteration is corrected by the next.

    **Derivatives**, in `f`, `g`, `lam`, `beta`, `delta`, the weights and `init`, in forward and
    reverse mode:

    - `"unrolled"`: those of u after the iterations that were made. Reverse mode costs as many
      solves again, and keeps one image and the signs of the shrinkage per iteration; up to nine
      images with the other penalties, `mask`, `data_weight` or `tol`. `remat_every=n` keeps them
      for n iterations only, and d + b for each n, and computes the iterations once more. √K is a
      good n.
    - `"implicit"`: those of the minimiser of E, at the last iterate, by the implicit function
      theorem, in memory that does not depend on K; first derivatives only. The linear system is
      solved by a Neumann series, which converges as the iterations do, of at most 1000 or K terms.
      The derivative in `beta` and in `init` is 0.

    Warning:
      The implicit derivatives are right only where the iterations have converged, which may take
      some hundreds of them; after the ten that suffice for a depth map they are derivatives of
      something else than what is returned, and a `tol` does not tell (docs/integration.md has
      their error against K). With an L1 norm the minimiser has kinks, and beside one the derivative
      holds for very small changes alone; where g goes round a closed loop of pixels without a
      contradiction, as noise-free gradients do, it is at a kink in g.

    Where an argument of the shrinkage is exactly at its threshold, the derivative is taken as if it
    were beyond.

    Args:
      f: `[..., H, W]`, the depth in metres, any H, W ≥ 1. A NaN spreads over its whole image unless
        it is outside the mask or its `data_weight` is 0.
      g: `[..., H, W, 2]`, the gradients of depth in metres per pixel as `gradient` defines them:
        forward differences, `[..., 0]` horizontal, `[..., 1]` vertical. With `boundary="neumann"`
        the last column of `g[..., 0]` and the last row of `g[..., 1]` have no effect. As for f, a
        NaN spreads unless it has no term or no weight.
      lam: λ > 0, the weight of f, a scalar; in 1/metre. The larger, the closer u is to f.
      beta: β > 0, the penalty of the splitting, a scalar; in pixels/metre. The minimiser of E does
        not depend on it, the speed of convergence does; 1/β is the shrinkage per iteration.
      num_iters: K ≥ 1, static; with `tol`, the most iterations.
      boundary: of ∇, `"periodic"` (as in the paper) or `"neumann"`.
      data_weight: w^d ≥ 0, `[..., H, W]`, the confidence in f; 1 without it. Where it is 0, f has
        no effect and u is filled in from g; the derivative in the weight is there that for an f of
        the weighted mean. A connected part of the mask without any weight has no definite mean:
        leave it out of the mask or out of the loss.
      gradient_weight: w^g ≥ 0, `[..., H, W]`, or `[..., H, W, 2]` for one per component (not with
        the isotropic penalty), the confidence in g, a factor of φ; 1 without it. Where it is 0, g
        has no effect.
      mask: `[..., H, W]` bool, the pixels that there are; all without it. No difference crosses its
        edge, and nothing outside has an effect.
      penalty: φ, `"anisotropic"` L1 norm (the paper's), `"isotropic"` L1 norm, `"huber"` or
        `"squared"`; `jaxdepth.ops.penalties` has the formulas. Squared with uniform weights needs
        no iterations: `screened_poisson` of λf + ∇ᵀg is its minimiser.
      delta: δ > 0 of the Huber penalty, which is squared below it, a scalar, in metres per pixel.
      relaxation: α in (0, 2), static: ∇u − g is replaced by α(∇u − g) + (1 − α)d in the second and
        third line. 1.6 takes about a third off the iterations to a small `tol`.
      init: what to start from: `SplitBregmanInfo.state` `[..., H, W, 2]`, from which the iterations
        go on as if they had not stopped, also those of a similar problem, such as the last frame
        of a video; or a depth map `[..., H, W]` in metres, which saves less with an L1 norm, as
        it does not say how firmly the gradients hold that it has.
      tol: stop when, for all images, the root mean squares of ∇u − g − d and of the change of d
        are at most this, a scalar, in metres per pixel. An image is not changed once it is there.
        It bounds a step, not the distance to the minimiser, and a step is short where `beta` is
        far from what suits the image. Under `jax.vmap` all `num_iters` are computed, so batch by
        leading axes instead.
      cg_tol: see solves above, a scalar in (0, 1). A larger one is faster, and good for u; but
        the errors of the solves for derivatives add up, so it must be small for these.
      cg_max_iters: the most steps of conjugate gradients per iteration, at least 1, static.
      differentiation: `"unrolled"` or `"implicit"`, see above.
      remat_every: n ≥ 1, static, see above; None to keep everything.
      return_info: whether to return a `SplitBregmanInfo` too, at the cost of a few passes over the
        image in each iteration.

    Returns:
      u of the last iteration, `[..., H, W]`, in metres, 0 outside the mask; float64 if `f` or `g`
      is, else float32, which is also used for the arithmetic (bfloat16 and float16 are converted).
      With `return_info`, `(u, SplitBregmanInfo)`.

    Raises:
      ValueError: if a shape is not one of the above, an option is unknown or outside its range,
        a weight is negative, or `lam`, `beta`, `delta`, `tol` or `cg_tol` is not a positive scalar.
        A value that is traced is not checked.

    Examples:
      A step edge, blurred in f and sharp in g:

      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import gradient, split_bregman
      >>> edge = jnp.tile(jnp.array([1.0, 1.0, 3.0, 3.0]), (4, 1))
      >>> blurred = jnp.tile(jnp.array([1.0, 1.5, 2.5, 3.0]), (4, 1))
      >>> u = split_bregman(blurred, gradient(edge), lam=0.01)
      >>> bool(jnp.allclose(u, edge, atol=0.01))
      True

      The same to a tolerance, with no trust in f but for one column:

      >>> trust = jnp.zeros((4, 4)).at[:, 0].set(1.0)
      >>> u, info = split_bregman(
      ...     blurred, gradient(edge), lam=0.01, data_weight=trust, tol=1e-4, num_iters=100,
      ...     return_info=True,
      ... )
      >>> bool(info.converged), bool(jnp.allclose(u, edge, atol=0.01))
      (True, True)

    References:
      Kim et al., "Deep Monocular Depth Estimation via Integration of Global and Local Predictions",
      IEEE TIP 2018, equations 3 to 5, with Δ = ∇ᵀ∇. Goldstein and Osher, "The Split Bregman Method
      for L1-Regularized Problems", SIAM J. Imaging Sciences 2009. Eckstein and Bertsekas, "On the
      Douglas-Rachford Splitting Method", Mathematical Programming 1992, for the relaxation.
    """
    terms = prepare_terms(
        f,
        g,
        lam=lam,
        boundary=boundary,
        data_weight=data_weight,
        gradient_weight=gradient_weight,
        mask=mask,
        penalty=penalty,
        delta=delta,
    )
    dtype = terms.f.dtype
    beta = positive_scalar("beta", beta, dtype)
    num_iters, cg_max_iters = operator.index(num_iters), operator.index(cg_max_iters)
    for name, value in [("num_iters", num_iters), ("cg_max_iters", cg_max_iters)]:
        if value < 1:
            raise ValueError(
                f"{name} must be at least 1, got {value}; the paper iterates 10 times."
            )
    remat_every = None if remat_every is None else operator.index(remat_every)
    if remat_every is not None and remat_every < 1:
        raise ValueError(f"remat_every must be at least 1 or None, got {remat_every}.")
    if not 0 < relaxation < 2:
        raise ValueError(f"relaxation must be between 0 and 2, got {relaxation}; 1 is none.")
    if differentiation not in get_args(Differentiation):
        raise ValueError(
            f"differentiation must be one of {get_args(Differentiation)}, got {differentiation!r}; "
            "'implicit' is for iterations that have converged."
        )
    cg_tol = check_cg_tol(cg_tol, dtype)
    tol = None if tol is None else positive_scalar("tol", tol, dtype)
    method = _Method(
        num_iters, boundary, penalty, float(relaxation), cg_max_iters, remat_every, return_info
    )
    if init is not None:
        init = jnp.asarray(init)
        if init.shape not in (terms.f.shape, terms.f.shape + (2,)):
            raise ValueError(
                f"init must be a depth map of the shape of f, {terms.f.shape}, or the state of "
                f"an earlier call, {terms.f.shape + (2,)}, got {init.shape}."
            )
        init = init.astype(dtype)
    solve = _unrolled if differentiation == "unrolled" else _implicit
    u, info = solve(terms, beta, init, tol, cg_tol, method=method)
    return (u, info) if return_info else u


class _Method(NamedTuple):
    """The static part of a call."""

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

    def __init__(self, terms: Terms, beta: jax.Array, cg_tol: jax.Array, method: _Method):
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
def _unrolled(
    terms: Terms,
    beta: jax.Array,
    init: jax.Array | None,
    tol: jax.Array | None,
    cg_tol: jax.Array,
    *,
    method: _Method,
) -> tuple[jax.Array, SplitBregmanInfo | None]:
    iteration = _Iteration(terms, beta, cg_tol, method)
    state, info = _iterate(iteration, init, tol)
    return iteration.depth(state.w), info


@functools.partial(jax.jit, static_argnames="method")
def _implicit(
    terms: Terms,
    beta: jax.Array,
    init: jax.Array | None,
    tol: jax.Array | None,
    cg_tol: jax.Array,
    *,
    method: _Method,
) -> tuple[jax.Array, SplitBregmanInfo | None]:
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
            return (count < most) & (_norm(term) > small * _norm(right))

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


def _norm(x: jax.Array) -> jax.Array:
    return jnp.sqrt(jnp.sum(x**2))
