"""The spectral solves against dense eigenvalues and dense solves, and their derivatives."""

import doctest
import functools
import importlib

import jax
import jax.numpy as jnp
import jax.test_util
import numpy as np
import pytest
import scipy.fft

from jaxdepth.ops import gradient_adjoint, screened_poisson
from jaxdepth.ops.spectral import (
    dct_matrix,
    inverse_spectrum,
    laplacian_symbol,
    screened_poisson_solver,
    spectrum,
)

BOUNDARIES = ("periodic", "neumann")
SHAPES = ((4, 6), (5, 7), (1, 6), (5, 1), (4, 3), (1, 1))


def dense_laplacian(shape: tuple[int, int], boundary: str) -> np.ndarray:
    """∇ᵀ∇ as a matrix `[H·W, H·W]`: a sum of Kronecker products of one-dimensional ones."""

    def along(n):
        difference = np.zeros((n, n))
        for i in range(n if boundary == "periodic" else n - 1):
            difference[i, (i + 1) % n] += 1
            difference[i, i] -= 1
        return difference.T @ difference

    height, width = shape
    return np.kron(np.eye(height), along(width)) + np.kron(along(height), np.eye(width))


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_symbol_holds_the_eigenvalues(x64, shape, boundary):
    symbol = np.asarray(laplacian_symbol(shape, boundary=boundary, dtype=jnp.float64))
    height, width = shape
    if boundary == "periodic":  # the columns that a real transform leaves out
        columns = [k if k <= width // 2 else width - k for k in range(width)]
        omega_y = 2 * np.pi * np.arange(height) / height
        omega_x = 2 * np.pi * np.arange(width // 2 + 1) / width
    else:
        columns = list(range(width))
        omega_y, omega_x = (np.pi * np.arange(n) / n for n in shape)
    eigenvalues = np.linalg.eigvalsh(dense_laplacian(shape, boundary))
    np.testing.assert_allclose(np.sort(symbol[:, columns].ravel()), eigenvalues, atol=1e-12)
    formula = 4 - 2 * np.cos(omega_x)[None, :] - 2 * np.cos(omega_y)[:, None]
    np.testing.assert_allclose(symbol, formula, atol=1e-13)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_spectrum_diagonalises_and_solve_equals_dense_solve(x64, shape, boundary):
    h = np.random.default_rng(1).normal(size=(2, *shape))
    lam, beta = 0.3, 4.0
    laplacian = dense_laplacian(shape, boundary)
    laplacian_h = (h.reshape(2, -1) @ laplacian).reshape(h.shape)

    @jax.jit
    def compute(h, laplacian_h):
        coefficients = spectrum(h, boundary=boundary)
        return (
            inverse_spectrum(coefficients, shape, boundary=boundary),
            laplacian_symbol(shape, boundary=boundary, dtype=h.dtype)[None] * coefficients,
            spectrum(laplacian_h, boundary=boundary),
            screened_poisson(h, lam=lam, beta=beta, boundary=boundary),
        )

    inverted, scaled, expected_scaled, solution = compute(h, laplacian_h)
    np.testing.assert_allclose(inverted, h, atol=1e-13)
    np.testing.assert_allclose(scaled, expected_scaled, atol=1e-12)
    operator = lam * np.eye(h[0].size) + beta * laplacian
    expected = np.linalg.solve(operator, h.reshape(2, -1).T).T.reshape(h.shape)
    np.testing.assert_allclose(solution, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("n", [1, 2, 7, 8])
def test_dct_matrix(n):
    u = np.random.default_rng(0).normal(size=n)
    np.testing.assert_allclose(dct_matrix(n) @ u, scipy.fft.dct(u, norm="ortho"), atol=1e-13)
    np.testing.assert_allclose(dct_matrix(n) @ dct_matrix(n).T, np.eye(n), atol=1e-14)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_derivatives_equal_closed_forms(x64, boundary):
    shape, lam, beta = (4, 5), 0.3, 2.0
    rng = np.random.default_rng(2)
    h, h_dot, u_bar = rng.normal(size=(3, *shape))
    lam_dot, beta_dot = 0.7, -0.4

    @jax.jit
    def derive(h, lam, beta):
        def solve(h, lam, beta):
            return screened_poisson(h, lam=lam, beta=beta, boundary=boundary)

        def along_lam(lam):
            return jax.jvp(lambda lam: solve(h, lam, beta), (lam,), (1.0,))[1]

        u, u_dot = jax.jvp(solve, (h, lam, beta), (h_dot, lam_dot, beta_dot))
        _, pullback = jax.vjp(solve, h, lam, beta)
        return u, u_dot, pullback(u_bar), jax.jvp(along_lam, (lam,), (1.0,))[1]

    u, u_dot, (h_bar, lam_bar, beta_bar), u_second = derive(h, lam, beta)
    laplacian = dense_laplacian(shape, boundary)
    inverse = np.linalg.inv(lam * np.eye(h.size) + beta * laplacian)
    u = inverse @ h.ravel()
    operator_dot_u = lam_dot * u + beta_dot * laplacian @ u
    np.testing.assert_allclose(
        u_dot.ravel(), inverse @ (h_dot.ravel() - operator_dot_u), rtol=1e-10, atol=1e-12
    )
    np.testing.assert_allclose(h_bar.ravel(), inverse @ u_bar.ravel(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(lam_bar, -np.vdot(h_bar, u), rtol=1e-10)
    np.testing.assert_allclose(beta_bar, -np.vdot(h_bar, laplacian @ u), rtol=1e-10)
    np.testing.assert_allclose(u_second.ravel(), 2 * inverse @ inverse @ u, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_zero_mean_changes_nothing_for_a_divergence(x64, boundary):
    rng = np.random.default_rng(3)
    p, weight = rng.normal(size=(4, 5, 2)), rng.normal(size=(4, 5))

    def value(p, lam, zero_mean):
        solve = screened_poisson_solver(
            (4, 5), lam=lam, boundary=boundary, zero_mean=zero_mean, dtype=p.dtype
        )
        return jnp.sum(weight * solve(gradient_adjoint(p, boundary=boundary)))

    @jax.jit
    def derive(p, lam):
        derive_one = jax.value_and_grad(value, argnums=(0, 1))
        return [derive_one(p, lam, zero_mean) for zero_mean in (False, True)]

    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), *derive(p, 0.3))


def test_one_screening_per_image_by_vmap():
    h = np.random.default_rng(4).normal(size=(3, 4, 5)).astype(np.float32)
    lam = np.array([0.1, 1.0, 10.0], np.float32)

    def solve(h, lam):
        return screened_poisson(h, lam=lam)

    expected = np.stack([jax.jit(solve)(h[i], lam[i]) for i in range(3)])
    np.testing.assert_allclose(jax.jit(jax.vmap(solve))(h, lam), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32, jnp.int32])
def test_float32_at_least(dtype):
    h = jax.ShapeDtypeStruct((3, 4), dtype)
    assert jax.eval_shape(lambda h: screened_poisson(h, lam=1.0), h).dtype == jnp.float32


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"lam": 0.0}, "lam must be positive and finite, got 0.0; .* logarithm"),
        ({"lam": -1}, "got -1.0"),
        ({"lam": float("nan")}, "got nan"),
        ({"lam": 1.0, "beta": float("inf")}, "beta must be positive and finite, got inf"),
        ({"lam": jnp.ones(2)}, r"lam must be a scalar, got shape \(2,\); .* jax.vmap"),
        ({"lam": 1.0, "boundary": "zero"}, "boundary must be one of"),
        ({"lam": 1.0, "h": jnp.zeros(3)}, r"h must be \[..., H, W\]"),
    ],
)
def test_errors(kwargs, message):
    with pytest.raises(ValueError, match=message):
        screened_poisson(**{"h": jnp.zeros((3, 4)), **kwargs})


def test_examples():
    assert doctest.testmod(importlib.import_module("jaxdepth.ops.spectral")).failed == 0


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("batch", [(0,), (2,), (3,), (2, 9), (2, 1, 17)])
def test_images_of_a_batch_are_solved_as_if_alone(x64, shape, batch):
    h = np.random.default_rng(2).normal(size=(*batch, *shape))
    u = screened_poisson(h, lam=0.3, beta=2.0)
    assert u.shape == h.shape
    each = [screened_poisson(one, lam=0.3, beta=2.0) for one in h.reshape(-1, *shape)]
    np.testing.assert_allclose(u.reshape(-1, *shape), np.reshape(each, (-1, *shape)), atol=1e-13)


@pytest.mark.parametrize("damage", [np.nan, np.inf, -np.inf])
def test_an_image_that_is_not_finite_leaves_the_others_alone(damage):
    h = np.random.default_rng(3).normal(size=(5, 8, 9)).astype(np.float32)
    expected = np.array(screened_poisson(h, lam=0.3))
    for damaged in range(5):
        spoiled = h.copy()
        spoiled[damaged, 2, 3] = damage
        u = np.asarray(screened_poisson(spoiled, lam=0.3))
        assert np.isnan(u[damaged]).all()
        others = np.arange(5) != damaged
        np.testing.assert_allclose(u[others], expected[others], rtol=2e-5, atol=1e-6)


def test_the_solves_of_a_batch_under_transformations(x64):
    h = np.random.default_rng(4).normal(size=(2, 3, 4, 5))
    each = np.stack([[screened_poisson(one, lam=0.3) for one in pair] for pair in h])
    solve = functools.partial(screened_poisson, lam=0.3)
    for transformed in (jax.vmap(solve), jax.jit(jax.vmap(jax.vmap(solve)))):
        np.testing.assert_allclose(transformed(h), each, atol=1e-13)
    jax.test_util.check_grads(solve, (jnp.asarray(h),), order=2, modes=("fwd", "rev"))
