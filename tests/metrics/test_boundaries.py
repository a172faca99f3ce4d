"""Depth boundary errors, by hand and against distances measured one pair at a time."""

import numpy as np
import pytest
from scipy import ndimage

from jaxdepth.metrics import boundary_errors, near_edges
from jaxdepth.metrics.boundaries import _canny


def step(column=20, size=(40, 48)):
    depth = np.ones(size)
    depth[:, column:] = 3
    return depth


def edges_of(depth):
    return near_edges(depth, distance=0.5)


def blobs(seed, size=(60, 80)):
    noise = np.random.default_rng(seed).normal(size=size)
    return np.where(ndimage.gaussian_filter(noise, 7) > 0, 4.0, 1.5)


@pytest.mark.parametrize("shift", [0, 1, 4, 8])
def test_a_shifted_step_is_as_far_as_it_was_shifted(shift):
    # True edges are columns 19 and 20; a detector marks one or both of those of the prediction.
    errors = boundary_errors(np.roll(step(), shift, axis=1)[:, 10:], edges_of(step())[:, 10:])
    assert errors.accuracy == pytest.approx(max(shift - 0.5, 0), abs=0.5)
    assert errors.completeness == pytest.approx(max(shift, 0.5), abs=0.5)


def test_edges_out_of_reach_are_ignored_and_their_lack_is_cut_off():
    truth = edges_of(step(12))
    missed = boundary_errors(step(36), truth)
    assert missed == (10, 10)
    assert boundary_errors(np.full((40, 48), 2.0), truth) == (10, 10)  # no edge at all
    assert boundary_errors(step(36), truth, max_distance=30).accuracy == pytest.approx(24, abs=1)


def test_without_a_true_edge_there_is_nothing_to_measure():
    assert np.isnan(boundary_errors(step(), np.zeros((40, 48), bool))).all()


def test_against_every_pair_of_pixels():
    pred, truth = blobs(0), edges_of(blobs(1))
    predicted = _canny(pred, np.ones(pred.shape, bool))
    apart = np.linalg.norm(
        np.argwhere(predicted)[:, None] - np.argwhere(truth)[None].astype(float), axis=-1
    )
    to_true, to_predicted = apart.min(axis=1), apart.min(axis=0)
    assert (to_true >= 10).any()
    actual = boundary_errors(pred, truth)
    np.testing.assert_allclose(actual.accuracy, to_true[to_true < 10].mean())
    np.testing.assert_allclose(actual.completeness, np.minimum(to_predicted, 10).mean())


def test_blur_leaves_edges_in_place_and_scale_changes_nothing():
    depth = blobs(2)
    sharp = boundary_errors(depth, edges_of(depth))
    assert sharp.accuracy < 0.2
    assert sharp.completeness < 0.7
    scaled = boundary_errors(1000 * depth.astype(np.float32), edges_of(depth))
    np.testing.assert_allclose(scaled, sharp)
    blurred = boundary_errors(ndimage.gaussian_filter(depth, 4), edges_of(depth))
    assert blurred.completeness > sharp.completeness


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -1.0, 0.0, 1e9])
def test_what_is_under_the_mask_changes_nothing(garbage):
    depth, mask = blobs(3), np.ones((60, 80), bool)
    mask[20:35, 30:60] = False
    expected = boundary_errors(depth, edges_of(depth), mask)
    pred, edges = depth.copy(), edges_of(depth)
    pred[~mask], edges[~mask] = garbage, True
    assert boundary_errors(pred, edges, mask) == expected
    if not garbage > 0 or np.isinf(garbage):
        assert boundary_errors(pred, edges) == expected


def test_wrong_input_is_refused():
    with pytest.raises((AssertionError, TypeError)):
        boundary_errors(step(), edges_of(step())[1:])
    with pytest.raises(ValueError, match="above 0 pixels"):
        boundary_errors(step(), edges_of(step()), max_distance=0)
