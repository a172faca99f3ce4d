"""Resizing images and depth maps."""

import numpy as np
import pytest

from jaxdepth.data.images import (
    resize_depth,
    resize_image,
    resize_prediction,
)
from tests.interpolation import linear


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def area(new, old):
    """The matrix of averaging along one axis: the share of each new pixel in each old one."""
    edges = np.arange(new + 1) * old / new
    starts = np.maximum(edges[:-1, None], np.arange(old))
    ends = np.minimum(edges[1:, None], np.arange(old) + 1)
    return np.maximum(ends - starts, 0) * new / old


@pytest.mark.parametrize(
    "size", [(10, 15), (7, 11), (40, 60), (33, 47), (10, 60), (33, 11), (20, 30)]
)
def test_images_are_averaged_to_shrink_and_interpolated_to_grow(rng, size):
    image = rng.random((20, 30, 3), np.float32)
    rows, columns = (
        (area if new < old else linear)(new, old)
        for new, old in zip(size, image.shape[:2], strict=True)
    )
    expected = np.einsum("yi,xj,ijc->yxc", rows, columns, image)
    np.testing.assert_allclose(resize_image(image, size), expected, atol=2e-6)
    in_bytes = resize_image(np.rint(255 * image).astype(np.uint8), size)
    assert in_bytes.dtype == np.uint8
    np.testing.assert_allclose(in_bytes, 255 * expected, atol=2)


@pytest.mark.parametrize("size", [(10, 15), (7, 11), (40, 60), (33, 47), (20, 30)])
def test_predictions_are_interpolated(rng, size):
    depth = rng.random((20, 30), np.float32)
    expected = linear(size[0], 20) @ depth @ linear(size[1], 30).T
    np.testing.assert_allclose(resize_prediction(depth, size), expected, atol=1e-6)


@pytest.mark.parametrize("size", [(10, 15), (7, 11), (40, 60), (33, 47), (20, 30)])
def test_ground_truth_is_picked_at_pixel_centres(size):
    rows, columns = np.indices((20, 30))
    picked_rows, picked_columns = resize_depth(rows, size), resize_depth(columns, size)
    for picked, new, old in ((picked_rows[:, 0], size[0], 20), (picked_columns[0], size[1], 30)):
        centres = (np.arange(new) + 0.5) * old / new
        np.testing.assert_array_equal(picked, np.floor(centres + 1e-9))
    np.testing.assert_array_equal(picked_rows, picked_rows[:, :1] + 0 * picked_columns)


def test_thirds_are_picked_in_the_middle():
    # OpenCV's INTER_NEAREST would pick the corners 0, 3 and 6.
    np.testing.assert_array_equal(resize_depth(np.arange(9)[None], (1, 3)), [[1, 4, 7]])


def test_ground_truth_is_never_mixed(rng):
    depth = rng.choice(np.float32([0, 1, 5]), (20, 30))
    assert set(np.unique(resize_depth(depth, (33, 47)))) <= {0, 1, 5}
