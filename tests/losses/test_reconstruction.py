"""Equations 6, 7 and the first term of 9 of Kim et al. 2018."""

import jax
import numpy as np
import pytest
from jax.test_util import check_grads

from jaxdepth import losses
from jaxdepth.ops import gradient

T, F = True, False
depth_l1, depth_l1_terms = jax.jit(losses.depth_l1), jax.jit(losses.depth_l1_terms)
gradient_l1 = jax.jit(losses.gradient_l1, static_argnames="boundary")
gradient_validity = jax.jit(losses.gradient_validity)


def f32(values):
    return np.asarray(values, np.float32)


def test_depth_l1_by_hand():
    prediction, target = f32([[1, 2, 3], [4, 5, 6]]), f32([[1.5, 2, 0], [2, 8, 6.5]])
    mask = np.array([[T, T, F], [T, F, T]])
    np.testing.assert_allclose(depth_l1(prediction, target, mask), (0.5 + 0 + 2 + 0.5) / 4)
    values, valid = depth_l1_terms(prediction, target, mask)
    np.testing.assert_allclose(values, [[0.5, 0, 0], [2, 0, 0.5]])
    np.testing.assert_array_equal(valid, mask)


def test_depth_l1_is_equation_6_per_pixel():
    """Equation 6, for M fully measured images of n pixels, divided by n."""
    f, d = f32(np.random.default_rng(0).uniform(1, 10, size=(2, 3, 5, 7)))
    equation_6 = sum(np.abs(f[p] - d[p]).sum() for p in range(3)) / 3
    np.testing.assert_allclose(depth_l1(f, d, np.ones_like(d, bool)), equation_6 / 35, rtol=1e-6)


def test_gradient_validity_by_hand():
    mask = np.array([[T, T, F, T], [T, F, T, T], [T, T, T, T]])
    valid = np.asarray(gradient_validity(mask))
    np.testing.assert_array_equal(valid[..., 0], [[T, F, F, F], [F, F, T, F], [T, T, T, F]])
    np.testing.assert_array_equal(valid[..., 1], [[T, F, F, T], [T, F, T, T], [F, F, F, F]])
    batch = np.asarray(gradient_validity(np.stack([mask, ~mask])[None]))
    np.testing.assert_array_equal(batch[0, 0], valid)


def test_gradient_l1_by_hand():
    target = f32([[1, 3], [2, 7]])
    prediction = f32([[[1.5, 1], [9, 3]], [[5, 9], [9, 9]]])
    mask = np.ones((2, 2), bool)
    # ∇D: x = [[2, ·], [5, ·]], y = [[1, 4], [·, ·]]
    np.testing.assert_allclose(gradient_l1(prediction, target, mask), (0.5 + 0 + 0 + 1) / 4)
    mask[1, 1] = False
    np.testing.assert_allclose(gradient_l1(prediction, target, mask), (0.5 + 0) / 2)


@pytest.mark.parametrize("boundary", ["neumann", "periodic"])
def test_gradient_of_the_target_has_no_loss_for_either_boundary(boundary):
    target = f32(np.random.default_rng(0).uniform(1, 10, size=(2, 6, 8)))
    prediction = jax.jit(gradient, static_argnames="boundary")(target, boundary=boundary)
    mask = np.ones_like(target, bool)
    assert gradient_l1(prediction, target, mask, boundary=boundary) == 0
    assert gradient_l1(prediction, target, mask) == 0  # whichever of the two is meant


def test_derivatives_against_finite_differences(x64):
    rng = np.random.default_rng(1)
    target, mask = rng.uniform(1, 10, (2, 4, 5)), rng.uniform(size=(2, 4, 5)) < 0.7

    def beside(values):
        """Away from the kink of |x|."""
        return values + rng.choice([-1, 1], values.shape) * rng.uniform(0.1, 1, values.shape)

    check_grads(lambda u: depth_l1(u, target, mask), (beside(target),), order=1)
    slopes = np.stack([np.diff(target, axis=-1, append=0), np.diff(target, axis=-2, append=0)], -1)
    check_grads(lambda g: gradient_l1(g, target, mask), (beside(slopes),), order=1)


def test_derivative_is_the_sign_over_the_count():
    """Equation 10, first term; also where prediction and truth agree."""
    derivative = jax.jit(jax.grad(losses.depth_l1))(
        f32([[3, 1, 2]]), f32([[1, 2, 2]]), np.array([[T, T, T]])
    )
    np.testing.assert_allclose(derivative, [[1 / 3, -1 / 3, 0]], rtol=1e-6)
