"""Integration of a depth map and a field of depth gradients by Split-Bregman iterations."""

import operator
from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdepth.ops.bregman_iteration import Method
from jaxdepth.ops.bregman_iterations import SplitBregmanInfo, implicit, unrolled
from jaxdepth.ops.conjugate_gradients import check_cg_tol
from jaxdepth.ops.differences import Boundary
from jaxdepth.ops.energy import prepare_terms
from jaxdepth.ops.penalties import Penalty
from jaxdepth.ops.spectral import positive_scalar

Differentiation = Literal["unrolled", "implicit"]


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
    adapt_beta: bool = False,
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
      good n. A β that was adapted counts as a constant.
    - `"implicit"`: those of the minimiser of E, at the last iterate, by the implicit function
      theorem, in memory that does not depend on K; first derivatives only. The linear system is
      solved by a Neumann series, which converges as the iterations do, of at most 1000 or K terms.
      The derivative in `beta` and in `init` is 0.

    Warning:
      The implicit derivatives are right only where the iterations have converged, which may take
      some hundreds of them; after the ten that suffice for a depth map they are derivatives of
      something else than what is returned, and a `tol` does not tell, as it is one of u
      (docs/integration.md has their error against K). With an L1 norm the minimiser has kinks, and
      beside one the derivative holds for very small changes alone; where g goes round a closed loop
      of pixels without a contradiction, as noise-free gradients do, it is at a kink in g.

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
        not depend on it, the speed of convergence does; 1/β is the shrinkage per iteration. The
        default suits ten iterations on depth in metres.
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
      adapt_beta: whether to set β anew for each image after 5, 10, 20, 40, … iterations, to
        ‖y‖/‖d‖ with y = βb, from `beta` / 100 to `beta` * 100. For use with `tol` or many
        iterations: for depth in metres and weights near 1 nothing has to be tuned then.
      relaxation: α in (0, 2), static: ∇u − g is replaced by α(∇u − g) + (1 − α)d in the second and
        third line. 1.6 takes about a third off the iterations to a small `tol`.
      init: what to start from: `SplitBregmanInfo.state` `[..., H, W, 2]`, from which the iterations
        go on as if they had not stopped, also those of a similar problem, such as the last frame of
        a video; or a depth map `[..., H, W]` in metres, which saves less with an L1 norm, as it
        does not say how firmly the gradients hold that it has. It is d + y/β with the `beta` of its
        call, so call with the same. With `adapt_beta` the first β comes from it, too, and later
        ones are set after other iterations than without the stop.
      tol: stop when, for each image, the energy is certain to be at most this above the minimum,
        relatively: `SplitBregmanInfo.gap` ≤ `tol` E(u), up to rounding; a scalar. 1e-3 is good for
        some millimetres in a room. An image is not changed once it is there. Under `jax.vmap` all
        `num_iters` are computed, so batch by leading axes instead.
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
      ...     blurred, gradient(edge), lam=0.01, data_weight=trust, tol=1e-3, num_iters=100,
      ...     adapt_beta=True, return_info=True,
      ... )
      >>> bool(info.converged), bool(jnp.allclose(u, edge, atol=0.01))
      (True, True)

    References:
      Kim et al., "Deep Monocular Depth Estimation via Integration of Global and Local Predictions",
      IEEE TIP 2018, equations 3 to 5, with Δ = ∇ᵀ∇. Goldstein and Osher, "The Split Bregman Method
      for L1-Regularized Problems", SIAM J. Imaging Sciences 2009. Eckstein and Bertsekas, "On the
      Douglas-Rachford Splitting Method", Mathematical Programming 1992, for the relaxation. He and
      Yuan, "On the O(1/n) Convergence Rate of the Douglas-Rachford Alternating Direction Method",
      SIAM J. Numerical Analysis 2012: `adapt_beta` takes the β of the least such bound.
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
    method = Method(
        num_iters,
        boundary,
        penalty,
        bool(adapt_beta),
        float(relaxation),
        cg_max_iters,
        remat_every,
        bool(return_info),
    )
    if init is not None:
        init = jnp.asarray(init)
        if init.shape not in (terms.f.shape, terms.f.shape + (2,)):
            raise ValueError(
                f"init must be a depth map of the shape of f, {terms.f.shape}, or the state of "
                f"an earlier call, {terms.f.shape + (2,)}, got {init.shape}."
            )
        init = init.astype(dtype)
    solve = unrolled if differentiation == "unrolled" else implicit
    u, info = solve(terms, beta, init, tol, cg_tol, method=method)
    return (u, info) if return_info else u
