"""Changes of colour."""

import jax
import numpy as np
import pytest

from jaxdepth import augment

IMAGE = np.random.default_rng(0).uniform(size=(12, 16, 3)).astype(np.float32)


def on_host(function, **options):
    """`function`, compiled, from and to NumPy arrays."""
    compiled = jax.jit(function, **options)
    return lambda *args, **kwargs: jax.device_get(compiled(*args, **kwargs))


apply_color = on_host(augment.apply_color)


def params(**fields):
    fields = {name: np.asarray(value, np.float32) for name, value in fields.items()}
    return jax.device_get(augment.identity_params())._replace(**fields)


def test_identity_is_exact():
    image = IMAGE.copy()
    image[0, 0] = 0, 1, 0.5
    np.testing.assert_array_equal(apply_color(params(), image), image)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"color": [0.8, 1.0, 1.2]}, [0.2, 0.5, 0.9]),
        ({"brightness": 0.1}, [0.35, 0.6, 0.85]),
        ({"brightness": 0.5}, [0.75, 1.0, 1.0]),
        ({"brightness": -0.5}, [0.0, 0.0, 0.25]),
        ({"contrast": 0.0}, [0.25, 0.5, 0.75]),  # a constant is its own mean
        ({"color": [0.8, 0.8, 0.8], "brightness": 0.1}, [0.3, 0.5, 0.7]),  # γ first, then b
    ],
    ids=str,
)
def test_constant_image_by_hand(fields, expected):
    image = np.full((12, 16, 3), [0.25, 0.5, 0.75], np.float32)
    changed = apply_color(params(**fields), image)
    np.testing.assert_allclose(changed, np.full((12, 16, 3), expected), atol=1e-6)


def test_contrast_stretches_around_the_mean_of_each_channel():
    image = np.zeros((12, 16, 3), np.float32)
    image[:6], image[6:] = [0.4, 0.2, 0.1], [0.6, 0.3, 0.15]
    expected = np.zeros_like(image)
    expected[:6], expected[6:] = [0.35, 0.175, 0.0875], [0.65, 0.325, 0.1625]
    np.testing.assert_allclose(apply_color(params(contrast=1.5), image), expected, atol=1e-6)


def test_stays_in_range_and_vmap_agrees_with_loop():
    rng = np.random.default_rng(1)
    chosen = [
        params(
            brightness=rng.uniform(-0.5, 0.5),
            contrast=rng.uniform(0, 3),
            color=rng.uniform(0, 2, size=3),
        )
        for _ in range(32)
    ]
    drawn = jax.tree.map(lambda *fields: np.stack(fields), *chosen)
    batched = on_host(jax.vmap(augment.apply_color, in_axes=(0, None)))(drawn, IMAGE)
    assert batched.min() == 0
    assert batched.max() == 1
    for one, expected in zip(chosen, batched, strict=True):
        np.testing.assert_allclose(apply_color(one, IMAGE), expected, atol=1e-6)
