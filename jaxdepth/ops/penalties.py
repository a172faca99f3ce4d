r"""The penalties φ that an integrator can put on the misfit r = ∇u − g.

With w ≥ 0 the weight of a pixel or of a component, and r in metres per pixel:

- `"anisotropic"`: w (|r_x| + |r_y|), the L1 norm of Kim et al. 2018;
- `"isotropic"`: w √(r_x² + r_y²), which does not prefer the image's axes;
- `"huber"`: the sum over both components of w r²/(2δ) up to |r| = δ and of w (|r| − δ/2) above;
- `"squared"`: w (r_x² + r_y²)/2, in pixels per metre to be comparable with λ: least squares.

All that a splitting method needs of φ is one function, `dual_step`. Components are on the first
axis, `[2, ..., H, W]`.
"""

import functools
from typing import Literal, get_args

import jax
import jax.numpy as jnp

Penalty = Literal["anisotropic", "isotropic", "squared", "huber"]
PENALTIES = get_args(Penalty)


def check_penalty(penalty: str) -> None:
    """Raises ValueError unless `penalty` is one of `Penalty`."""
    if penalty not in PENALTIES:
        raise ValueError(
            f"penalty must be one of {PENALTIES}, got {penalty!r}; choose 'anisotropic' "
            "for the setting of the paper."
        )


def penalty_value(
    r: jax.Array, weight: jax.Array | None, *, penalty: Penalty, delta: jax.Array
) -> jax.Array:
    """φ(r) of each pixel.

    Args:
      r: `[2, ..., H, W]`, the misfit in metres per pixel.
      weight: w ≥ 0, `[1 or 2, ..., H, W]`, of one component if isotropic; None for 1.
      penalty: which φ.
      delta: δ > 0, a scalar, in metres per pixel; without effect unless Huber.

    Returns:
      `[..., H, W]`. Its derivative at r = 0 is 0.
    """
    if penalty == "isotropic":
        value = _length(r)[None]
    elif penalty == "anisotropic":
        value = jnp.abs(r)
    elif penalty == "squared":
        value = r**2 / 2
    else:
        size = jnp.abs(r)
        value = jnp.where(size <= delta, size**2 / (2 * delta), size - delta / 2)
    return _over_components(value if weight is None else weight * value)


def dual_step(
    z: jax.Array, weight: jax.Array | None, beta: jax.Array, *, penalty: Penalty, delta: jax.Array
) -> jax.Array:
    r"""What the proximal operator of φ takes off its argument, times β.

    $$\beta\left(\frac{z}{\beta} - \operatorname{prox}_{\varphi/\beta}\frac{z}{\beta}\right)
      = \operatorname{prox}_{\beta\varphi^*}(z)$$

    by Moreau: for the L1 norms the projection on |·| ≤ w, which does not depend on β.

    Args:
      z: `[2, ..., H, W]`, β times an argument in metres per pixel.
      weight: w ≥ 0, `[1 or 2, ..., H, W]`, of one component if isotropic; None for 1.
      beta: β > 0, a scalar; without effect for the L1 norms.
      penalty: which φ.
      delta: δ > 0, a scalar, in metres per pixel; without effect unless Huber.

    Returns:
      `[2, ..., H, W]`. On the edge of what is projected, the derivative is that of the outside.
    """
    weight = jnp.ones((1,) * z.ndim, z.dtype) if weight is None else weight
    if penalty == "anisotropic":
        return _clamp(z, weight)
    if penalty == "huber":
        return _clamp(z * (weight / (beta * delta + weight)), weight)
    if penalty == "squared":
        return z * (weight / (beta + weight))
    length = _length(z)[None]
    outside = length >= weight
    return z * jnp.where(outside, weight / jnp.where(length > 0, length, 1), 1)


def conjugacy_gap(
    r: jax.Array, y: jax.Array, weight: jax.Array | None, *, penalty: Penalty, delta: jax.Array
) -> jax.Array:
    r"""How far y is from a subgradient of φ at r: φ(r) + φ*(y) − ⟨y, r⟩ of each pixel.

    It is never negative, and 0 where y is one (Fenchel and Young).

    Args:
      r: `[2, ..., H, W]`, in metres per pixel.
      y: `[2, ..., H, W]`, a result of `dual_step`, so that φ*(y) is finite.
      weight: as in `penalty_value`; likewise `penalty` and `delta`.

    Returns:
      `[..., H, W]`.
    """
    value = penalty_value(r, weight, penalty=penalty, delta=delta) - _over_components(y * r)
    if penalty in ("huber", "squared"):  # φ*(y) is y²/2w times δ or 1; with no weight y is 0
        half = delta / 2 if penalty == "huber" else 0.5
        square = y**2
        if weight is not None:
            square = jnp.where(weight > 0, square / jnp.where(weight > 0, weight, 1), 0)
        value = value + half * _over_components(square)
    return jnp.maximum(value, 0)


def subgradient(
    r: jax.Array, weight: jax.Array | None, *, penalty: Penalty, delta: jax.Array
) -> jax.Array:
    """A subgradient of φ at r, `[2, ..., H, W]`; 0 where r is 0. Arguments as `penalty_value`."""
    if penalty == "anisotropic":
        direction = jnp.sign(r)
    elif penalty == "huber":
        direction = jnp.clip(r / delta, -1, 1)
    elif penalty == "squared":
        direction = r
    else:
        length = _length(r)
        direction = r / jnp.where(length > 0, length, 1)[None]
    return direction if weight is None else weight * direction


def _clamp(z: jax.Array, weight: jax.Array) -> jax.Array:
    """z between −w and w, with derivative 0 in z at either."""
    # A scalar as one, for which reverse mode keeps less.
    weight = weight.reshape(()) if weight.size == 1 else jnp.broadcast_to(weight, z.shape)
    return jax.lax.clamp(-weight, z, weight)


def _over_components(x: jax.Array) -> jax.Array:
    """The sum over the first axis, as an addition, which XLA fuses with what comes before."""
    return functools.reduce(jnp.add, x)


def _length(r: jax.Array) -> jax.Array:
    """√(r_x² + r_y²), `[..., H, W]`, with derivative 0 at 0."""
    square = _over_components(r**2)
    return jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
