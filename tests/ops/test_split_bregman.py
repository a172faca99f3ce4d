"""Split-Bregman iterations against a sparse direct reference and the paper's derivatives."""

import doctest
import importlib
import itertools
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.sparse
import scipy.sparse.linalg
from jax.test_util import check_grads

from jaxdepth.ops import gradient, integration_energy, split_bregman
from tests.ops.sparse import existing, flat, sparse_gradient

BOUNDARIES = ("periodic", "neumann")
SHAPES = ((6, 8), (5, 7), (6, 7), (1, 8), (7, 1), (1, 1))


def factorise(shape, lam, beta, boundary):
    """∇ and the factorised λ + β∇ᵀ∇."""
    nabla = sparse_gradient(shape, boundary)
    identity = scipy.sparse.identity(nabla.shape[1])
    return nabla, scipy.sparse.linalg.splu((lam * identity + beta * nabla.T @ nabla).tocsc())


def reference(f, g, lam, beta, num_iters, boundary):
    """Equations 3 to 5 as printed: u after each iteration, and the least distance to a kink."""
    nabla, operator = factorise(f.shape, lam, beta, boundary)
    f_flat, g_flat = f.ravel(), flat(g)
    d, b = np.zeros_like(g_flat), np.zeros_like(g_flat)
    iterates, margin = [], np.inf
    for _ in range(num_iters):
        u = operator.solve(lam * f_flat + beta * (nabla.T @ (d + g_flat - b)))
        z = nabla @ u - g_flat + b
        d = np.sign(z) * np.maximum(np.abs(z) - 1 / beta, 0)
        b = b + (nabla @ u - g_flat) - d
        iterates.append(u.reshape(f.shape))
        margin = min(margin, np.abs(np.abs(z) - 1 / beta).min())
    return iterates, margin


def problem(shape, seed=0, noise=0.3):
    """A depth map of a few metres, and gradients that do not fit it."""
    rng = np.random.default_rng(seed)
    return 3 + rng.normal(size=shape), noise * rng.normal(size=(*shape, 2))


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_equals_the_reference_at_every_iteration(x64, shape, boundary):
    f, g = problem(shape)

    @jax.jit  # one program for all: it compiles in the time of two
    def integrate(f, g, lam, beta):
        return [
            split_bregman(f, g, lam=lam, beta=beta, num_iters=num_iters, boundary=boundary)
            for num_iters in range(1, 11)
        ]

    for lam, beta in [(0.01, 10.0), (2.0, 3.0)]:
        expected, _ = reference(f, g, lam, beta, 10, boundary)
        for u, expected_u in zip(integrate(f, g, lam, beta), expected, strict=True):
            assert u.dtype == jnp.float64
            np.testing.assert_allclose(u, expected_u, rtol=0, atol=1e-9)


def test_defaults_are_those_of_the_paper(x64):
    f, g = problem((6, 8))
    expected = split_bregman(f, g, lam=0.01, beta=10.0, num_iters=10, boundary="periodic")
    np.testing.assert_array_equal(split_bregman(f, g, lam=0.01), expected)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_derivatives_equal_finite_differences(x64, boundary):
    f, g = problem((4, 5), seed=1)
    lam, beta, num_iters = 0.2, 5.0, 4
    _, margin = reference(f, g, lam, beta, num_iters, boundary)
    assert margin > 1e-4  # no kink of the shrinkage within reach of the differences

    @jax.jit
    def integrate(f, g, lam, beta):
        return split_bregman(f, g, lam=lam, beta=beta, num_iters=num_iters, boundary=boundary)

    check_grads(integrate, (f, g, lam, beta), order=1, modes=("fwd", "rev"), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("argument", ["lam", "beta"])
def test_derivatives_in_scalars_equal_those_of_the_reference(x64, argument):
    f, g = problem((6, 7), seed=2)
    weight = np.random.default_rng(3).normal(size=f.shape)
    values = {"lam": 0.05, "beta": 10.0}
    assert reference(f, g, *values.values(), 10, "periodic")[1] > 1e-6

    def value(x):
        return jnp.sum(weight * split_bregman(f, g, **{**values, argument: x}))

    def reference_value(x):
        u = reference(f, g, *{**values, argument: x}.values(), 10, "periodic")[0][-1]
        return np.sum(weight * u)

    x, step = values[argument], 1e-6 * values[argument]
    expected = (reference_value(x + step) - reference_value(x - step)) / (2 * step)
    reverse, forward = jax.jit(lambda x: (jax.grad(value)(x), jax.jvp(value, (x,), (1.0,))[1]))(x)
    np.testing.assert_allclose(reverse, expected, rtol=1e-5)
    np.testing.assert_allclose(forward, expected, rtol=1e-5)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_derivatives_at_one_iteration_equal_equations_13_and_20(x64, boundary):
    f, g = problem((6, 7), seed=4)
    lam, beta = 0.01, 10.0
    loss_u = np.random.default_rng(5).normal(size=f.shape)  # ∂ℒ/∂u

    def loss(f, g, lam):
        u = split_bregman(f, g, lam=lam, beta=beta, num_iters=1, boundary=boundary)
        return jnp.sum(loss_u * u)

    loss_f, loss_g, loss_lam = jax.jit(jax.grad(loss, argnums=(0, 1, 2)))(f, g, lam)
    nabla, operator = factorise(f.shape, lam, beta, boundary)
    (u,), _ = reference(f, g, lam, beta, 1, boundary)
    solved = operator.solve(loss_u.ravel())
    # The mean of f − u is zero; without it, that of `solved`, about 1/λ, adds rounding errors.
    np.testing.assert_allclose(loss_lam, (f - u).ravel() @ (solved - solved.mean()), rtol=1e-9)
    np.testing.assert_allclose(loss_f.ravel(), lam * solved, atol=1e-9)
    np.testing.assert_allclose(flat(loss_g), beta * (nabla @ solved), atol=1e-9)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_energy_approaches_the_minimum(x64, boundary):
    shape, lam = (5, 6), 0.5
    f, g = problem(shape, seed=6)
    nabla, f_flat, g_flat = sparse_gradient(shape, boundary), f.ravel(), flat(existing(g, boundary))

    # The dual of equation 1, max over |s| ≤ 1 of ⟨s, ∇f − g⟩ − ‖∇ᵀs‖²/(2λ): by strong duality its
    # value is the minimum of E. L-BFGS-B has nothing in common with Split Bregman.
    def negative_dual(s):
        back = nabla.T @ s
        value = s @ (nabla @ f_flat - g_flat) - back @ back / (2 * lam)
        return -value, -(nabla @ (f_flat - back / lam) - g_flat)

    solution = scipy.optimize.minimize(
        negative_dual,
        np.zeros_like(g_flat),
        jac=True,
        method="L-BFGS-B",
        bounds=[(-1, 1)] * g_flat.size,
        options={"ftol": 1e-15, "gtol": 1e-10, "maxiter": 5000, "maxfun": 50000},
    )

    @jax.jit
    def energies(f, g):
        iterates = [
            split_bregman(f, g, lam=lam, beta=5.0, num_iters=num_iters, boundary=boundary)
            for num_iters in (1, 3, 10, 30, 1000)
        ]
        return [integration_energy(u, f, g, lam=lam, boundary=boundary) for u in iterates]

    gaps = [float(energy) + solution.fun for energy in energies(f, g)]
    assert all(later < earlier for earlier, later in itertools.pairwise(gaps)), gaps
    assert -1e-9 < gaps[-1] < 1e-6, gaps


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_energy_equals_its_formula(x64, boundary):
    f, g = problem((4, 5), seed=7)
    u = f + np.random.default_rng(8).normal(size=f.shape)
    nabla = sparse_gradient(f.shape, boundary)
    misfit = nabla @ u.ravel() - flat(existing(g, boundary))
    expected = np.abs(misfit).sum() + 0.3 / 2 * np.sum((u - f) ** 2)
    images, fields = np.stack([f, f])[:, None], np.stack([g, g])[:, None]
    result = jax.jit(integration_energy, static_argnames="boundary")(
        np.stack([u, f])[:, None], images, fields, lam=0.3, boundary=boundary
    )
    assert result.shape == (2, 1)
    np.testing.assert_allclose(result[0, 0], expected, rtol=1e-13)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_consistent_input_is_returned(boundary):
    f = problem((8, 9), seed=9)[0].astype(np.float32)
    u = split_bregman(f, gradient(f, boundary=boundary), lam=0.01, boundary=boundary)
    np.testing.assert_allclose(u, f, atol=1e-6)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_mean_is_kept_and_float32_stays_accurate_for_a_small_lam(boundary):
    f, g = (a.astype(np.float32) for a in problem((32, 40), seed=10, noise=0.01))
    lam = 1e-7

    def integrate(f, g):
        return split_bregman(f, g, lam=lam, boundary=boundary)

    u, pullback = jax.vjp(integrate, f, g)
    np.testing.assert_allclose(np.mean(u), np.mean(f), rtol=1e-6)
    with jax.enable_x64(True):
        exact = integrate(f.astype(np.float64), g.astype(np.float64))
    np.testing.assert_allclose(u, exact, atol=2e-5)
    # The sum of u is the sum of f, whatever g is.
    sum_f, sum_g = pullback(jnp.ones_like(u))
    np.testing.assert_allclose(sum_f, 1.0, atol=1e-4)
    np.testing.assert_allclose(sum_g, 0.0, atol=1e-4)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_batch_axes_equal_a_loop_and_vmap(boundary):
    f, g = (a.astype(np.float32) for a in problem((2, 3, 5, 6), seed=11))

    def integrate(f, g, lam=0.1):
        return split_bregman(f, g, lam=lam, num_iters=5, boundary=boundary)

    single = jax.jit(integrate)
    loop = np.stack([np.stack([single(f[i, j], g[i, j]) for j in range(3)]) for i in range(2)])
    np.testing.assert_allclose(integrate(f, g), loop, atol=1e-5)
    np.testing.assert_allclose(jax.jit(jax.vmap(jax.vmap(integrate)))(f, g), loop, atol=1e-5)


def test_one_lam_per_image_by_vmap():
    f, g = (a.astype(np.float32) for a in problem((3, 5, 6), seed=12))
    lam = np.array([0.01, 0.1, 1.0], np.float32)

    def value(f, g, lam):
        return jnp.sum(split_bregman(f, g, lam=lam, num_iters=3) ** 2)

    derivative = jax.jit(jax.grad(value, argnums=(0, 1, 2)))
    expected = [derivative(f[i], g[i], lam[i]) for i in range(3)]
    expected = jax.tree.map(lambda *leaves: np.stack(leaves), *expected)
    result = jax.jit(jax.vmap(derivative))(f, g, lam)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-3), result, expected
    )


def test_traced_scalars_are_accepted():
    f, g = (a.astype(np.float32) for a in problem((5, 6), seed=13))

    @jax.jit
    def integrate(f, g, log_lam, beta):
        return split_bregman(f, g, lam=jnp.exp(log_lam), beta=beta, num_iters=3)

    expected = split_bregman(f, g, lam=jnp.float32(0.01), beta=np.float32(8.0), num_iters=3)
    np.testing.assert_allclose(integrate(f, g, np.log(0.01), 8), expected, atol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
def test_half_precision_is_computed_in_float32(dtype):
    f, g = (jnp.asarray(a, dtype) for a in problem((6, 8), seed=14))
    u = split_bregman(f, g, lam=jnp.asarray(0.5, dtype))
    assert u.dtype == jnp.float32
    expected = split_bregman(f.astype(jnp.float32), g.astype(jnp.float32), lam=0.5)
    np.testing.assert_array_equal(u, expected)
    derivative = jax.eval_shape(jax.grad(lambda f: jnp.sum(split_bregman(f, g, lam=0.5))), f)
    assert derivative.dtype == dtype
    energy = jax.eval_shape(lambda f: integration_energy(f, f, g, lam=0.5), f)
    assert energy.dtype == jnp.float32


def test_reverse_mode_keeps_one_image_and_one_mask_per_iteration():
    f, g = (jnp.asarray(a, jnp.float32) for a in problem((16, 20), seed=15))

    def kept_bytes(num_iters):
        def integrate(f, g, lam, beta):
            return split_bregman(f, g, lam=lam, beta=beta, num_iters=num_iters)

        _, pullback = jax.vjp(integrate, f, g, 0.01, 10.0)
        return sum(leaf.nbytes for leaf in jax.tree.leaves(pullback))

    image, mask = f.size * 4, g.size * 1
    assert kept_bytes(9) - kept_bytes(4) == 5 * (image + mask)


F, G = jnp.ones((3, 4)), jnp.zeros((3, 4, 2))


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((F[0], G), {}, r"f must be \[..., H, W\].*\(4,\)"),
        ((F, G[..., 0]), {}, r"a last axis of 2, \(3, 4, 2\), got \(3, 4\); put"),
        ((F[None], G), {}, r"\(1, 3, 4, 2\), got \(3, 4, 2\)"),
        ((F, G), {"num_iters": 0}, "num_iters must be at least 1, got 0"),
        ((F, G), {"boundary": "dirichlet"}, "boundary must be one of .* got 'dirichlet'"),
        ((F, G), {"lam": 0.0}, "lam must be positive and finite, got 0.0"),
        ((F, G), {"lam": jnp.float32(-2)}, "lam must be positive and finite, got -2.0"),
        ((F, G), {"beta": -10}, "beta must be positive and finite, got -10.0"),
        ((F, G), {"lam": jnp.ones(3)}, r"lam must be a scalar, got shape \(3,\)"),
    ],
)
def test_errors(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        split_bregman(*args, **{"lam": 0.1, **kwargs})


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((F[None], F, G), {}, r"u must have the shape of f, \(3, 4\), got \(1, 3, 4\)"),
        ((F, F, G[..., 0]), {}, "g must have the shape of f"),
        ((F, F, G), {"lam": -1.0}, "lam must be positive"),
        ((F, F, G), {"boundary": "none"}, "boundary must be one of"),
    ],
)
def test_energy_errors(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        integration_energy(*args, **{"lam": 0.1, **kwargs})


def test_needs_jax_alone():
    program = """
import sys

class Blocked:
    names = {"flax", "optax", "orbax", "chex", "jaxtyping", "tensorflow_datasets", "tensorflow",
             "grain", "cv2", "PIL", "ml_collections"}

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(f"{name} is blocked")

sys.meta_path.insert(0, Blocked())
import jax.numpy as jnp
from jaxdepth.ops import split_bregman
u = split_bregman(jnp.ones((3, 4)), jnp.zeros((3, 4, 2)), lam=0.1)
assert bool(jnp.allclose(u, 1.0)), u
assert not Blocked.names & set(sys.modules)
"""
    run = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert run.returncode == 0, run.stderr


def test_examples():
    assert doctest.testmod(importlib.import_module("jaxdepth.ops.split_bregman")).failed == 0
