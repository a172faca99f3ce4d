"""Chamfer distance and F-score, by hand and against all pairs."""

import numpy as np
import pytest

from jaxdepth.metrics import cloud_scores


def test_by_hand():
    pred = np.array([[0.0, 0, 0], [0, 0, 1], [5, 0, 0]])
    target = np.array([[0.0, 0, 0.03], [0, 0, 1.07]])
    # To the target 0.03, 0.07 and 4.999…; to the prediction 0.03 and 0.07.
    far = np.hypot(5, 0.03)
    scores = cloud_scores(pred, target)
    np.testing.assert_allclose(scores.chamfer, ((0.1 + far) / 3 + 0.05) / 2)
    np.testing.assert_allclose(scores.f_scores[0.05], (1 / 3, 1 / 2, 0.4))
    np.testing.assert_allclose(scores.f_scores[0.1], (2 / 3, 1, 0.8))


def test_against_all_pairs_and_swapped():
    rng = np.random.default_rng(0)
    pred, target = rng.uniform(0, 1, (300, 3)), rng.uniform(0, 1, (200, 3))
    apart = np.linalg.norm(pred[:, None] - target[None], axis=-1)
    near, back = apart.min(1), apart.min(0)
    scores, swapped = cloud_scores(pred, target), cloud_scores(target, pred)
    np.testing.assert_allclose(scores.chamfer, (near.mean() + back.mean()) / 2)
    assert swapped.chamfer == scores.chamfer
    for t, one in scores.f_scores.items():
        p, r = (near < t).mean(), (back < t).mean()
        np.testing.assert_allclose(one, (p, r, 2 * p * r / (p + r)))
        np.testing.assert_allclose(swapped.f_scores[t], (r, p, one.f))


def test_thresholds_are_strict_and_nothing_near_is_zero():
    scores = cloud_scores(np.zeros((1, 3)), np.array([[0.0, 0, 0.5]]), thresholds=(0.5, 0.6))
    assert scores.f_scores == {0.5: (0, 0, 0), 0.6: (1, 1, 1)}


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf])
def test_points_that_are_none_change_nothing(garbage):
    rng = np.random.default_rng(1)
    pred, target = rng.normal(size=(20, 3)), rng.normal(size=(30, 3))
    expected = cloud_scores(pred, target)
    assert cloud_scores(np.vstack([pred, [[0, garbage, 0]]]), target) == expected
    assert cloud_scores(pred, np.vstack([[[garbage] * 3], target])) == expected


def test_an_empty_cloud_has_no_scores():
    scores = cloud_scores(np.empty((0, 3)), np.zeros((4, 3)))
    assert np.isnan(scores.chamfer)
    assert all(np.isnan(f).all() for f in scores.f_scores.values())


def test_some_points_stand_for_all_with_all_as_neighbours():
    points = np.zeros((1001, 3))
    points[:, 0] = np.arange(1001)
    assert cloud_scores(points, points, max_queries=10).chamfer == 0
    moved = points + [0, 0.02, 0]
    np.testing.assert_allclose(cloud_scores(moved, points, max_queries=7).chamfer, 0.02)
    with pytest.raises(ValueError, match="at least 1"):
        cloud_scores(points, points, max_queries=0)


def test_far_neighbours_in_a_large_cloud_are_right_to_a_cube_and_stray_points_count():
    rng = np.random.default_rng(2)
    sheet = np.append(rng.uniform(-1, 1, (30_000, 2)), np.full((30_000, 1), 3.0), axis=1)
    stray = np.array([[0.0, 0, 1.5], [0.5, 0.5, 1e7]])
    target = np.vstack([sheet, stray])
    pred = np.append(rng.uniform(-1, 1, (100, 2)), np.ones((100, 1)), axis=1)
    exact = [np.linalg.norm(target - p, axis=1).min() for p in pred]
    assert min(exact) < 1 < max(exact)  # some see the stray point, some the sheet
    back = [np.linalg.norm(pred - g, axis=1).min() for g in target]
    scores = cloud_scores(pred, target, max_queries=len(target))
    expected = (np.mean(exact) + np.mean(back)) / 2
    assert expected <= scores.chamfer < expected + 0.02 * 3**0.5 / 2


def test_noise_brings_a_surface_nearer_that_lies_beside_the_true_one():
    x, y = np.meshgrid(np.linspace(0, 1, 60), np.linspace(0, 1, 60))
    target = np.stack([x, y, np.full_like(x, 3)], axis=-1).reshape(-1, 3)
    beside = target + [0, 0, 0.2]
    noisy = beside + [0, 0, 1] * np.random.default_rng(0).normal(0, 0.2, (len(beside), 1))
    assert np.linalg.norm(noisy - target) > 1.3 * np.linalg.norm(beside - target)
    smooth, rough = (cloud_scores(points, target) for points in (beside, noisy))
    assert rough.chamfer < 0.9 * smooth.chamfer
    assert rough.f_scores[0.1].f > 0.3 > smooth.f_scores[0.1].f == 0
