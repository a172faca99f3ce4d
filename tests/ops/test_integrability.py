"""Curl and the integrable part of a field of gradients."""

import doctest
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.ops import curl, gradient, gradient_adjoint, integrability_residual
from tests.ops.sparse import existing, flat, sparse_gradient

BOUNDARIES = ("periodic", "neumann")
SHAPES = ((5, 6), (1, 4), (3, 1))


def field(shape, seed=0):
    return np.random.default_rng(seed).normal(size=(*shape, 2))


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_have_no_curl_and_no_residual(x64, shape, boundary):
    g = gradient(field((2, *shape))[..., 0], boundary=boundary)
    np.testing.assert_allclose(curl(g, boundary=boundary), 0, atol=1e-12)
    np.testing.assert_allclose(integrability_residual(g, boundary=boundary), 0, atol=1e-12)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_curl_goes_round_four_pixels(boundary):
    g = field((4, 5))
    result = curl(g, boundary=boundary)
    for y in range(4):
        for x in range(5):
            down, right = (y + 1) % 4, (x + 1) % 5
            around = g[y, x, 0] + g[y, right, 1] - g[down, x, 0] - g[y, x, 1]
            if boundary == "neumann" and (y == 3 or x == 4):
                around = 0
            np.testing.assert_allclose(result[y, x], around, atol=1e-6)


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_residual_is_that_of_least_squares(x64, shape, boundary):
    g = field(shape)
    nabla, g_flat = sparse_gradient(shape, boundary).toarray(), flat(existing(g, boundary))
    u = np.linalg.lstsq(nabla, g_flat, rcond=None)[0]
    residual = integrability_residual(g, boundary=boundary)
    np.testing.assert_allclose(flat(residual), g_flat - nabla @ u, atol=1e-12)
    np.testing.assert_allclose(gradient_adjoint(residual, boundary=boundary), 0, atol=1e-12)


def test_batches_types_and_derivatives():
    g = field((2, 3, 4, 5)).astype(np.float32)
    loop = [[integrability_residual(image) for image in images] for images in g]
    np.testing.assert_allclose(integrability_residual(g), np.array(loop), atol=1e-6)
    assert integrability_residual(jnp.asarray(g, jnp.bfloat16)).dtype == jnp.float32
    # A projection is its own derivative.
    _, tangent = jax.jvp(integrability_residual, (g,), (g,))
    np.testing.assert_allclose(tangent, integrability_residual(g), atol=1e-6)


@pytest.mark.parametrize("function", [curl, integrability_residual])
def test_errors(function):
    with pytest.raises(ValueError, match=r"g must be \[..., H, W, 2\].*\(3, 4\)"):
        function(np.zeros((3, 4)))
    with pytest.raises(ValueError, match="boundary must be one of"):
        function(np.zeros((3, 4, 2)), boundary="mirror")


@pytest.mark.parametrize("module", ["integrability", "energy", "pdhg"])
def test_examples(module):
    assert doctest.testmod(importlib.import_module(f"jaxdepth.ops.{module}")).failed == 0
