"""The members of an image set are what their names say."""

import functools

import jax
import numpy as np
import pytest

from jaxdepth import augment

COLORS, MOVES = ("brightness", "contrast", "color"), ("angle", "scale", "shift")
SAMPLE = functools.partial(augment.sample_params, shift=8.0)
NAMES = (*augment.TRANSFORMS, "random")


@functools.cache
def draw():
    """200 sets of all members, the last one twice, by name."""
    one = functools.partial(augment.sample_image_set, transforms=NAMES, sample=SAMPLE)
    params = jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(0), 200))
    params = jax.device_get(params)
    return [jax.tree.map(lambda x, i=i: x[:, i], params) for i in range(len(NAMES))]


def test_shapes():
    params = augment.sample_image_set(jax.random.key(0), ("original", "flip", "color"))
    shapes = {name: x.shape for name, x in params._asdict().items()}
    assert shapes.pop("color") == (3, 3)
    assert shapes.pop("shift") == (3, 2)
    assert set(shapes.values()) == {(3,)}
    np.testing.assert_array_equal(params.flip, [False, True, False])


def test_original_is_the_identity_and_flip_mirrors_always():
    original, flip = draw()[:2]
    for field, value in augment.identity_params()._asdict().items():
        expected = np.broadcast_to(value, (200, *value.shape))
        np.testing.assert_array_equal(getattr(original, field), expected)
    assert flip.flip.all()
    jax.tree.map(np.testing.assert_array_equal, flip._replace(flip=original.flip), original)


@pytest.mark.parametrize(("name", "changed"), [("color", COLORS), ("affine", MOVES)])
def test_part_of_a_draw_leaves_the_rest_alone(name, changed):
    original, drawn = draw()[0], draw()[NAMES.index(name)]
    for field, values in drawn._asdict().items():
        same = values == getattr(original, field)
        assert same.mean() < 0.1 if field in changed else same.all(), field


def test_random_is_a_draw_of_everything():
    original, random, another = draw()[0], draw()[4], draw()[5]
    assert 0.3 < random.flip.mean() < 0.7
    for field in COLORS + MOVES:
        assert (getattr(random, field) != getattr(original, field)).mean() > 0.9
        assert (getattr(random, field) != getattr(another, field)).mean() > 0.9
    assert abs(random.shift).max() <= 8
    assert abs(random.angle).max() <= 5


def test_draws_come_from_the_given_function():
    def fixed(key):
        del key
        identity = augment.identity_params()
        return identity._replace(flip=~identity.flip, scale=2 * identity.scale)

    params = augment.sample_image_set(jax.random.key(0), NAMES, sample=fixed)
    np.testing.assert_array_equal(params.scale, [1, 1, 1, 2, 2, 2])
    np.testing.assert_array_equal(params.flip, [False, True, False, False, True, True])


def test_one_key_gives_one_set():
    first, same, other = (
        augment.sample_image_set(jax.random.key(seed), ("random", "color")) for seed in (1, 1, 2)
    )
    jax.tree.map(np.testing.assert_array_equal, first, same)
    assert (first.color != other.color).all()
    assert (first.color[0] != first.color[1]).all()


@pytest.mark.parametrize("transforms", [(), ("original", "rotate"), ("Flip",), "flip"], ids=str)
def test_no_member_or_an_unknown_one_is_refused(transforms):
    message = r"one or more of original, flip, color, affine, random, got \("
    with pytest.raises(ValueError, match=message):
        augment.sample_image_set(jax.random.key(0), transforms)
