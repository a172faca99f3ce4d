"""Differences of images: forward ones with their adjoint, and central ones.

Images are `[..., H, W]`; fields of differences are `[..., H, W, 2]`, `[..., 0]` horizontal (x,
along W) and `[..., 1]` vertical (y, along H). Pixels have unit spacing, so a difference of depth is
in metres per pixel. Leading axes are batch axes.

What lies beyond the last column and the last row is the `boundary`:

- `"periodic"`: the image repeats, so the last difference is first − last;
- `"neumann"`: the image is constant beyond its border, so the last difference is zero.
"""

from typing import Literal, get_args

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

Boundary = Literal["periodic", "neumann"]


def gradient(u: ArrayLike, *, boundary: Boundary = "periodic") -> jax.Array:
    r"""Horizontal and vertical forward differences, ∇u.

    $$(\nabla u)_{y,x} = (u_{y,x+1} - u_{y,x},\ u_{y+1,x} - u_{y,x})$$

    Args:
      u: `[..., H, W]`, H, W ≥ 1; any unit.
      boundary: `"periodic"` or `"neumann"`, see the module.

    Returns:
      `[..., H, W, 2]`, of the type of `u` and in its unit per pixel. Along an axis of one pixel all
      differences are zero.

    Raises:
      ValueError: if `u` is not an image or `boundary` is unknown.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import gradient
      >>> u = jnp.array([[1.0, 2.0, 4.0]])
      >>> gradient(u)[..., 0]
      Array([[ 1.,  2., -3.]], dtype=float32)
      >>> gradient(u, boundary="neumann")[..., 0]
      Array([[1., 2., 0.]], dtype=float32)
    """
    u = jnp.asarray(u)
    check_boundary(boundary)
    check_image("u", u)
    return jnp.stack([forward(u, -1, boundary), forward(u, -2, boundary)], axis=-1)


def gradient_adjoint(p: ArrayLike, *, boundary: Boundary = "periodic") -> jax.Array:
    r"""The adjoint of `gradient`, ∇ᵀp: minus the backward-difference divergence of p.

    $$\langle \nabla u, p \rangle = \langle u, \nabla^\top p \rangle \quad \text{for all } u, p$$

    Its sum over the pixels is zero, since ∇ of a constant is.

    Args:
      p: `[..., H, W, 2]`, H, W ≥ 1; any unit. With `"neumann"`, the last column of `p[..., 0]` and
        the last row of `p[..., 1]` have no effect.
      boundary: `"periodic"` or `"neumann"`, see the module.

    Returns:
      `[..., H, W]`, of the type of `p` and in its unit per pixel.

    Raises:
      ValueError: if `p` is not a field of differences or `boundary` is unknown.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import gradient, gradient_adjoint
      >>> u = jnp.array([[1.0, 2.0, 4.0]])
      >>> gradient_adjoint(gradient(u, boundary="neumann"), boundary="neumann")
      Array([[-1., -1.,  2.]], dtype=float32)
    """
    p = jnp.asarray(p)
    check_boundary(boundary)
    check_field("p", p)
    return forward_adjoint(p[..., 0], -1, boundary) + forward_adjoint(p[..., 1], -2, boundary)


def gradient_planes(u: jax.Array, *, boundary: Boundary) -> jax.Array:
    """`gradient` with the components on the first axis, `[2, ..., H, W]`, as loops are fastest."""
    return jnp.stack([forward(u, -1, boundary), forward(u, -2, boundary)])


def gradient_planes_adjoint(p: jax.Array, *, boundary: Boundary) -> jax.Array:
    """`gradient_adjoint` of components on the first axis, `[2, ..., H, W]`."""
    return forward_adjoint(p[0], -1, boundary) + forward_adjoint(p[1], -2, boundary)


def gradient_exists(mask: jax.Array, *, boundary: Boundary) -> jax.Array:
    """Where a forward difference exists: its pixel and the next are inside the image and the mask.

    Args:
      mask: `[..., H, W]` bool.
      boundary: `"periodic"`, where the last pixel is followed by the first, or `"neumann"`.

    Returns:
      `[2, ..., H, W]` bool, x then y.
    """

    def with_next(axis):
        both = mask & jnp.roll(mask, -1, axis)
        if boundary == "neumann":
            last = [slice(None)] * mask.ndim
            last[axis] = slice(-1, None)
            both = both.at[tuple(last)].set(False)
        return both

    return jnp.stack([with_next(-1), with_next(-2)])


def central_gradient(u: ArrayLike) -> jax.Array:
    r"""Horizontal and vertical central differences by the filters [−1, 0, 1], not halved.

    $$(u_{y,x+1} - u_{y,x-1},\ u_{y+1,x} - u_{y-1,x})$$

    Args:
      u: `[..., H, W]`, H, W ≥ 1; any unit.

    Returns:
      `[..., H, W, 2]`, of the type of `u` and in its unit (for two pixels); 0 where a neighbour
      lies outside the image, see `central_validity`.

    Raises:
      ValueError: if `u` is not an image.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import central_gradient
      >>> central_gradient(jnp.array([[1.0, 2.0, 4.0, 8.0]]))[..., 0]
      Array([[0., 3., 6., 0.]], dtype=float32)

    References:
      Li et al., "A Two-Streamed Network for Estimating Fine-Scaled Depth Maps from Single RGB
      Images", ICCV 2017, equation 7.
    """
    u = jnp.asarray(u)
    check_image("u", u)
    return jnp.stack([_central(u, -1), _central(u, -2)], axis=-1)


def central_validity(mask: ArrayLike) -> jax.Array:
    """Where a central difference exists: both of its neighbours are inside and valid.

    Args:
      mask: `[..., H, W]` bool, True where the image is valid.

    Returns:
      `[..., H, W, 2]` bool, x then y. The pixel itself need not be valid.

    Raises:
      ValueError: if `mask` is not an image.
    """
    mask = jnp.asarray(mask)
    check_image("mask", mask)
    none = jnp.zeros_like(mask)
    x = none.at[..., :, 1:-1].set(mask[..., :, 2:] & mask[..., :, :-2])
    y = none.at[..., 1:-1, :].set(mask[..., 2:, :] & mask[..., :-2, :])
    return jnp.stack([x, y], axis=-1)


def check_boundary(boundary: str) -> None:
    """Raises ValueError unless `boundary` is one of `Boundary`."""
    if boundary not in get_args(Boundary):
        raise ValueError(
            f"boundary must be one of {get_args(Boundary)}, got {boundary!r}; choose 'periodic' "
            "for the setting of the paper, 'neumann' for an image that does not wrap around."
        )


def check_image(name: str, u: jax.Array) -> None:
    """Raises ValueError unless `u` is `[..., H, W]` with at least one pixel."""
    if u.ndim < 2 or 0 in u.shape[-2:]:
        raise ValueError(
            f"{name} must be [..., H, W] with at least one pixel, got shape {u.shape}; "
            "drop a channel axis by [..., 0] and pass a single row as [None, :]."
        )


def check_field(name: str, p: jax.Array) -> None:
    """Raises ValueError unless `p` is `[..., H, W, 2]` with at least one pixel."""
    if p.ndim < 3 or p.shape[-1] != 2 or 0 in p.shape[-3:]:
        raise ValueError(
            f"{name} must be [..., H, W, 2] with at least one pixel, got shape {p.shape}; put the "
            "horizontal and the vertical component on the last axis."
        )


def forward(u: jax.Array, axis: int, boundary: Boundary) -> jax.Array:
    """u[i + 1] − u[i] along an axis."""
    if boundary == "periodic":
        return jnp.roll(u, -1, axis) - u
    size = u.shape[axis]
    tail = jax.lax.slice_in_dim(u, 1, size, axis=axis)
    last = jax.lax.slice_in_dim(u, size - 1, size, axis=axis)
    return jnp.concatenate([tail, last], axis) - u


def forward_adjoint(p: jax.Array, axis: int, boundary: Boundary) -> jax.Array:
    """The adjoint of `forward`."""
    if boundary == "periodic":
        return jnp.roll(p, 1, axis) - p
    inner = jax.lax.slice_in_dim(p, 0, p.shape[axis] - 1, axis=axis)
    zero = jnp.zeros_like(jax.lax.slice_in_dim(p, 0, 1, axis=axis))
    return jnp.concatenate([zero, inner], axis) - jnp.concatenate([inner, zero], axis)


def _central(u: jax.Array, axis: int) -> jax.Array:
    size = u.shape[axis]
    if size < 3:
        return jnp.zeros_like(u)
    after = jax.lax.slice_in_dim(u, 2, size, axis=axis)
    before = jax.lax.slice_in_dim(u, 0, size - 2, axis=axis)
    border = [(0, 0)] * u.ndim
    border[axis] = (1, 1)
    return jnp.pad(after - before, border)
