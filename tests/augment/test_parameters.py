"""Drawing, switching off and inverting the parameters of a transform."""

import functools

import jax
import jax.numpy as jnp
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


def test_shift_is_drawn_only_when_asked_for_and_leaves_the_others():
    assert not draw().shift.any()
    keys = jax.random.split(jax.random.key(0), 400)
    sample = jax.jit(jax.vmap(functools.partial(augment.sample_params, shift=8.0)))
    params = jax.device_get(sample(keys))
    jax.tree.map(np.testing.assert_array_equal, params._replace(shift=draw().shift), draw())
    assert params.shift.shape == (400, 2)
    assert params.shift.dtype == np.float32
    for values in params.shift.T:
        assert -8 <= values.min() < -7.5
        assert 7.5 < values.max() <= 8
    assert (params.shift[:, 0] != params.shift[:, 1]).all()  # x and y are drawn separately


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
        {"shift": -1.0},
        {"shift": float("nan")},
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


def moved():
    """The draws with shifts, too."""
    shift = np.random.default_rng(0).uniform(-8, 8, size=(400, 2)).astype(np.float32)
    return draw()._replace(shift=shift)


def test_invert_is_an_involution_of_the_geometry():
    params = moved()
    once = jax.device_get(jax.jit(augment.invert)(params))
    twice = jax.device_get(jax.jit(augment.invert)(once))
    np.testing.assert_array_equal(twice.flip, params.flip)
    np.testing.assert_array_equal(twice.angle, params.angle)
    np.testing.assert_allclose(twice.scale, params.scale, rtol=1e-6)
    np.testing.assert_allclose(twice.shift, params.shift, atol=1e-5)
    np.testing.assert_array_equal(once.color, np.ones((400, 3)))


def test_invert_takes_any_leading_axes():
    params = moved()
    shaped = jax.tree.map(lambda x: x.reshape(20, 20, *x.shape[1:]), params)
    flat, of_shaped = jax.jit(lambda *args: jax.tree.map(augment.invert, args, is_leaf=_is_params))(
        params, shaped
    )
    one = jax.jit(augment.invert)(jax.tree.map(lambda x: x[7], params))
    for got, expected, single in zip(of_shaped, flat, one, strict=True):
        np.testing.assert_array_equal(got.reshape(expected.shape), expected)
        np.testing.assert_allclose(single, expected[7], rtol=1e-6, atol=1e-6)
    assert of_shaped.shift.shape == (20, 20, 2)
    assert one.shift.shape == (2,)


def _is_params(x):
    return isinstance(x, augment.AugmentParams)


@pytest.mark.parametrize("pitch", [1.0, 2.0, 4.0])
def test_matrix_of_the_inverse_is_the_inverse_matrix(pitch):
    matrix = functools.partial(augment.matrix, pitch=pitch)

    @jax.jit
    def both(params):
        return jax.vmap(matrix)(params), jax.vmap(matrix)(augment.invert(params))

    forward, backward = both(moved())
    np.testing.assert_allclose(backward, np.linalg.inv(forward), atol=1e-5)


def test_matrix_by_hand():
    """First the flip, then the rotation (x towards y), the magnification and the shift."""
    fields = {"flip": True, "angle": 90.0, "scale": 2.0, "shift": [6.0, -4.0]}
    identity = augment.identity_params()
    chosen = identity._replace(**{name: jnp.array(value) for name, value in fields.items()})
    expected = np.array([[0, -2, 6], [-2, 0, -4], [0, 0, 1]])
    np.testing.assert_allclose(jax.jit(augment.matrix)(chosen), expected, atol=1e-6)
    expected[:2, 2] = [3, -2]  # a shift is in pixels of the image, also for maps of another pitch
    of_map = jax.jit(functools.partial(augment.matrix, pitch=2.0))(chosen)
    np.testing.assert_allclose(of_map, expected, atol=1e-6)
