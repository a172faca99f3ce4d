r"""Direct solves of (λ + β∇ᵀ∇) u = h in the basis that diagonalises ∇ᵀ∇.

∇ is `gradient` and ∇ᵀ its adjoint, so ∇ᵀ∇ is the positive five-point Laplacian. The basis follows
the boundary:

- `"periodic"`: Fourier modes, by a real FFT; `spectrum` is `[..., H, W // 2 + 1]`, complex;
- `"neumann"`: cosines, by the orthonormal DCT-II; `spectrum` is `[..., H, W]`, real. The transform
  is a product with a matrix on either side: at the sizes of depth maps that is as fast as an FFT
  with the reordering that a DCT needs, and simpler.

In both, entry `[..., 0, 0]` is the mean (up to a factor).
"""

import functools
import itertools
import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from jaxdepth.ops.differences import (
    Boundary,
    check_boundary,
    check_image,
    gradient,
    gradient_adjoint,
)

_MOST_FFTS = 8
"""Operations that the FFTs of a batch are divided into at most."""


def screened_poisson(
    h: ArrayLike, *, lam: ArrayLike, beta: ArrayLike = 1.0, boundary: Boundary = "periodic"
) -> jax.Array:
    r"""Solves the screened Poisson equation (λ + β∇ᵀ∇) u = h for u.

    u is the minimiser of $\frac{\lambda}{2}\|u\|^2 + \frac{\beta}{2}\|\nabla u\|^2 - \langle h, u
    \rangle$. With h = λf + β∇ᵀp, it is the image closest to the values f and the gradients p in the
    least-squares sense.

    Differentiable in forward and reverse mode, to any order, in `h`, `lam` and `beta`; a derivative
    costs one more solve.

    Args:
      h: `[..., H, W]`, any H, W ≥ 1.
      lam: λ > 0, a scalar.
      beta: β > 0, a scalar.
      boundary: `"periodic"` or `"neumann"`, that of ∇.

    Returns:
      `[..., H, W]`, float64 for a float64 `h`, else float32, which is also used for the arithmetic.
      On a CPU, images of a batch with a periodic boundary are solved in pairs: the rounding errors
      of either are relative to the larger one.

    Raises:
      ValueError: if `h` is not an image, `boundary` is unknown, or `lam` or `beta` is not a
        positive scalar. A value that is traced is not checked.

    Examples:
      >>> import jax.numpy as jnp
      >>> from jaxdepth.ops import screened_poisson
      >>> u = screened_poisson(jnp.full((4, 5), 6.0), lam=2.0)
      >>> bool(jnp.allclose(u, 3.0))
      True

    References:
      Kim et al., "Deep Monocular Depth Estimation via Integration of Global and Local Predictions",
      IEEE TIP 2018, equation 4, with Δ = ∇ᵀ∇; equations 18 and 19 are its derivative.
    """
    h = jnp.asarray(h)
    check_image("h", h)
    dtype = solve_dtype(h)
    lam, beta = positive_scalar("lam", lam, dtype), positive_scalar("beta", beta, dtype)
    check_boundary(boundary)
    solve = screened_poisson_solver(
        h.shape[-2:], lam=lam, beta=beta, boundary=boundary, dtype=dtype
    )
    return solve(h.astype(dtype))


def screened_poisson_solver(
    shape: tuple[int, int],
    *,
    lam: jax.Array,
    beta: jax.Array | float = 1.0,
    boundary: Boundary = "periodic",
    zero_mean: bool = False,
    dtype: jnp.dtype = jnp.float32,
) -> Callable[[jax.Array], jax.Array]:
    """The solve of `screened_poisson` as a function of h alone, for use in a loop.

    The inverse of the symbol is formed here, once. The returned function is a linear solve in the
    sense of `jax.lax.custom_linear_solve`: it is differentiated by the implicit function theorem,
    in reverse mode by one more solve for all of h, λ and β, and keeps u alone for it.

    Args:
      shape: (H, W).
      lam: λ > 0, a scalar, or `[..., 1, 1]` for one per image.
      beta: β > 0, a scalar.
      boundary: `"periodic"` or `"neumann"`.
      zero_mean: promises that every h is made as ∇ᵀp of some p, and so has mean zero. The mean of u
        is then set to zero instead of being computed as mean(h)/λ, where a small λ would magnify
        the rounding error of mean(h); likewise in derivatives.
      dtype: float32 or float64.

    Returns:
      A function from h `[..., H, W]` to u `[..., H, W]`, both of type `dtype`.
    """
    symbol = _expand(laplacian_symbol(shape, boundary=boundary, dtype=dtype), max(jnp.ndim(lam), 2))
    inverse = 1 / (lam + beta * symbol)
    if zero_mean:
        inverse = inverse.at[..., 0, 0].set(0)

    def operator(u):
        laplacian = gradient_adjoint(gradient(u, boundary=boundary), boundary=boundary)
        return lam * u + beta * laplacian

    def each(h):
        filtered = spectrum(h, boundary=boundary) * _expand(inverse, h.ndim)
        return inverse_spectrum(filtered, shape, boundary=boundary)

    def solve(_, h):
        if boundary != "periodic" or inverse.ndim > 2 or math.prod(h.shape[:-2]) < 2:
            return each(h)
        pairs = functools.partial(_solve_pairs, inverse=inverse, each=each)
        return jax.lax.platform_dependent(h, cpu=pairs, default=each)

    def solver(h):
        return jax.lax.custom_linear_solve(operator, h, solve, symmetric=True)

    return solver


def _solve_pairs(
    h: jax.Array, inverse: jax.Array, each: Callable[[jax.Array], jax.Array]
) -> jax.Array:
    """What `each` makes of h `[..., H, W]`, two images as one complex one; for CPUs.

    The filter is even and real, and so keeps the two parts apart. XLA gives an FFT one thread, and
    a complex one takes less time than two real ones: pairs that are operations of their own use
    all cores. Rounding errors are relative to the larger image of a pair.
    """
    height, width = h.shape[-2:]
    images = h.reshape(-1, height, width)
    half = len(images) // 2
    first, second, rest = jnp.split(images, (half, 2 * half))
    mirrored = inverse[:, 1 : (width + 1) // 2][:, ::-1]
    whole = jnp.concatenate([inverse, mirrored], axis=1)[None]
    bounds = np.linspace(0, half, min(half, _MOST_FFTS) + 1).astype(int)
    pairs = [
        jnp.fft.ifft2(jnp.fft.fft2(jax.lax.complex(first[a:b], second[a:b])) * whole)
        for a, b in itertools.pairwise(bounds)
    ]
    parts = [*(p.real for p in pairs), *(p.imag for p in pairs)]
    u = jnp.concatenate(parts + [each(rest)] * (len(rest) > 0)).reshape(h.shape)
    # What is not finite is so in every pixel of a transform, its partner's too.
    finite = jnp.isfinite(jnp.concatenate([pair[:, 0, 0] for pair in pairs])).all()
    return jax.lax.cond(finite, lambda: u, lambda: each(h))


def laplacian_symbol(
    shape: tuple[int, int], *, boundary: Boundary = "periodic", dtype: jnp.dtype = jnp.float32
) -> jax.Array:
    r"""The eigenvalues of ∇ᵀ∇, in the order of `spectrum`.

    $$4 - 2\cos\omega_x - 2\cos\omega_y = 4\sin^2\frac{\omega_x}{2} + 4\sin^2\frac{\omega_y}{2},$$

    with ω = 2πk/n along a periodic axis of n pixels and ω = πk/n along a Neumann one, k = 0, 1, ….
    It is formed from the sines, which do not cancel at low frequencies.

    Args:
      shape: (H, W).
      boundary: `"periodic"` or `"neumann"`.
      dtype: type of the result.

    Returns:
      `[H, W // 2 + 1]` for periodic, `[H, W]` for Neumann boundaries; in [0, 8], zero at `[0, 0]`
      alone.

    Raises:
      ValueError: if `boundary` is unknown.

    Examples:
      >>> from jaxdepth.ops.spectral import laplacian_symbol
      >>> laplacian_symbol((1, 4))
      Array([[0., 2., 4.]], dtype=float32)
    """
    check_boundary(boundary)
    height, width = shape
    if boundary == "periodic":
        half_y = np.pi * np.arange(height) / height
        half_x = np.pi * np.arange(width // 2 + 1) / width
    else:
        half_y = np.pi * np.arange(height) / (2 * height)
        half_x = np.pi * np.arange(width) / (2 * width)
    along_y = jnp.asarray(4 * np.sin(half_y) ** 2, dtype)
    along_x = jnp.asarray(4 * np.sin(half_x) ** 2, dtype)
    return along_y[:, None] + along_x[None, :]


def spectrum(u: jax.Array, *, boundary: Boundary = "periodic") -> jax.Array:
    """The coefficients of u in the eigenbasis of ∇ᵀ∇.

    Args:
      u: `[..., H, W]`, float32 or float64.
      boundary: `"periodic"` or `"neumann"`.

    Returns:
      `[..., H, W // 2 + 1]` complex (`jnp.fft.rfft2`) for periodic, `[..., H, W]` real (orthonormal
      DCT-II) for Neumann boundaries.

    Raises:
      ValueError: if `boundary` is unknown.
    """
    check_boundary(boundary)
    if boundary == "periodic":
        return jnp.fft.rfft2(u)
    cosines_y, cosines_x = (jnp.asarray(dct_matrix(n), u.dtype) for n in u.shape[-2:])
    return _sandwich(cosines_y, u, cosines_x.T)


def inverse_spectrum(
    coefficients: jax.Array, shape: tuple[int, int], *, boundary: Boundary = "periodic"
) -> jax.Array:
    """The inverse of `spectrum`.

    Args:
      coefficients: `[..., H, W // 2 + 1]` complex for periodic, `[..., H, W]` real for Neumann
        boundaries.
      shape: (H, W).
      boundary: `"periodic"` or `"neumann"`.

    Returns:
      `[..., H, W]` real.

    Raises:
      ValueError: if `boundary` is unknown.
    """
    check_boundary(boundary)
    if boundary == "periodic":
        return jnp.fft.irfft2(coefficients, s=shape)
    cosines_y, cosines_x = (jnp.asarray(dct_matrix(n), coefficients.dtype) for n in shape)
    return _sandwich(cosines_y.T, coefficients, cosines_x)


def dct_matrix(n: int) -> np.ndarray:
    r"""The orthonormal DCT-II of n samples as a matrix C; its inverse is Cᵀ.

    $$C_{k,i} = \sqrt{\tfrac{2 - [k = 0]}{n}}\, \cos\frac{\pi k (2i + 1)}{2n}$$

    Args:
      n: number of samples, n ≥ 1.

    Returns:
      `[n, n]`, NumPy float64.
    """
    k, i = np.arange(n)[:, None], np.arange(n)[None, :]
    cosines = math.sqrt(2 / n) * np.cos(np.pi * k * (2 * i + 1) / (2 * n))
    cosines[0] = math.sqrt(1 / n)
    return cosines


def solve_dtype(*arrays: jax.Array) -> jnp.dtype:
    """The type to solve in: that of the arrays, but float32 at least."""
    return jnp.promote_types(jnp.result_type(*arrays), jnp.float32)


def positive_scalar(name: str, value: ArrayLike, dtype: jnp.dtype) -> jax.Array:
    """`value` as a 0-d array, after a check that it is a scalar and, where concrete, positive."""
    if jnp.ndim(value) != 0:
        raise ValueError(
            f"{name} must be a scalar, got shape {jnp.shape(value)}; for one value per image, "
            "use jax.vmap."
        )
    if not isinstance(value, jax.core.Tracer) and not 0 < float(value) < math.inf:
        raise ValueError(
            f"{name} must be positive and finite, got {float(value)}; to learn it, optimise its "
            "logarithm."
        )
    return jnp.asarray(value, dtype)


def _expand(symbol: jax.Array, ndim: int) -> jax.Array:
    return jnp.expand_dims(symbol, range(ndim - symbol.ndim))


def _sandwich(left: jax.Array, u: jax.Array, right: jax.Array) -> jax.Array:
    """left · u · right over the last two axes, in full precision on every device."""
    highest = jax.lax.Precision.HIGHEST
    return jnp.einsum("yh,...hw,wx->...yx", left, u, right, precision=highest)
