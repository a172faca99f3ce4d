"""The difference operators against dense matrices, their adjoint identity and validity."""

import doctest
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.ops import central_gradient, central_validity, gradient, gradient_adjoint

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


def dense_central(height: int, width: int) -> np.ndarray:
    """The filters [−1, 0, 1] as a matrix `[H·W·2, H·W]`; rows without both neighbours are zero."""
    matrix = np.zeros((height, width, 2, height, width))
    for y in range(height):
        for x in range(width):
            if 0 < x < width - 1:
                matrix[y, x, 0, y, x + 1], matrix[y, x, 0, y, x - 1] = 1, -1
            if 0 < y < height - 1:
                matrix[y, x, 1, y + 1, x], matrix[y, x, 1, y - 1, x] = 1, -1
    return matrix.reshape(height * width * 2, height * width)


@pytest.mark.parametrize("shape", SHAPES)
def test_central_differences_and_their_derivatives_are_the_dense_matrix(x64, shape):
    matrix = dense_central(*shape)
    rng = np.random.default_rng(3)
    u, v = rng.normal(size=(2, 3, *shape))
    p = rng.normal(size=(3, *shape, 2))

    @jax.jit
    def everything(u, v, p):
        field, change = jax.jvp(central_gradient, (u,), (v,))
        return field, change, jax.vjp(central_gradient, u)[1](p)[0]

    field, change, transposed = everything(u, v, p)
    assert field.dtype == jnp.float64
    np.testing.assert_allclose(np.vdot(field, p), np.vdot(u, transposed), rtol=0, atol=1e-12)
    for i in range(3):
        np.testing.assert_allclose(field[i].ravel(), matrix @ u[i].ravel(), atol=1e-14)
        np.testing.assert_allclose(change[i].ravel(), matrix @ v[i].ravel(), atol=1e-14)
        np.testing.assert_allclose(transposed[i].ravel(), matrix.T @ p[i].ravel(), atol=1e-14)


def test_central_differences_are_sums_of_two_forward_ones(x64):
    u = np.random.default_rng(4).normal(size=(5, 7))
    forward, central = jax.jit(lambda u: (gradient(u, boundary="neumann"), central_gradient(u)))(u)
    inner = forward[:, :-2, 0] + forward[:, 1:-1, 0]
    np.testing.assert_allclose(central[:, 1:-1, 0], inner, atol=1e-14)
    inner = forward[:-2, :, 1] + forward[1:-1, :, 1]
    np.testing.assert_allclose(central[1:-1, :, 1], inner, atol=1e-14)


@pytest.mark.parametrize("shape", SHAPES)
def test_central_validity_is_where_all_that_a_difference_uses_is_valid(shape):
    mask = np.random.default_rng(5).uniform(size=(3, *shape)) < 0.7
    used = abs(dense_central(*shape))
    got = np.asarray(jax.jit(central_validity)(mask))
    assert got.dtype == bool
    for i in range(3):
        expected = (used @ mask[i].ravel() == used.sum(1)) & (used.sum(1) > 0)
        np.testing.assert_array_equal(got[i].ravel(), expected)


def test_the_pixel_itself_need_not_be_valid():
    mask = np.ones((3, 3), bool)
    mask[1, 1] = False
    u = np.where(mask, 1.0, np.nan).astype(np.float32)
    field, valid = jax.jit(lambda u, mask: (central_gradient(u), central_validity(mask)))(u, mask)
    np.testing.assert_array_equal(valid[1, 1], [True, True])
    np.testing.assert_array_equal(field[1, 1], [0, 0])


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16, jnp.int32])
def test_type_of_central_differences_is_kept(dtype):
    field = jax.eval_shape(central_gradient, jax.ShapeDtypeStruct((3, 4), dtype))
    assert field.dtype == dtype
    assert field.shape == (3, 4, 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: central_gradient(jnp.zeros(3)), r"u must be \[..., H, W\].*got shape \(3,\)"),
        (lambda: central_gradient(jnp.zeros((0, 3))), "at least one pixel"),
        (lambda: central_validity(jnp.ones(3, bool)), r"mask must be \[..., H, W\]"),
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
