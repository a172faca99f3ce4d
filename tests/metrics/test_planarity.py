"""Planarity errors, by hand and against a plane fitted by NumPy's singular value decomposition."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.metrics import planarity_errors

K = np.array([60.0, 62.0, 19.3, 14.8])
Y, X = np.mgrid[:30, :40]
RAYS = np.stack([(X - K[2]) / K[0], (Y - K[3]) / K[1], np.ones(X.shape)], -1)
ALL = np.ones(X.shape, bool)


def plane(normal, offset=-2.0):
    return offset / (RAYS @ np.asarray(normal, float))


def reference(pred, target, mask, normal):
    """Flatness and orientation, float64."""
    p = pred[mask] * np.median(target[mask]) / np.median(pred[mask])
    points = RAYS[mask] * p[:, None]
    points -= points.mean(axis=0)
    _, values, axes = np.linalg.svd(points, full_matrices=False)
    cosine = abs(axes[2] @ normal) / np.linalg.norm(normal)
    return values[2] / np.sqrt(len(points)), np.degrees(np.arccos(min(cosine, 1)))


@pytest.mark.parametrize("scale", [1.0, 0.5, 7.0])
def test_a_plane_at_any_scale_is_flat_and_right(scale, x64):
    normal = (0.4, 0.1, -0.9)
    errors = planarity_errors(scale * plane(normal), plane(normal), ALL, np.array(normal), K)
    np.testing.assert_allclose(errors, 0, atol=1e-6)


def test_a_turned_plane_by_hand(x64):
    for degrees in (10.0, 33.0):
        turned = (np.sin(np.radians(degrees)), 0.0, -np.cos(np.radians(degrees)))
        for sign in (1, -1):
            normal = sign * np.array([0.0, 0.0, 3.0])
            errors = planarity_errors(plane(turned), plane((0.0, 0, -1)), ALL, normal, K)
            np.testing.assert_allclose(errors.orientation, degrees, atol=1e-6)
            np.testing.assert_allclose(errors.flatness, 0, atol=1e-9)


def test_a_corrugated_wall_by_hand(x64):
    # Columns alternate by ±1 cm about 2 m, each as often: a standard deviation of 1 cm.
    pred = 2 + 0.01 * (-1.0) ** X
    errors = planarity_errors(pred, np.full(X.shape, 2.0), ALL, np.array([0.0, 0, 1]), K)
    np.testing.assert_allclose(errors.flatness, 0.01, rtol=1e-2)
    assert errors.orientation < 0.1


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float32, 1e-3), (np.float64, 1e-9)])
def test_against_numpy(dtype, rtol, x64):
    rng = np.random.default_rng(0)
    normal = np.array([0.2, 0.9, -0.3])
    target = np.abs(plane(normal))
    mask = (target > 1) & (target < 20)
    pred = 1.3 * target * rng.uniform(0.9, 1.1, X.shape) + 0.02 * X
    arrays = [a.astype(dtype) for a in (pred, target)]
    actual = jax.jit(planarity_errors)(*arrays, mask, normal.astype(dtype), K.astype(dtype))
    np.testing.assert_allclose(actual, reference(pred, target, mask, normal), rtol=rtol)


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -1.0, 0.0, 1e30])
def test_what_is_outside_the_plane_changes_nothing(garbage):
    normal = jnp.array([0.0, 0.0, 1.0])
    target = np.full(X.shape, 2, np.float32)
    pred = target + np.float32(0.01) * (X % 3)
    mask = Y > 12
    expected = planarity_errors(pred, target, mask, normal, K)
    with_garbage = np.where(mask, pred, garbage), np.where(mask, target, garbage)
    actual = planarity_errors(*with_garbage, mask, normal, K)
    np.testing.assert_array_equal(actual, expected)
    if garbage < 1:  # no measurement: no pixel of the plane, whatever the mask says
        np.testing.assert_array_equal(
            planarity_errors(*with_garbage, ALL, normal, K, min_share=0.5), expected
        )


def test_too_little_of_a_plane_has_no_errors():
    depth, normal = np.full(X.shape, 2.0, np.float32), np.array([0.0, 0, 1])
    small = (Y < 3) & (X < 19)  # 57 of 1,200 pixels
    assert np.isnan(planarity_errors(depth, depth, small, normal, K)).all()
    assert not np.isnan(planarity_errors(depth, depth, small, normal, K, min_share=0.04)).any()
    assert np.isnan(planarity_errors(depth, depth, Y < 0, normal, K, min_share=0)).all()


def test_several_planes_by_vmap():
    depth = np.abs(plane((0.0, 0.1, -1))).astype(np.float32)
    masks, normals = np.stack([Y < 15, Y >= 15]), np.array([[0, 0.1, -1], [0, 0, -1]])
    errors = jax.vmap(planarity_errors, (None, None, 0, 0, None))(depth, depth, masks, normals, K)
    np.testing.assert_allclose(errors.orientation, [0, np.degrees(np.arctan(0.1))], atol=0.05)
