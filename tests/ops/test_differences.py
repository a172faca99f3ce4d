"""The difference operators against dense matrices, and their adjoint identity."""

import doctest
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.ops import gradient, gradient_adjoint

BOUNDARIES = ("periodic", "neumann")
SHAPES = ((4, 6), (5, 7), (1, 6), (5, 1), (2, 2), (1, 1))


def dense_gradient(height: int, width: int, boundary: str) -> np.ndarray:
    """∇ as a matrix `[H·W·2, H·W]`, written entry by entry."""
    matrix = np.zeros((height, width, 2, height, width))
    for y in range(height):
        for x in range(width):
            for component, (ny, nx) in enumerate([(y, x + 1), (y + 1, x)]):
                if boundary == "periodic":
                    ny, nx = ny % height, nx % width
                elif ny == height or nx == width:
                    continue
                matrix[y, x, component, ny, nx] += 1
                matrix[y, x, component, y, x] -= 1
    return matrix.reshape(height * width * 2, height * width)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_dense_matrix_and_adjoint_identity(x64, shape, boundary):
    matrix = dense_gradient(*shape, boundary)
    rng = np.random.default_rng(0)
    u, p = rng.normal(size=(3, *shape)), rng.normal(size=(3, *shape, 2))
    nabla_u, nabla_t_p = jax.jit(
        lambda u, p: (gradient(u, boundary=boundary), gradient_adjoint(p, boundary=boundary))
    )(u, p)
    assert nabla_u.dtype == nabla_t_p.dtype == jnp.float64
    np.testing.assert_allclose(np.vdot(nabla_u, p), np.vdot(u, nabla_t_p), rtol=0, atol=1e-12)
    for i in range(3):
        np.testing.assert_allclose(nabla_u[i].ravel(), matrix @ u[i].ravel(), atol=1e-14)
        np.testing.assert_allclose(nabla_t_p[i].ravel(), matrix.T @ p[i].ravel(), atol=1e-14)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_adjoint_is_the_transpose_that_jax_derives(x64, boundary):
    p = np.random.default_rng(1).normal(size=(4, 5, 2))

    @jax.jit
    def both(p):
        transpose = jax.linear_transpose(
            lambda u: gradient(u, boundary=boundary), jax.ShapeDtypeStruct((4, 5), p.dtype)
        )
        return gradient_adjoint(p, boundary=boundary), transpose(p)[0]

    np.testing.assert_allclose(*both(p), atol=1e-14)


def test_components_and_boundaries():
    u = jnp.array([[1.0, 2.0, 4.0], [1.0, 5.0, 4.0]])
    periodic, neumann = gradient(u), gradient(u, boundary="neumann")
    np.testing.assert_array_equal(periodic[..., 0], [[1, 2, -3], [4, -1, -3]])
    np.testing.assert_array_equal(periodic[..., 1], [[0, 3, 0], [0, -3, 0]])
    np.testing.assert_array_equal(neumann[..., 0], [[1, 2, 0], [4, -1, 0]])
    np.testing.assert_array_equal(neumann[..., 1], [[0, 3, 0], [0, 0, 0]])


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_neumann_ignores_what_leaves_the_image_and_the_sum_is_zero(boundary):
    p = np.random.default_rng(2).normal(size=(4, 5, 2)).astype(np.float32)
    changed = p.copy()
    changed[:, -1, 0] += 7
    changed[-1, :, 1] += 7
    adjoint = gradient_adjoint(p, boundary=boundary)
    adjoint_of_changed = gradient_adjoint(changed, boundary=boundary)
    assert np.array_equal(adjoint, adjoint_of_changed) == (boundary == "neumann")
    np.testing.assert_allclose(np.sum(adjoint), 0.0, atol=1e-5)


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.int32])
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_type_is_kept(dtype, boundary):
    u = jax.ShapeDtypeStruct((3, 4), dtype)
    p = jax.eval_shape(lambda u: gradient(u, boundary=boundary), u)
    assert p.dtype == dtype
    assert jax.eval_shape(lambda p: gradient_adjoint(p, boundary=boundary), p).dtype == dtype


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: gradient(jnp.zeros((3, 4)), boundary="wrap"), "got 'wrap'; choose 'periodic'"),
        (lambda: gradient_adjoint(jnp.zeros((3, 4, 2)), boundary=None), "got None; choose"),
        (lambda: gradient(jnp.zeros(3)), r"u must be \[..., H, W\].*\(3,\); .*\[None, :\]"),
        (lambda: gradient(jnp.zeros((0, 3))), "at least one pixel"),
        (lambda: gradient_adjoint(jnp.zeros((3, 4))), r"p must be \[..., H, W, 2\].*\(3, 4\); put"),
        (lambda: gradient_adjoint(jnp.zeros((2, 3, 4))), r"\(2, 3, 4\); put"),
    ],
)
def test_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_examples():
    assert doctest.testmod(importlib.import_module("jaxdepth.ops.differences")).failed == 0
