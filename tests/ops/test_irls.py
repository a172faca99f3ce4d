"""Fusion by re-weighted least squares against a sparse direct reference."""

import doctest
import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg
from jax.test_util import check_grads

from jaxdepth.ops import fusion_energy, irls_fusion

# (H, W), whether some pixels are outside the mask
CASES = (((9, 12), False), ((9, 12), True), ((2, 7), True), ((7, 1), False), ((1, 1), False))


def problem(shape, masked=False, seed=0):
    """A depth of a few metres with noise and outliers, gradients with less noise, and a mask."""
    rng = np.random.default_rng(seed)
    truth = 3 + rng.normal(size=shape)
    depth = truth + 0.3 * rng.normal(size=shape) + 5 * (rng.uniform(size=shape) < 0.1)
    gradients = central(truth) + 0.02 * rng.normal(size=(*shape, 2))
    mask = rng.uniform(size=shape) < 0.8 if masked else np.ones(shape, bool)
    return depth, gradients, mask


def central(depth):
    gradients = np.zeros((*depth.shape, 2), depth.dtype)
    gradients[:, 1:-1, 0] = depth[:, 2:] - depth[:, :-2]
    gradients[1:-1, :, 1] = depth[2:] - depth[:-2]
    return gradients


def single(arrays):
    return [a.astype(np.float32) if a.dtype == np.float64 else a for a in arrays]


def terms(depth, gradients, mask, omega):
    """Equation 7 term by term: rows B, values t and factors c such that E(D) = Σ c φ(BD − t)."""
    height, width = mask.shape
    rows, values, factors = [], [], []

    def add(plus, minus, value, factor):
        row = np.zeros(mask.shape)
        row[plus] += 1
        if minus is not None:
            row[minus] -= 1
        rows.append(row.ravel())
        values.append(value)
        factors.append(factor)

    for y, x in zip(*np.nonzero(mask), strict=True):
        add((y, x), None, depth[y, x], 1.0)
        if 0 < x < width - 1 and mask[y, x - 1] and mask[y, x + 1]:
            add((y, x + 1), (y, x - 1), gradients[y, x, 0], omega)
        if 0 < y < height - 1 and mask[y - 1, x] and mask[y + 1, x]:
            add((y + 1, x), (y - 1, x), gradients[y, x, 1], omega)
    return scipy.sparse.csr_matrix(np.array(rows)), np.array(values), np.array(factors)


def reference(depth, gradients, mask, omega=10.0, epsilon=1e-4, num_iters=2000):
    """Re-weighted least squares by direct solves: all iterates, and the energy as a function."""
    b, t, c = terms(depth, gradients, mask, omega)
    b, valid = b[:, mask.ravel()].tocsc(), mask.ravel()

    def phi(u):
        return np.sqrt((b @ u - t) ** 2 + epsilon)

    iterates = [np.where(mask, depth, 0.0)]
    for _ in range(num_iters):
        weights = scipy.sparse.diags(c / phi(iterates[-1].ravel()[valid]))
        u = np.zeros(mask.size)
        u[valid] = scipy.sparse.linalg.spsolve((b.T @ weights @ b).tocsc(), b.T @ (weights @ t))
        iterates.append(u.reshape(mask.shape))
        if np.abs(iterates[-1] - iterates[-2]).max() < 1e-10:
            break
    return iterates, lambda u: float(c @ phi(np.asarray(u, np.float64).ravel()[valid]))


@pytest.mark.parametrize(("shape", "masked"), CASES)
def test_equals_the_reference_at_every_iteration(x64, shape, masked):
    depth, gradients, mask = problem(shape, masked)
    iterates, energy = reference(depth, gradients, mask, num_iters=6)
    iterates += [iterates[-1]] * (7 - len(iterates))  # where it converged at once
    u, energies = irls_fusion(
        depth, gradients, mask=mask, num_iters=6, cg_tol=1e-13, return_energies=True
    )
    assert u.dtype == jnp.float64
    np.testing.assert_allclose(u, iterates[-1], rtol=0, atol=1e-9)
    np.testing.assert_allclose(energies, [energy(iterate) for iterate in iterates], rtol=1e-12)


@pytest.mark.parametrize("omega", [10.0, 0.3])
@pytest.mark.parametrize("masked", [False, True])
def test_reaches_the_minimum(x64, omega, masked):
    depth, gradients, mask = arrays = problem((9, 12), masked, seed=1)
    iterates, energy = reference(*arrays, omega=omega)
    minimum = energy(iterates[-1])

    u, energies = irls_fusion(
        depth, gradients, mask=mask, omega=omega, num_iters=300, return_energies=True
    )
    assert -1e-12 < energies[-1] / minimum - 1 < 1e-6
    np.testing.assert_allclose(energies[-1], energy(u), rtol=1e-13)

    # Single precision reaches it as far as the digits of a depth do; the sum in it has its own.
    depth, gradients, mask = single(arrays)
    u, energies = irls_fusion(
        depth, gradients, mask=mask, omega=omega, num_iters=300, return_energies=True
    )
    assert u.dtype == jnp.float32
    assert energy(u) / minimum - 1 < 2e-6
    np.testing.assert_allclose(energies[-1], minimum, rtol=2e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("options", [{}, {"cg_tol": 0.9}, {"cg_max_iters": 1}])
def test_energy_never_rises(x64, dtype, options):
    """However loosely an iteration is solved, and on after it has converged."""
    arrays = problem((9, 12), masked=True, seed=2)
    energy = reference(*arrays, num_iters=1)[1]
    depth, gradients, mask = (a.astype(dtype) if a.dtype == float else a for a in arrays)
    u, energies = irls_fusion(
        depth, gradients, mask=mask, num_iters=300, return_energies=True, **options
    )
    assert energies.dtype == dtype
    assert np.all(np.diff(energies) <= 0)
    assert energies[10] < 0.9 * energies[0]
    tolerance = 1e-12 if dtype == np.float64 else 5e-6
    np.testing.assert_allclose(energies[-1], energy(u), rtol=tolerance)


@pytest.mark.parametrize(("shape", "masked"), CASES)
def test_energy_equals_its_formula(x64, shape, masked):
    depth, gradients, mask = problem(shape, masked, seed=3)
    energy = reference(depth, gradients, mask, omega=2.0, epsilon=0.1, num_iters=1)[1]
    u = depth + np.random.default_rng(4).normal(size=shape)
    images = (np.stack([a, a])[:, None] for a in (u, depth, gradients))
    masks = np.stack([mask, mask])[:, None]
    result = jax.jit(fusion_energy)(*images, mask=masks, omega=2.0, epsilon=0.1)
    assert result.shape == (2, 1)
    np.testing.assert_allclose(result, energy(u), rtol=1e-13)


def test_what_lies_under_the_mask_has_no_effect():
    depth, gradients, mask = single(problem((6, 9), masked=True, seed=5))
    weight = np.random.default_rng(6).normal(size=mask.shape).astype(np.float32)

    @jax.jit
    def derivatives(depth, gradients, omega):
        def value(depth, gradients, omega):
            u, energies = irls_fusion(
                depth, gradients, mask=mask, omega=omega, num_iters=5, return_energies=True
            )
            again = fusion_energy(u + depth, depth, gradients, mask=mask)
            return jnp.sum(weight * u) + jnp.sum(energies) + again, u

        return jax.value_and_grad(value, argnums=(0, 1, 2), has_aux=True)(depth, gradients, omega)

    clean = np.where(mask, depth, 0), np.where(mask[..., None], gradients, 0)
    (value, u), expected = derivatives(*clean, 10.0)
    assert np.all(u[~mask] == 0)
    assert np.all(expected[0][~mask] == 0)
    assert np.all(expected[1][~mask] == 0)
    for garbage in (np.nan, np.inf, 1e30):
        dirty = np.where(mask, depth, garbage), np.where(mask[..., None], gradients, garbage)
        dirty[1][:, [0, -1], 0] = garbage  # no neighbour, no term
        dirty[1][[0, -1], :, 1] = garbage
        (dirty_value, dirty_u), result = derivatives(*dirty, 10.0)
        assert dirty_value == value
        np.testing.assert_array_equal(dirty_u, u)
        jax.tree.map(np.testing.assert_array_equal, result, expected)


def test_a_nan_inside_the_mask_is_not_hidden():
    depth, gradients, _ = single(problem((6, 9), seed=7))
    depth[2, 3] = np.nan
    assert np.all(np.isnan(irls_fusion(depth, gradients)))


def test_no_valid_pixel():
    depth, gradients, mask = single(problem((6, 9), seed=8))
    u, energies = irls_fusion(depth, gradients, mask=mask & False, return_energies=True)
    assert np.all(u == 0)
    assert np.all(energies == 0)


def test_derivatives_equal_finite_differences(x64):
    depth, gradients, mask = problem((5, 6), masked=True, seed=9)

    @jax.jit
    def fuse(depth, gradients, omega, epsilon):
        return irls_fusion(
            depth,
            gradients,
            mask=mask,
            omega=omega,
            epsilon=epsilon,
            num_iters=3,
            cg_tol=1e-13,
            return_energies=True,
        )

    arguments = (depth, gradients, 10.0, 0.01)
    check_grads(fuse, arguments, order=1, modes=("fwd", "rev"), rtol=1e-5, atol=1e-5, eps=1e-6)


def test_derivatives_approach_those_of_the_minimiser_with_loose_solves(x64):
    arrays = depth, gradients, mask = problem((5, 6), masked=True, seed=10)
    omega, epsilon = 10.0, 1e-2
    weight = np.random.default_rng(11).normal(size=mask.shape)

    @jax.jit
    @functools.partial(jax.grad, argnums=(0, 1, 2))
    def derivatives(depth, gradients, omega):
        u = irls_fusion(
            depth, gradients, mask=mask, omega=omega, epsilon=epsilon, num_iters=150, cg_tol=0.3
        )
        return jnp.sum(weight * u)

    by_depth, by_gradients, by_omega = derivatives(depth, gradients, omega)

    # Where Bᵀ c φʹ(r) = 0 with r = BD − t: the implicit function theorem.
    b, t, c = terms(*arrays, omega)
    r = b @ reference(*arrays, omega, epsilon)[0][-1].ravel() - t
    b = b.toarray()[:, mask.ravel()]
    curvature = c * epsilon / (r**2 + epsilon) ** 1.5
    adjoint = b @ np.linalg.solve(b.T @ (curvature[:, None] * b), weight[mask])
    by_value = curvature * adjoint
    is_data = c == 1
    np.testing.assert_allclose(by_depth[mask], by_value[is_data], rtol=0, atol=1e-8)
    np.testing.assert_allclose(np.sum(by_gradients), np.sum(by_value[~is_data]), rtol=1e-7)
    slope = r / np.sqrt(r**2 + epsilon)
    np.testing.assert_allclose(by_omega, -slope[~is_data] @ adjoint[~is_data], rtol=1e-7)


def test_batch_axes_and_vmap_equal_a_loop(x64):
    """Values and derivatives, with one ω per image."""
    problems = [problem((6, 7), masked=True, seed=seed) for seed in range(3)]
    depth, gradients, mask = (np.stack(arrays) for arrays in zip(*problems, strict=True))
    omega = np.array([1.0, 10.0, 30.0])

    @jax.jit
    @functools.partial(jax.value_and_grad, argnums=(0, 1, 2), has_aux=True)
    def derivatives(depth, gradients, omega, mask):
        result = irls_fusion(
            depth, gradients, mask=mask, omega=omega, num_iters=5, return_energies=True
        )
        return jnp.sum(result[0] ** 2) + jnp.sum(result[1]), result

    loop = [derivatives(*each) for each in zip(depth, gradients, omega, mask, strict=True)]
    expected = jax.tree.leaves(jax.tree.map(lambda *leaves: np.stack(leaves), *loop))
    result = jax.vmap(derivatives)(depth[:, None], gradients[:, None], omega, mask[:, None])
    for a, b in zip(jax.tree.leaves(result), expected, strict=True):
        np.testing.assert_allclose(a.reshape(b.shape), b, rtol=1e-8, atol=1e-8)


def test_blurred_steps_are_sharpened():
    depth = np.full((24, 32), 4.0, np.float32)
    depth[6:18, 9:20] = 2.0
    depth[12:22, 16:28] = 2.75
    padded = np.pad(depth, 1, mode="edge")
    blurred = sum(padded[y : y + 24, x : x + 32] for y in range(3) for x in range(3)) / 9

    u = irls_fusion(blurred, central(depth))
    assert np.abs(blurred - depth).max() > 0.5
    np.testing.assert_allclose(u, depth, atol=0.02)


def test_consistent_input_is_returned():
    depth, _, _ = single(problem((6, 9), seed=15))
    np.testing.assert_array_equal(irls_fusion(depth, central(depth)), depth)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.int32])
def test_other_types_are_computed_in_float32(dtype):
    depth, gradients, _ = (jnp.asarray(a, dtype) for a in problem((6, 9), seed=16))
    u = irls_fusion(depth, gradients)
    assert u.dtype == jnp.float32
    expected = irls_fusion(depth.astype(jnp.float32), gradients.astype(jnp.float32))
    np.testing.assert_array_equal(u, expected)


def test_traced_scalars_are_accepted():
    depth, gradients, _ = single(problem((6, 9), seed=17))

    @jax.jit
    def fuse(log_omega, epsilon, cg_tol):
        return irls_fusion(
            depth, gradients, omega=jnp.exp(log_omega), epsilon=epsilon, cg_tol=cg_tol
        )

    expected = irls_fusion(depth, gradients, omega=10)
    np.testing.assert_allclose(fuse(np.log(10.0), 1e-4, 1e-2), expected, atol=1e-4)


DEPTH, GRADIENTS = jnp.ones((3, 4)), jnp.zeros((3, 4, 2))


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((DEPTH[0], GRADIENTS), {}, r"depth must be \[..., H, W\].*\(4,\)"),
        ((DEPTH, DEPTH), {}, r"a last axis of 2, \(3, 4, 2\), got \(3, 4\); put"),
        ((DEPTH[None], GRADIENTS), {}, r"\(1, 3, 4, 2\), got \(3, 4, 2\)"),
        ((DEPTH, GRADIENTS), {"mask": DEPTH}, r"mask must be bool .* got float32 \(3, 4\); pass"),
        ((DEPTH, GRADIENTS), {"mask": DEPTH[0] > 0}, r"mask must be bool .* got bool \(4,\)"),
        ((DEPTH, GRADIENTS), {"omega": 0.0}, "omega must be positive and finite, got 0.0"),
        ((DEPTH, GRADIENTS), {"omega": jnp.ones(3)}, r"omega must be a scalar, got shape \(3,\)"),
        ((DEPTH, GRADIENTS), {"epsilon": -1.0}, "epsilon must be positive and finite, got -1.0"),
        ((DEPTH, GRADIENTS), {"cg_tol": 0.0}, "cg_tol must be positive and finite, got 0.0"),
        ((DEPTH, GRADIENTS), {"cg_tol": 1.0}, "cg_tol must be less than 1, got 1.0"),
        ((DEPTH, GRADIENTS), {"num_iters": 0}, "num_iters must be at least 1, got 0"),
        ((DEPTH, GRADIENTS), {"cg_max_iters": 0}, "cg_max_iters must be at least 1, got 0"),
    ],
)
def test_errors(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        irls_fusion(*args, **kwargs)


@pytest.mark.parametrize(
    ("args", "kwargs", "message"),
    [
        ((DEPTH[None], DEPTH, GRADIENTS), {}, r"u must have the shape of depth, \(3, 4\), got"),
        ((DEPTH, DEPTH, DEPTH), {}, "gradients must have the shape of depth"),
        ((DEPTH, DEPTH, GRADIENTS), {"mask": DEPTH}, "mask must be bool"),
        ((DEPTH, DEPTH, GRADIENTS), {"omega": -1.0}, "omega must be positive"),
        ((DEPTH, DEPTH, GRADIENTS), {"epsilon": 0.0}, "epsilon must be positive"),
    ],
)
def test_energy_errors(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        fusion_energy(*args, **kwargs)


def test_examples():
    assert doctest.testmod(importlib.import_module("jaxdepth.ops.irls")).failed == 0
