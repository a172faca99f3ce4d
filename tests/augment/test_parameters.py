"""Drawing, switching off and inverting the parameters of a transform."""

import functools

import jax
import numpy as np
import pytest

from jaxdepth import augment

OFF = dict.fromkeys(["flip", "brightness", "contrast", "color", "angle", "scale"])


@functools.cache
def draw():
    """400 draws with the defaults."""
    keys = jax.random.split(jax.random.key(0), 400)
    return jax.device_get(jax.jit(jax.vmap(augment.sample_params))(keys))


def test_defaults_fill_the_ranges_of_the_paper():
    params = draw()
    assert params.flip.dtype == bool
    assert 0.4 < params.flip.mean() < 0.6
    for values, shape, low, high in [
        (params.brightness, (400,), -0.1, 0.1),
        (params.contrast, (400,), 0.8, 1.2),
        (params.color, (400, 3), 0.8, 1.2),
        (params.angle, (400,), -5.0, 5.0),
        (params.scale, (400,), 1.0, 1.5),
    ]:
        assert values.shape == shape
        assert values.dtype == np.float32
        assert low <= values.min() < low + 0.05 * (high - low)
        assert high - 0.05 * (high - low) < values.max() <= high
    assert (params.color[:, 0] != params.color[:, 1]).all()  # channels are drawn separately


def test_everything_switched_off_is_the_identity():
    identity = augment.identity_params()
    fixed = {
        "flip": 0.0,
        "brightness": (0.0, 0.0),
        "contrast": (1.0, 1.0),
        "color": (1.0, 1.0),
        "angle": 0.0,
        "scale": (1.0, 1.0),
    }
    for options in (OFF, fixed):
        params = augment.sample_params(jax.random.key(3), **options)
        jax.tree.map(np.testing.assert_array_equal, params, identity)
        assert jax.tree.map(lambda x: (x.shape, x.dtype), params) == jax.tree.map(
            lambda x: (x.shape, x.dtype), identity
        )


def test_fixed_values():
    fixed = {"flip": 1.0, "contrast": (1.1, 1.1), "scale": (1.2, 1.2)}
    params = augment.sample_params(jax.random.key(3), **fixed)
    assert params.flip
    np.testing.assert_array_equal(params.contrast, np.float32(1.1))
    np.testing.assert_array_equal(params.scale, np.float32(1.2))


@pytest.mark.parametrize("name", OFF)
def test_switching_one_off_leaves_the_others(name):
    key = jax.random.key(1)
    everything, without = augment.sample_params(key), augment.sample_params(key, **{name: None})
    expected = everything._replace(**{name: getattr(augment.identity_params(), name)})
    jax.tree.map(np.testing.assert_array_equal, without, expected)


@pytest.mark.parametrize(
    "options",
    [
        {"flip": 1.5},
        {"flip": -0.1},
        {"angle": -5.0},
        {"angle": float("nan")},
        {"scale": (0.0, 1.0)},
        {"scale": (1.5, 1.0)},
        {"color": (-0.5, 1.0)},
        {"contrast": (1.2, 0.8)},
        {"brightness": (0.1, float("nan"))},
    ],
    ids=str,
)
def test_impossible_ranges_are_refused(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"{name}.*None switches it off"):
        augment.sample_params(jax.random.key(0), **options)


def test_invert_is_an_involution_of_the_geometry():
    params = draw()
    once = jax.device_get(jax.jit(augment.invert)(params))
    twice = jax.device_get(jax.jit(augment.invert)(once))
    np.testing.assert_array_equal(twice.flip, params.flip)
    np.testing.assert_array_equal(twice.angle, params.angle)
    np.testing.assert_allclose(twice.scale, params.scale, rtol=1e-6)
    np.testing.assert_array_equal(once.color, np.ones((400, 3)))


def test_matrix_of_the_inverse_is_the_inverse_matrix():
    params = draw()
    forward = jax.jit(jax.vmap(augment.matrix))(params)
    backward = jax.jit(lambda params: jax.vmap(augment.matrix)(augment.invert(params)))(params)
    np.testing.assert_allclose(backward, np.linalg.inv(forward), atol=1e-6)
