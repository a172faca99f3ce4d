"""Depth edges: what is a discontinuity, what is none, and what lies near one."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from jaxdepth.metrics import (
    MetricAccumulator,
    depth_edges,
    depth_metrics,
    metric_sums,
    near_edges,
)

ACROSS = np.array([[1.0, 1, 1, 1, 2, 2, 2, 2]])


def plane(height=60, width=80, *, normal, offset, focal=60.0):
    """Depth of the plane normal · X = offset before a camera; 0 where it is behind it."""
    y, x = np.mgrid[:height, :width]
    rays = np.stack([(x - width / 2) / focal, (y - height / 2) / focal, np.ones_like(x)], -1)
    with np.errstate(divide="ignore"):
        depth = offset / (rays @ np.asarray(normal, float))
    return np.where(np.isfinite(depth) & (depth > 0), depth, 0)


def count(depth, **options):
    return sum(int(np.sum(edges)) for edges in depth_edges(np.asarray(depth), **options))


def test_a_step_lies_between_two_pixels():
    across, down = depth_edges(ACROSS)
    np.testing.assert_array_equal(across, [[0, 0, 0, 1, 0, 0, 0]])
    assert down.shape == (0, 8)
    across, down = depth_edges(ACROSS.T)
    np.testing.assert_array_equal(down, [[0], [0], [0], [1], [0], [0], [0]])
    assert across.shape == (8, 0)


def test_the_ratio_of_depths_decides_whatever_their_unit():
    for scale in (1e-3, 1.0, 1000.0):
        for far, expected in ((1.11, 1), (1.09, 0)):
            row = scale * np.array([[1.0] * 4 + [far] * 4])
            assert count(row) == count(row[:, ::-1]) == expected
            assert count(row, ratio=1.2) == 0


@pytest.mark.parametrize(
    ("normal", "offset"),
    [
        ((0, 1, 0), 1.5),  # a floor, up to its horizon
        ((0, -1, 0), 1.0),  # a ceiling
        ((1, 0, 0.02), 2.0),  # a wall seen at a grazing angle
        ((0.7, 0.7, 0.83), 1.0),
        ((0, 0, 1), 3.0),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_planes_have_no_edges_however_slanted(normal, offset, dtype):
    depth = plane(normal=normal, offset=offset).astype(dtype)
    assert depth.any()
    steep = np.concatenate(
        [
            np.abs(np.diff(np.log(np.where(depth > 0, depth, np.nan)), axis=a)).ravel()
            for a in (0, 1)
        ]
    )
    if normal[2] < 1:
        assert np.nanmax(steep) > np.log(1.3)  # the ratio alone would call it an edge
    assert count(depth) == 0


def test_a_crease_between_planes_is_no_edge_and_an_occlusion_is():
    floor = plane(normal=(0, 1, 0), offset=1.5)
    wall = plane(normal=(1, 0, 0.05), offset=2.0)
    back = plane(normal=(0, 0, 1), offset=10.0)
    walls = [np.where(p > 0, p, np.inf) for p in (floor, wall, back)]
    room = np.minimum.reduce(walls)
    assert np.max(np.abs(np.diff(np.log(room), axis=0))) > np.log(1.1)
    assert count(room) == 0
    box = room.copy()
    box[30:45, 20:35] = 1.0
    across, down = depth_edges(box)
    assert across[30:45, 19].all()
    assert across[30:45, 34].all()
    assert down[29, 20:35].all()
    assert down[44, 20:35].all()
    assert np.sum(across) + np.sum(down) == 60


def test_a_step_between_slanted_surfaces_is_measured_from_their_slopes():
    floor = plane(normal=(0, 1, 0), offset=1.5)
    floor[:, 40:] *= 1.3  # a stair, seen from above
    across, down = depth_edges(floor)
    assert across[31:, 39].all()
    assert np.sum(across) == len(across[31:])
    assert not down.any()


@pytest.mark.parametrize("between", [[], [1.5], [1.25, 1.6]])
def test_an_edge_spread_by_interpolation_is_still_one(between):
    row = np.array([[1.0] * 5 + between + [2.0] * 5])
    assert count(row) >= 1
    assert count(row[:, ::-1]) == count(row)


def test_a_pole_a_pixel_wide_has_two_edges_and_a_fence_all():
    pole = np.array([[4.0] * 5 + [1.0] + [4.0] * 5])
    assert count(pole) == 2
    assert count(np.array([[4.0, 1.0] * 5])) == 9


def test_holes_have_no_edges_and_hide_none_beside_them():
    for hole in (0.0, -1.0, np.nan, np.inf):
        row = ACROSS.copy()
        row[0, 3] = hole
        assert count(row) == 0  # the step lies somewhere in the hole
        row = ACROSS.copy()
        row[0, [2, 5]] = hole
        assert count(row) == 1


def test_near_is_the_euclidean_distance_from_the_step():
    rng = np.random.default_rng(0)
    depth = np.where(ndimage.gaussian_filter(rng.normal(size=(50, 70)), 6) > 0, 2.0, 1.0)
    depth[rng.random(depth.shape) < 0.02] = 0
    across, down = depth_edges(depth)
    assert across.any()
    assert down.any()
    # On a grid of half pixels steps have places of their own.
    grid = np.ones((2 * 50 - 1, 2 * 70 - 1), bool)
    grid[::2, 1::2] &= ~across
    grid[1::2, ::2] &= ~down
    for distance in (0.5, 1.0, 3.0, 4.2):
        expected = ndimage.distance_transform_edt(grid)[::2, ::2] / 2 <= distance
        np.testing.assert_array_equal(near_edges(depth, distance=distance), expected)
    assert 0 < near_edges(depth).mean() < 1


def test_three_pixels_on_either_side():
    depth = np.ones((9, 20))
    depth[:, 10:] = 2
    near = near_edges(depth)
    np.testing.assert_array_equal(np.flatnonzero(near[4]), np.arange(7, 13))
    assert near.all(axis=0)[7:13].all()
    np.testing.assert_array_equal(near_edges(depth.T), near.T)


def test_jax_and_numpy_and_leading_axes_agree():
    rng = np.random.default_rng(1)
    depth = rng.choice([0.0, 1.0, 1.05, 2.0], (2, 3, 12, 15)).astype(np.float32)
    expected = near_edges(depth)
    assert isinstance(expected, np.ndarray)
    np.testing.assert_array_equal(expected[1, 2], near_edges(depth[1, 2]))
    actual = jax.jit(near_edges)(depth)
    assert isinstance(actual, jax.Array)
    np.testing.assert_array_equal(actual, expected)
    np.testing.assert_array_equal(jax.jit(jax.vmap(jax.vmap(near_edges)))(depth), expected)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (2, 2)])
def test_the_smallest_images(shape):
    assert not near_edges(np.ones(shape)).any()
    assert near_edges(np.ones(shape)).shape == shape


def test_it_is_a_mask_for_every_metric_and_accumulator():
    target = np.ones((8, 20))
    target[:, 10:] = 3
    pred = target + 0.1
    pred[:, 7:13] += 0.4  # blurred or displaced: worse near the edge
    near = near_edges(target)
    np.testing.assert_allclose(depth_metrics(pred, target, near)["mae"], 0.5)
    np.testing.assert_allclose(depth_metrics(pred, target, ~near)["mae"], 0.1)
    accumulator = MetricAccumulator(average="images")
    for pair in ((pred, target), (pred, np.ones_like(pred))):
        accumulator.update(metric_sums(*pair, near_edges(pair[1])))
    assert (accumulator.images, accumulator.empty_images) == (1, 1)
    np.testing.assert_allclose(accumulator.compute()["mae"], 0.5)


def test_options_out_of_range_are_refused():
    for ratio in (1.0, 0.9, float("nan")):
        with pytest.raises(ValueError, match="ratio must be above 1"):
            depth_edges(ACROSS, ratio=ratio)
    for distance in (0.0, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=r"at least 0\.5 pixels"):
            near_edges(ACROSS, distance=distance)


@pytest.mark.real_data
def test_edges_of_real_depth_are_few_and_hardly_depend_on_its_quantisation(real_data):
    for file in sorted((real_data / "nyu_filled" / "depth").glob("*.png")):
        depth = np.asarray(Image.open(file))[44:471, 40:601] / np.float32(1000)
        near = near_edges(depth)
        assert 0.001 < near.mean() < 0.2
        centimetres = np.round(depth, 2)
        assert np.mean(near_edges(centimetres) != near) < 0.02


def test_under_a_gradient_it_is_a_constant():
    target = jnp.asarray(np.repeat(ACROSS, 4, axis=0))

    def loss(pred):
        return depth_metrics(pred, target, near_edges(target))["mae"]

    gradient = jax.jit(jax.grad(loss))(target + 1)
    np.testing.assert_allclose(np.sum(gradient), 1, rtol=1e-6)
