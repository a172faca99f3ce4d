"""Fills of depth, each against its definition written pixel by pixel."""

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

from jaxdepth.data.fills import fill_colorization, fill_cross_bilateral
from jaxdepth.data.images import read_depth, read_image
from jaxdepth.errors import DataError


def reference(image, depth):
    """The definition, pixel by pixel, solved directly in float64."""
    height, width = depth.shape
    grey = (
        image[..., 0] / 255 * 0.2989 + image[..., 1] / 255 * 0.5870 + image[..., 2] / 255 * 0.1140
    )
    largest = depth.max()
    matrix = sparse.lil_array((depth.size, depth.size))
    right = np.zeros(depth.size)
    for i in range(height):
        for j in range(width):
            near = [
                (p, q)
                for p in range(max(i - 1, 0), min(i + 2, height))
                for q in range(max(j - 1, 0), min(j + 2, width))
                if (p, q) != (i, j)
            ]
            squares = np.array([(grey[p, q] - grey[i, j]) ** 2 for p, q in near])
            spread = 0.6 * np.var([grey[i, j], *(grey[p, q] for p, q in near)])
            spread = max(spread, -squares.min() / np.log(0.01), 2e-6)
            weights = np.exp(-squares / spread)
            weights /= weights.sum()
            row = i * width + j
            known = depth[i, j] > 0
            matrix[row, row] = 1 + known
            right[row] = known * depth[i, j] / largest
            for (p, q), weight in zip(near, weights, strict=True):
                matrix[row, p * width + q] = -weight
    return spsolve(matrix.tocsc(), right).reshape(depth.shape) * largest


def scene(size, holes, seed=0):
    rng = np.random.default_rng(seed)
    row, column = np.mgrid[: size[0], : size[1]]
    left = column < 0.6 * size[1] - 0.2 * row
    image = np.where(left[..., None], [200, 40, 60], [30, 90, 160]) + rng.normal(0, 4, (*size, 3))
    depth = np.where(left, 2 + row / 50, 5 - column / 90).astype(np.float32)
    depth[rng.random(size) < holes] = 0
    return np.clip(image, 0, 255).astype(np.uint8), depth


@pytest.mark.parametrize("holes", [0.0, 0.3, 0.98])
@pytest.mark.parametrize("size", [(24, 31), (1, 9), (9, 1), (2, 2)])
def test_it_is_the_toolboxs_system(size, holes):
    image, depth = scene(size, holes)
    depth[0, 0] = 2
    filled = fill_colorization(image, depth)
    assert filled.dtype == np.float32
    np.testing.assert_allclose(filled, reference(image, depth), rtol=1e-5)


def test_a_flat_image_and_one_of_saturated_noise():
    rng = np.random.default_rng(0)
    _, depth = scene((12, 15), 0.5)
    for image in (np.full((12, 15, 3), 7), rng.choice([0, 255], (12, 15, 3))):
        image = image.astype(np.uint8)
        np.testing.assert_allclose(
            fill_colorization(image, depth), reference(image, depth), rtol=1e-5
        )


def test_a_hole_takes_the_depth_of_its_side_of_the_edge():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, 20:] = 220
    depth = np.where(np.arange(40) < 20, 1.0, 4.0) * np.ones((40, 1))
    depth[10:30, 14:26] = 0
    filled = fill_colorization(image, depth)
    np.testing.assert_allclose(filled[20, 14:20], 1, atol=0.1)
    np.testing.assert_allclose(filled[20, 20:26], 4, atol=0.1)


def test_nothing_but_measurements_counts():
    image, depth = scene((12, 15), 0.4)
    other = depth.copy()
    rng = np.random.default_rng(1)
    other[depth == 0] = rng.choice([np.nan, np.inf, -np.inf, -3.0, 0.0], (depth == 0).sum())
    np.testing.assert_array_equal(fill_colorization(image, depth), fill_colorization(image, other))


def test_one_measurement_fills_the_frame():
    image, depth = scene((20, 30), 0.0)
    depth[...] = 0
    depth[7, 9] = 3.5
    np.testing.assert_allclose(fill_colorization(image, depth), 3.5, rtol=1e-5)
    pixel = fill_colorization(np.zeros((1, 1, 3), np.uint8), np.full((1, 1), 2.5, np.float32))
    assert pixel.tolist() == [[2.5]]


def test_what_cannot_be_filled_is_refused():
    image, depth = scene((4, 5), 0.0)
    for fill in (fill_colorization, fill_cross_bilateral):
        with pytest.raises(DataError, match=r"must have a measurement .* all 20 pixels"):
            fill(image, np.where(depth > 0, np.nan, 0))
        with pytest.raises(DataError, match="must be of one size"):
            fill(image, depth[1:])
    with pytest.raises(DataError, match=r"must have a measurement .* all 20 pixels"):
        fill_cross_bilateral(image, np.full_like(depth, 10))


@pytest.mark.real_data
def test_a_real_frame_is_filled_within_its_range(real_data):
    image = read_image(real_data / "nyu_raw" / "rgb" / "000464.png")
    depth = read_depth(real_data / "nyu_raw" / "depth" / "000464.png", scale=5000)
    crop = np.s_[200:320, 100:260]
    image, depth = image[crop], depth[crop]
    known = depth > 0
    assert 0.2 < known.mean() < 0.95
    filled = fill_colorization(image, depth)
    np.testing.assert_allclose(filled, reference(image, depth), rtol=1e-4)
    assert filled.min() >= 0.99 * depth[known].min()
    assert filled.max() <= 1.01 * depth.max()
    assert np.median(np.abs(filled - depth)[known]) < 0.01


def cross_bilateral_reference(image, depth):
    """A quarter, half and full resolution in turn, by loops."""
    height, width = depth.shape
    grey = np.rint(image.astype(float) @ [0.2989, 0.5870, 0.1140]) / 255
    above = {}
    for level, (sigma_space, sigma_grey) in ((2, (8, 0.02)), (1, (5, 0.08)), (0, (12, 0.2))):
        rows, columns = height // 2**level, width // 2**level
        values, light, holes = {}, {}, []
        for i in range(rows):
            for j in range(columns):
                p, q = i * height // rows, j * width // columns
                light[i, j] = grey[p, q]
                if depth[p, q] not in (0, 10):
                    values[i, j] = depth[p, q]
                    continue
                holes.append((i, j))
                coarse = (i * (rows // 2) // rows, j * (columns // 2) // columns)
                if coarse in above:
                    values[i, j] = above[coarse]
        result = {place: value for place, value in values.items() if place not in holes}
        for i, j in holes:
            weights = {
                (p, q): np.exp(-((p - i) ** 2 + (q - j) ** 2) / (2 * sigma_space**2))
                * np.exp(-((light[p, q] - light[i, j]) ** 2) / (2 * sigma_grey**2))
                for p in range(i - 5, i + 6)
                for q in range(j - 5, j + 6)
                if (p, q) in values
            }
            if sum(weights.values()) > 0:
                total = sum(weight * values[place] for place, weight in weights.items())
                result[i, j] = total / sum(weights.values())
        above = result
    filled = np.zeros(depth.shape)
    for place, value in above.items():
        filled[place] = value
    return filled


@pytest.mark.parametrize("holes", [0.0, 0.3, 0.98])
@pytest.mark.parametrize("size", [(24, 32), (29, 43)])
def test_it_is_the_toolboxs_cross_bilateral_filter(size, holes):
    image, depth = scene(size, holes)
    depth[0, 0], depth[5:9, 7:20] = 2, 10
    filled = fill_cross_bilateral(image, depth)
    assert filled.dtype == np.float32
    np.testing.assert_allclose(filled, cross_bilateral_reference(image, depth), rtol=1e-5)
    known = (depth > 0) & (depth < 10)
    np.testing.assert_array_equal(filled[known], depth[known])


def test_its_holes_take_the_depth_of_their_side_of_the_edge():
    image = np.zeros((40, 40, 3), np.uint8)
    image[:, 20:] = 220
    depth = np.where(np.arange(40) < 20, 1.0, 4.0) * np.ones((40, 1))
    depth[10:30, 14:26] = np.nan
    filled = fill_cross_bilateral(image, depth)
    np.testing.assert_allclose(filled[20, 14:20], 1, atol=0.05)
    np.testing.assert_allclose(filled[20, 20:26], 4, atol=0.05)


def test_what_is_far_from_measurements_stays_empty():
    image, depth = scene((10, 120), 0.0)
    depth[:, 10:] = 0
    filled = fill_cross_bilateral(np.zeros_like(image), depth)
    assert (filled[:, :40] > 0).all()
    assert not filled[:, 50:].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2)])
def test_small_maps_are_filled_too(size):
    image, depth = scene(size, 0.0)
    depth.ravel()[1:] = 0
    np.testing.assert_allclose(fill_cross_bilateral(np.zeros_like(image), depth), 2, rtol=1e-6)
