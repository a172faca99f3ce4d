"""From the Kinect's raw depth to the colour camera's view, against planes seen by both."""

import functools

import cv2
import numpy as np
import pytest

from jaxdepth.data.images import read_depth, read_image
from jaxdepth.data.readers import nyu_camera
from jaxdepth.data.readers.nyu_camera import COLOR, DEPTH, ROTATION, SIZE, TRANSLATION

VALID = np.s_[44:471, 40:601]
"""Where projected depth is to be expected: rows 45 to 471 and columns 41 to 601, counted from 1, in
the toolbox's `get_projection_mask.m`."""


def matrix(camera):
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])


def raw_numbers(z):
    return 1092.5 - 351.3 / z


@functools.cache
def depth_camera_rays():
    """`[480, 640, 3]`, z = 1: where the distorted pixels of the depth camera look.

    OpenCV's distortion is inverted by iteration, and the ray is that of the undistorted pixel
    counted from 1, as the toolbox has it.
    """
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float64)
    target = np.stack([(columns - DEPTH.cx) / DEPTH.fx, (rows - DEPTH.cy) / DEPTH.fy], axis=-1)
    straight = target.copy()
    for _ in range(12):
        points = np.dstack([straight, np.ones(SIZE)]).reshape(-1, 3)
        bent, _ = cv2.projectPoints(
            points, np.zeros(3), np.zeros(3), np.eye(3), np.array(DEPTH.distortion)
        )
        straight += target - bent.reshape(*SIZE, 2)
    return np.dstack([straight + [1 / DEPTH.fx, 1 / DEPTH.fy], np.ones(SIZE)])


def plane_seen_by_depth_camera(normal, distance):
    """The z of points p with normal · p = distance, at the depth camera's distorted pixels."""
    return distance / (depth_camera_rays() @ normal)


def plane_seen_by_color_camera(normal, distance, rows, columns):
    """The depth camera's z of the plane at undistorted pixels (from 0) of the colour camera."""
    x, y = (columns + 1 - COLOR.cx) / COLOR.fx, (rows + 1 - COLOR.cy) / COLOR.fy
    rays = np.stack([x, y, np.ones(rows.shape)], axis=-1)
    # p = R' (s r - T) lies on the plane for one s, which is negative, as R turns everything round.
    directions, origin = rays @ ROTATION, -TRANSLATION @ ROTATION
    s = (distance - origin @ normal) / (directions @ normal)
    assert (s < 0).all()
    return (origin + s[..., None] * directions)[..., 2]


PLANES = {
    "front": ([0, 0, 1], 2.0),
    "far right": ([-0.6, 0, 1], 2.0),
    "far left": ([0.6, 0, 1], 2.0),
    "far bottom": ([0, -0.7, 1], 1.5),
    "far top": ([0, 0.7, 1], 1.5),
    "corner": ([0.4, 0.5, 1], 1.2),
}


@pytest.mark.parametrize("name", PLANES)
def test_a_plane_lands_within_half_a_pixel(name):
    normal, distance = np.array(PLANES[name][0], float), PLANES[name][1]
    raw = raw_numbers(plane_seen_by_depth_camera(normal, distance))
    raw[0, 0] = 2047  # the largest number of a frame stands for no measurement
    found = nyu_camera.project_raw_depth(raw)
    rows, columns = np.nonzero(found)
    found = found[rows, columns]
    truth = plane_seen_by_color_camera(normal, distance, rows, columns)
    by_column = plane_seen_by_color_camera(normal, distance, rows, columns + 1) - truth
    by_row = plane_seen_by_color_camera(normal, distance, rows + 1, columns) - truth
    assert rows.size > 230_000
    # Resampling numbers that are linear in 1 / z costs nothing on a plane but the lens's bending.
    bound = 0.5 * (np.abs(by_column) + np.abs(by_row)) * 1.02 + 2e-4 * truth
    assert (np.abs(found - truth) <= bound).all()
    if name.startswith("far"):  # rounding moves points either way: one pixel aside would not cancel
        slope = by_column if name in ("far right", "far left") else by_row
        assert abs(np.mean((found - truth) / slope)) < 0.1


def test_projected_depth_covers_the_area_where_the_toolbox_expects_it():
    raw = np.full(SIZE, raw_numbers(2.5))
    raw[0, 0] = 2047
    depth = nyu_camera.project_raw_depth(raw)
    assert (depth[VALID] > 0).mean() > 0.995
    rows, columns = np.nonzero(depth)
    assert 38 <= rows.min() <= 44
    assert 470 <= rows.max() <= 475
    assert 30 <= columns.min() <= 40
    assert 600 <= columns.max() <= 612


def test_of_points_that_meet_the_nearest_stays():
    z = np.full(SIZE, 3.0)
    z[200:280, 280:360] = 1.0
    raw = raw_numbers(z)
    raw[0, 0] = 2047
    depth = nyu_camera.project_raw_depth(raw)
    # The two cameras are 25 mm apart: the near square moves by 8 pixels more, onto the wall.
    near = np.argwhere((depth > 0) & (depth < 1.01))
    height, width = near.max(0) - near.min(0) + 1
    scale = COLOR.fx / DEPTH.fx
    assert abs(height - 80 * scale) < 3
    assert abs(width - 80 * scale) < 3
    top, left = near.min(0)
    inner = depth[top + 2 : top + height - 2, left + 2 : left + width - 2]
    assert inner[inner > 0].max() < 1.1
    assert depth[200, 100] == pytest.approx(3, rel=1e-5)


def test_raw_numbers_become_metres():
    raw = np.array([600, 900, 1000, 1057, 1058, 1092, 1093, 2047, np.nan])
    metres = nyu_camera.depth_from_raw(raw)
    expected = [351.3 / 492.5, 351.3 / 192.5, 351.3 / 92.5, 351.3 / 35.5, 10, 10, 0, 0, np.nan]
    np.testing.assert_allclose(metres, expected)


def test_no_measurement_leaves_no_depth_around_it():
    raw = np.full(SIZE, 900.0)
    raw[200:210, 300:310] = 2047
    depth = nyu_camera.project_raw_depth(raw)
    metres = 351.3 / 192.5
    # Mixed with 2047, a neighbour's number would be another depth.
    np.testing.assert_allclose(depth[depth > 0], metres, rtol=1e-5)
    assert 80 < (depth[VALID] == 0).sum() < 400
    # The toolbox calls numbers below 600 faulty, after it has mixed them with their neighbours.
    raw[100:200, 300:400] = 550
    depth = nyu_camera.project_raw_depth(raw)
    assert depth[depth > 0].min() > 351.3 / 492.5 - 1e-6


def test_a_frame_without_any_measurement_is_empty():
    assert not nyu_camera.project_raw_depth(np.full(SIZE, 2047, np.uint16)).any()


@pytest.mark.parametrize("camera", [COLOR, DEPTH])
def test_undistortion_is_opencvs(camera):
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    smooth = 100 + 50 * np.sin(columns / 40) * np.cos(rows / 30)
    picture = np.stack([smooth, 2 * smooth], axis=-1)
    x, y = cv2.initUndistortRectifyMap(
        matrix(camera), np.array(camera.distortion), None, matrix(camera), SIZE[::-1], cv2.CV_32FC1
    )
    expected = cv2.remap(smooth, x, y, cv2.INTER_LINEAR, borderValue=-1)
    found = nyu_camera.undistort(picture, camera, outside=-1)
    inside = (x > 0) & (x < SIZE[1] - 1.01) & (y > 0) & (y < SIZE[0] - 1.01)
    np.testing.assert_allclose(found[..., 0][inside], expected[inside], atol=0.05)
    np.testing.assert_allclose(found[..., 1][inside], 2 * found[..., 0][inside], rtol=1e-12)
    outside = (x < 0) | (x > SIZE[1] - 1) | (y < 0) | (y > SIZE[0] - 1)
    assert (found[outside] == -1).all()


@pytest.mark.real_data
def test_the_datasets_images_have_our_white_border(real_data):
    """Published images are undistorted: where the lens shows nothing, they are white, exactly."""
    border = (nyu_camera.undistort_image(np.zeros((*SIZE, 3), np.uint8)) == 255).all(-1)
    assert 10_000 < border.sum() < 20_000
    files = sorted(real_data.glob("nyu_*/rgb/*.png"))
    assert len(files) == 7
    stray = 0
    for file in files:
        white = (read_image(file) == 255).all(-1)
        assert white[border].all(), file
        beside = cv2.dilate(border.astype(np.uint8), np.ones((3, 3))).astype(bool) & ~border
        stray += (white & beside).sum()
    assert stray < 10  # of some 12,000: a border one pixel smaller or elsewhere would show


@pytest.mark.real_data
def test_the_datasets_raw_depth_begins_and_ends_where_ours_does(real_data):
    raw = np.full(SIZE, raw_numbers(2.5))
    raw[0, 0] = 2047
    ours = np.nonzero(nyu_camera.project_raw_depth(raw))[0]
    for file in sorted((real_data / "nyu_raw" / "depth").glob("*.png")):
        rows = np.nonzero(read_depth(file, scale=5000))[0]
        assert (rows.min(), rows.max()) == (ours.min(), ours.max())
