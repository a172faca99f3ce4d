r"""The energy of an integrated depth map, with confidences and on an irregular domain.

$$E(u) = \sum_{p \in \Omega} \varphi_p\left((\nabla u - g)_p\right)
  + \frac{\lambda}{2} \sum_{p \in \Omega} w^d_p\,(u_p - f_p)^2$$

φ is one of `jaxdepth.ops.penalties`, weighted by w^g. Ω is the mask; a component of ∇u − g has a
term where its pixel and the next one are inside the image (unless that is periodic) and the mask.
"""

import functools
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxdepth.ops.differences import (
    Boundary,
    check_boundary,
    check_image,
    gradient_exists,
    gradient_planes,
    gradient_planes_adjoint,
)
from jaxdepth.ops.penalties import Penalty, check_penalty, conjugacy_gap, penalty_value
from jaxdepth.ops.spectral import positive_scalar, solve_dtype


class Terms(NamedTuple):
    """The data of an energy, checked and of one type.

    In the correction v = u − f the misfit is ∇v − t with t = g − ∇f, which keeps the digits of
    float32 for what changes.

    Attributes:
      f: `[..., H, W]` metres; 0 outside the mask, the weighted mean where it has no weight.
      t: `[2, ..., H, W]` metres per pixel; 0 where there is no term.
      lam: λ.
      delta: δ of the Huber penalty, in metres per pixel.
      gradient_weight: w^g, `[1 or 2, ..., H, W]`; None where it is 1 everywhere.
      data_weight: w^d, `[..., H, W]`, 1 outside the mask; None where it is 1 everywhere.
      mask: Ω, `[..., H, W]` bool; None where it is everything.
      exists: `[2, ..., H, W]` bool, whether a component has a term; None where all have.
    """

    f: jax.Array
    t: jax.Array
    lam: jax.Array
    delta: jax.Array
    gradient_weight: jax.Array | None
    data_weight: jax.Array | None
    mask: jax.Array | None
    exists: jax.Array | None


def integration_energy(
    u: ArrayLike,
    f: ArrayLike,
    g: ArrayLike,
    *,
    lam: ArrayLike,
    boundary: Boundary = "periodic",
    data_weight: ArrayLike | None = None,
    gradient_weight: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    penalty: Penalty = "anisotropic",
    delta: ArrayLike = 0.01,
) -> jax.Array:
    r"""The energy that `split_bregman` and `pdhg` lower.

    With the defaults it is the paper's,

    $$E(u) = \sum_{y,x}\left(|(\nabla u - g)_h| + |(\nabla u - g)_v|\right)
      + \frac{\lambda}{2}\sum_{y,x}(u - f)^2.$$

    Args:
      u: `[..., H, W]`, a depth map in metres; without effect outside the mask.
      f: `[..., H, W]`, the depth in metres that u should be close to.
      g: `[..., H, W, 2]`, its gradients in metres per pixel, as `gradient` defines them.
      lam: λ > 0, the weight of f, a scalar; in 1/metre.
      boundary: of ∇, `"periodic"` or `"neumann"`.
      data_weight: as in `split_bregman`.
      gradient_weight: as in `split_bregman`.
      mask: as in `split_bregman`.
      penalty: as in `split_bregman`.
      delta: as in `split_bregman`.

    Returns:
      `[...]`, one sum over the existing terms per image (not a mean); float64 if `u`, `f` or `g`
      is, else float32.

    Raises:
      ValueError: as `split_bregman`, or if `u` does not have the shape of `f`.

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
    u = jnp.asarray(u)
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
        others=(u,),
    )
    if u.shape != terms.f.shape:
        raise ValueError(
            f"u must have the shape of f, {terms.f.shape}, got {u.shape}; add batch axes to both."
        )
    v = u.astype(terms.f.dtype) - terms.f
    v = v if terms.mask is None else jnp.where(terms.mask, v, 0)
    return correction_energy(v, terms, penalty=penalty, boundary=boundary)


def correction_energy(
    v: jax.Array, terms: Terms, *, penalty: Penalty, boundary: Boundary
) -> jax.Array:
    """E(f + v), `[...]`, for a v `[..., H, W]` that is 0 outside the mask."""
    misfit = masked_gradient(v, terms, boundary=boundary) - terms.t
    data = v**2 if terms.data_weight is None else terms.data_weight * v**2
    misfit_cost = penalty_value(misfit, terms.gradient_weight, penalty=penalty, delta=terms.delta)
    return jnp.sum(misfit_cost, axis=(-2, -1)) + terms.lam / 2 * jnp.sum(data, axis=(-2, -1))


def duality_gap(
    v: jax.Array, y: jax.Array, terms: Terms, *, penalty: Penalty, boundary: Boundary
) -> jax.Array:
    r"""A bound of E(f + v) above the minimum, from a dual variable y.

    $$\sum_p\left(\varphi(r) + \varphi^*(y) - \langle y, r\rangle\right)
      + \sum_p \frac{s_p^2}{2\lambda w^d_p},
      \quad r = \nabla v - t,\ s = \lambda W^d v + \nabla^\top y,$$

    the primal energy less the dual energy of y, as a sum of terms that are not negative and so do
    not cancel. With data weights, which may be 0, the second sum is over the most that a change of
    at most a metre can gain: the bound is then on all depth maps so close to f + v.

    Args:
      v: `[..., H, W]`, 0 outside the mask.
      y: `[2, ..., H, W]`, a result of `dual_step`, 0 where there is no term.
      terms: of the energy.
      penalty: φ.
      boundary: of ∇.

    Returns:
      `[...]`, in the unit of E.
    """
    misfit = masked_gradient(v, terms, boundary=boundary) - terms.t
    gap = conjugacy_gap(misfit, y, terms.gradient_weight, penalty=penalty, delta=terms.delta)
    slope = jnp.abs(optimality_residual(v, y, terms, boundary=boundary))
    if terms.data_weight is None:
        gain = slope**2 / (2 * terms.lam)
    else:
        curvature = terms.lam * terms.data_weight
        inner = slope < curvature
        step = jnp.where(inner, slope / jnp.where(inner, curvature, 1), 1)
        gain = slope * step - curvature * step**2 / 2
    return jnp.sum(gap + gain, axis=(-2, -1))


def optimality_residual(
    v: jax.Array, y: jax.Array, terms: Terms, *, boundary: Boundary
) -> jax.Array:
    """λWv + ∇ᵀy, `[..., H, W]`, which is 0 at the minimiser; 0 outside the mask."""
    data = v if terms.data_weight is None else terms.data_weight * v
    return terms.lam * data + gradient_planes_adjoint(y, boundary=boundary)


def masked_gradient(v: jax.Array, terms: Terms, *, boundary: Boundary) -> jax.Array:
    """∇v `[2, ..., H, W]`, 0 where there is no term."""
    nabla = gradient_planes(v, boundary=boundary)
    return nabla if terms.mask is None else jnp.where(terms.exists, nabla, 0)


def prepare_terms(
    f: ArrayLike,
    g: ArrayLike,
    *,
    lam: ArrayLike,
    boundary: Boundary,
    data_weight: ArrayLike | None,
    gradient_weight: ArrayLike | None,
    mask: ArrayLike | None,
    penalty: Penalty,
    delta: ArrayLike,
    others: tuple[jax.Array, ...] = (),
) -> Terms:
    """Checks the arguments of an energy and gives them one type, that of `f`, `g` and `others`."""
    f, g = jnp.asarray(f), jnp.asarray(g)
    check_boundary(boundary)
    check_penalty(penalty)
    check_image("f", f)
    if g.shape != f.shape + (2,):
        raise ValueError(
            f"g must have the shape of f and a last axis of 2, {f.shape + (2,)}, got {g.shape}; "
            "put the horizontal and the vertical gradient on the last axis, after H and W."
        )
    dtype = solve_dtype(f, g, *others)
    lam, delta = positive_scalar("lam", lam, dtype), positive_scalar("delta", delta, dtype)
    if mask is not None:
        mask = jnp.asarray(mask)
        if mask.shape != f.shape or mask.dtype != bool:
            raise ValueError(
                f"mask must be bool with the shape of f, {f.shape}, got {mask.dtype} {mask.shape}; "
                "pass depth > 0, or broadcast one mask to all images."
            )
    if data_weight is not None:
        data_weight = _weight("data_weight", data_weight, (f.shape,), mask, dtype)
    if gradient_weight is not None:
        per_pixel_only = penalty == "isotropic"
        shapes = (f.shape,) if per_pixel_only else (f.shape, g.shape)
        gradient_weight = _weight("gradient_weight", gradient_weight, shapes, mask, dtype)
    return _make_terms(
        f.astype(dtype),
        g.astype(dtype),
        lam,
        delta,
        data_weight,
        gradient_weight,
        mask,
        boundary=boundary,
    )


@functools.partial(jax.jit, static_argnames="boundary")
def _make_terms(
    f: jax.Array,
    g: jax.Array,
    lam: jax.Array,
    delta: jax.Array,
    data_weight: jax.Array | None,
    gradient_weight: jax.Array | None,
    mask: jax.Array | None,
    *,
    boundary: Boundary,
) -> Terms:
    per_pixel = gradient_weight is not None and gradient_weight.ndim == f.ndim
    g = jnp.moveaxis(g, -1, 0)
    if gradient_weight is not None:
        gradient_weight = (
            gradient_weight[None] if per_pixel else jnp.moveaxis(gradient_weight, -1, 0)
        )

    # Neither a value outside the mask nor one without weight has an effect, be it NaN.
    if mask is not None:
        f = jnp.where(mask, f, 0)
    if data_weight is not None:
        data_weight = data_weight if mask is None else jnp.where(mask, data_weight, 1)
        f = jnp.where(data_weight == 0, _weighted_mean(f, data_weight, mask), f)
    if gradient_weight is not None:
        if mask is not None:
            gradient_weight = jnp.where(mask[None], gradient_weight, 0)
        g = jnp.where(gradient_weight == 0, 0, g)

    exists = None
    if mask is not None or boundary == "neumann":
        inside = jnp.ones(f.shape, bool) if mask is None else mask
        exists = gradient_exists(inside, boundary=boundary)
    t = g - gradient_planes(f, boundary=boundary)
    t = t if exists is None else jnp.where(exists, t, 0)
    return Terms(f, t, lam, delta, gradient_weight, data_weight, mask, exists)


def _weighted_mean(f: jax.Array, weight: jax.Array, mask: jax.Array | None) -> jax.Array:
    """Of each image, `[..., 1, 1]`: the best guess for a depth without weight."""
    weight = weight if mask is None else jnp.where(mask, weight, 0)
    known = jnp.where(weight > 0, f, 0)
    total = jnp.sum(weight, axis=(-2, -1), keepdims=True)
    return jnp.sum(weight * known, axis=(-2, -1), keepdims=True) / jnp.where(total > 0, total, 1)


def _weight(
    name: str,
    weight: ArrayLike,
    shapes: tuple[tuple[int, ...], ...],
    mask: jax.Array | None,
    dtype: jnp.dtype,
) -> jax.Array:
    weight = jnp.asarray(weight)
    if weight.shape not in shapes:
        raise ValueError(
            f"{name} must have the shape {' or '.join(map(str, shapes))}, got {weight.shape}; "
            "jnp.broadcast_to gives one weight to all images, and the isotropic penalty takes one "
            "weight per pixel, not one per component."
        )
    if not any(isinstance(array, jax.core.Tracer) for array in (weight, mask)):
        wrong = ~((weight >= 0) & jnp.isfinite(weight))
        if mask is not None:
            wrong &= mask if mask.ndim == weight.ndim else mask[..., None]
        if wrong.any():
            raise ValueError(
                f"{name} must be finite and not negative, got {float(weight[wrong][0])}; pass "
                "confidences, such as a sigmoid or the inverse of a variance."
            )
    return weight.astype(dtype)
