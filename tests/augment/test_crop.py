"""Random windows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth import augment

INDEX = np.arange(6 * 8, dtype=np.float32).reshape(6, 8)
IMAGE = np.stack([INDEX, INDEX + 0.25, INDEX + 0.5], axis=-1)


def crop(key, *arrays, size):
    return jax.device_get(
        jax.jit(augment.random_crop, static_argnames="size")(key, *arrays, size=size)
    )


def test_all_arrays_get_the_same_window():
    image, depth, mask = crop(jax.random.key(0), IMAGE, INDEX, INDEX > 20, size=(3, 4))
    assert (image.shape, depth.shape, mask.shape) == ((3, 4, 3), (3, 4), (3, 4))
    np.testing.assert_array_equal(image[..., 0], depth)
    np.testing.assert_array_equal(mask, depth > 20)
    row, column = divmod(int(depth[0, 0]), 8)
    np.testing.assert_array_equal(depth, INDEX[row : row + 3, column : column + 4])


def test_every_place_is_possible_under_vmap():
    keys = jax.random.split(jax.random.key(1), 600)
    (crops,) = jax.jit(
        jax.vmap(lambda key: augment.random_crop(key, jnp.asarray(INDEX), size=(4, 5)))
    )(keys)
    corners, counts = np.unique(np.asarray(crops)[:, 0, 0], return_counts=True)
    np.testing.assert_array_equal(corners, INDEX[:3, :4].ravel())
    assert counts.min() > 25  # 50 expected


def test_whole_frame():
    (whole,) = crop(jax.random.key(2), IMAGE, size=(6, 8))
    np.testing.assert_array_equal(whole, IMAGE)


@pytest.mark.parametrize("size", [(7, 8), (6, 9), (0, 4)])
def test_windows_that_do_not_fit_are_refused(size):
    with pytest.raises(ValueError, match="must fit"):
        crop(jax.random.key(0), IMAGE, size=size)


def test_arrays_of_different_frames_are_refused():
    with pytest.raises((ValueError, TypeError)):
        crop(jax.random.key(0), IMAGE, INDEX[:5], size=(2, 2))
    with pytest.raises(ValueError, match="one height and width"):
        crop(jax.random.key(0), size=(2, 2))
