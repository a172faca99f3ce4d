"""Points and normals of depth maps, against a plain NumPy camera."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.ops import intrinsics_of_view, lambertian, surface_normals, unproject

K = (60.0, 62.0, 19.3, 14.8)


def rays(height=30, width=40, intrinsics=K):
    fx, fy, cx, cy = intrinsics
    y, x = np.mgrid[:height, :width]
    return np.stack([(x - cx) / fx, (y - cy) / fy, np.ones((height, width))], -1)


def plane(normal, offset, **camera):
    """Depth of the plane normal · X = offset."""
    return offset / (rays(**camera) @ np.asarray(normal))


def test_points_by_hand():
    depth = np.array([[2.0, 0.0, 4.0]])
    points = unproject(depth, (2.0, 1.0, 1.0, 0.5))
    np.testing.assert_allclose(points, [[[-1, -1, 2], [0, 0, 0], [2, -2, 4]]])


def test_points_against_numpy_and_projected_back(x64):
    depth = np.random.default_rng(0).uniform(0.5, 9, (2, 3, 30, 40))
    points = jax.jit(unproject)(depth, K)
    np.testing.assert_allclose(points[1, 2], rays() * depth[1, 2][..., None], rtol=1e-12)
    cameras = np.array([K, (50.0, 50.0, 20.0, 15.0), (90.0, 80.0, 1.0, 2.0)])
    points = jax.vmap(unproject)(depth[0], cameras)
    for one, z, camera in zip(points, depth[0], cameras, strict=True):
        np.testing.assert_allclose(one, rays(intrinsics=camera) * z[..., None], rtol=1e-12)
    x, y, z = np.moveaxis(np.asarray(unproject(depth[0, 0], K)), -1, 0)
    rows, columns = np.mgrid[:30, :40]
    np.testing.assert_allclose(K[0] * x / z + K[2], np.broadcast_to(columns, z.shape), atol=1e-12)
    np.testing.assert_allclose(K[1] * y / z + K[3], np.broadcast_to(rows, z.shape), atol=1e-12)


@pytest.mark.parametrize("normal", [(0, 0, -1), (0.3, -0.2, -0.9), (-0.6, 0.1, -0.5)])
def test_normals_of_planes_are_exact_up_to_the_border(normal, x64):
    normal = np.array(normal) / np.linalg.norm(normal)
    depth = plane(normal, -2.0)
    assert (depth > 0).all()
    actual = surface_normals(depth, K)
    np.testing.assert_allclose(actual, np.broadcast_to(normal, actual.shape), atol=1e-10)


def test_normals_of_a_sphere_point_from_its_centre(x64):
    centre, radius = np.array([0.1, -0.1, 4.0]), 1.5
    d = rays(120, 160, (400.0, 400.0, 80.0, 60.0))
    a, b, c = np.sum(d * d, -1), d @ centre, centre @ centre - radius**2
    depth = (b - np.sqrt(b * b - a * c)) / a
    assert np.isfinite(depth).all()
    expected = (d * depth[..., None] - centre) / radius
    actual = surface_normals(depth, (400.0, 400.0, 80.0, 60.0))
    inside = np.s_[1:-1, 1:-1]
    np.testing.assert_allclose(actual[inside], expected[inside], atol=1e-3)


@pytest.mark.parametrize("hole", [0.0, -1.0, np.nan, np.inf])
def test_a_hole_takes_the_normals_beside_it_and_no_others(hole):
    depth = plane((0.1, 0.1, -1), -2.0).astype(np.float32)
    whole = surface_normals(depth, K)
    depth[10, 20] = hole
    actual = surface_normals(depth, K)
    gone = np.zeros((30, 40), bool)
    gone[[10, 10, 10, 9, 11], [19, 20, 21, 20, 20]] = True
    np.testing.assert_array_equal(actual[gone], 0)
    np.testing.assert_array_equal(actual[~gone], whole[~gone])
    gradient = jax.grad(lambda z: jnp.sum(surface_normals(z, K)[..., 0]))(depth)
    assert np.isfinite(gradient).all()
    assert gradient[10, 20] == 0


def test_the_angle_of_view_is_along_the_longer_side():
    for size in ((480, 640), (640, 480)):
        fx, fy, cx, cy = intrinsics_of_view(size, 90.0)
        assert fx == fy == pytest.approx(320)
        assert (cy, cx) == (0.5 * (size[0] - 1), 0.5 * (size[1] - 1))
    for angle in (0, 180, float("nan")):
        with pytest.raises(ValueError, match="below 180 degrees"):
            intrinsics_of_view((480, 640), angle)


def test_lamberts_law():
    normals = np.array([[0, 0, -1], [0, 0, 1], [1, 0, 0], [0, 0, 0], [0, -0.6, -0.8]], np.float32)
    actual = lambertian(normals, light=(0, 0, -3), ambient=0.2)
    np.testing.assert_allclose(actual, [1, 0.2, 0.2, 0, 0.2 + 0.8 * 0.8], rtol=1e-6)
    assert lambertian(normals)[0] == pytest.approx(0.15 + 0.85 / np.sqrt(1.61), rel=1e-6)


def test_what_is_no_image_or_no_camera_is_refused():
    camera = jnp.array([50.0, 50.0, 2.0, 2.0])
    for depth, intrinsics, match in (
        (jnp.ones(4), camera, "at least one pixel"),
        (jnp.ones((4, 5)), camera[:3], "fx, fy, cx, cy"),
    ):
        with pytest.raises(ValueError, match=match):
            unproject(depth, intrinsics)
    with pytest.raises(ValueError, match="at least 2x2 pixels"):
        surface_normals(jnp.ones((1, 5)), camera)
