"""Depth from stereo, on pairs of known disparity."""

import cv2
import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.readers.kitti import read_kitti_frame
from jaxdepth.data.stereo import stereo_depth
from jaxdepth.errors import DataError
from tests.data.readers import test_kitti
from tests.data.readers.fuzz import is_refused

FOCAL, BASELINE = 700.0, 0.5
SIZE = (120, 400)
BOX = 60.0
"""Disparity of a box before a wall that comes nearer towards the bottom of the image."""


def texture(seed):
    noise = np.random.default_rng(seed).normal(size=(SIZE[0], SIZE[1] + 100, 3))
    smooth = cv2.GaussianBlur(noise.astype(np.float32), (0, 0), 1.2)
    return np.clip(128 + 45 * smooth / smooth.std(), 0, 255)


@pytest.fixture(scope="module")
def pair():
    """Left and right view, disparity of the left, and what the right camera does not see of it."""
    row, column = np.indices(SIZE, dtype=np.float32)
    wall = 20 + row / 10  # all fractions of a pixel
    left, right = (
        cv2.remap(texture(0), column + shift, row, cv2.INTER_CUBIC) for shift in (0 * wall, wall)
    )
    height = (row >= 40) & (row < 80)
    in_left = height & (column >= 200) & (column < 260)
    in_right = height & (column >= 200 - BOX) & (column < 260 - BOX)
    box = texture(1)
    left[in_left] = box[:, : SIZE[1]][in_left]
    right[in_right] = box[:, int(BOX) : int(BOX) + SIZE[1]][in_right]
    there = column - wall
    covered = height & (there > 199.5 - BOX) & (there < 259.5 - BOX)
    left, right = (np.clip(np.rint(view), 0, 255).astype(np.uint8) for view in (left, right))
    return left, right, np.where(in_left, BOX, wall), ~in_left & (covered | (there < 0))


def test_depth_is_right_to_a_part_of_a_pixel(pair):
    left, right, disparity, hidden = pair
    depth = stereo_depth(left, right, focal=FOCAL, baseline=BASELINE)
    seen = (depth > 0) & ~hidden
    assert seen.sum() > 0.98 * (~hidden).sum()
    error = np.abs(FOCAL * BASELINE / depth[seen] - disparity[seen])
    assert np.median(error) < 0.15
    assert np.quantile(error, 0.99) < 0.5
    truth = FOCAL * BASELINE / disparity[seen]
    relative = np.abs(depth[seen] - truth) / truth
    assert np.quantile(relative, 0.99) < 0.5 / disparity.min()
    assert depth.dtype == np.float32


def test_what_one_camera_sees_is_left_empty(pair):
    left, right, _, hidden = pair
    depth = stereo_depth(left, right, focal=FOCAL, baseline=BASELINE)
    assert hidden.sum() > 3000
    assert (depth[hidden] > 0).mean() < 0.05


def test_columns_on_the_left_are_measured(pair):
    """From the disparity itself on, which is 24 at most above the box; the matcher omits 192."""
    left, right, *_ = pair
    seen = stereo_depth(left, right, focal=FOCAL, baseline=BASELINE)[:40] > 0
    assert seen[:, 30:190].mean() > 0.98
    assert seen[:, :15].mean() < 0.05


def test_twice_the_baseline_is_twice_the_depth(pair):
    left, right, *_ = pair
    near, far = (stereo_depth(left, right, focal=FOCAL, baseline=b) for b in (0.5, 1.0))
    np.testing.assert_allclose(far, 2 * near, rtol=1e-6)


@pytest.mark.parametrize("size", [(1, 5), (1, 300), (30, 6), (9, 11)])
def test_nothing_is_seen_in_flat_images(size):
    flat = np.full((*size, 3), 90, np.uint8)
    assert not stereo_depth(flat, flat, focal=FOCAL, baseline=BASELINE).any()


def test_images_of_two_sizes_or_too_narrow_are_refused(pair):
    left, right, *_ = pair
    for views in ((left, right[1:]), (left[:, :4], right[:, :4])):
        with pytest.raises(DataError, match="must be of one size, at least 5"):
            stereo_depth(*views, focal=FOCAL, baseline=BASELINE)


def test_kittis_depth_from_stereo_has_the_calibrated_baseline(tmp_path):
    """A wall 7 pixels of disparity away; between the cameras are (4.5 + 33.9) / 72 m."""
    image, _, _ = test_kitti.frame_folder(tmp_path)
    right = tmp_path / test_kitti.LISTED.image.replace("image_02", "image_03")
    right.parent.mkdir(parents=True)
    wall = (
        np.random.default_rng(0)
        .integers(0, 256, (test_kitti.SIZE[0], test_kitti.SIZE[1] + 7, 3))
        .astype(np.uint8)
    )
    Image.fromarray(wall[:, :-7]).save(image)
    Image.fromarray(wall[:, 7:]).save(right)
    frame = read_kitti_frame(tmp_path, test_kitti.LISTED, depth="stereo")
    seen = frame.depth > 0
    assert seen[:, 7:].mean() > 0.9
    np.testing.assert_allclose(frame.depth[seen], 72 * (38.4 / 72) / 7, rtol=0.5 / 7)
    np.testing.assert_array_equal(frame.image, wall[:, :-7])
    listed = test_kitti.LISTED._replace(
        image=test_kitti.LISTED.image.replace("image_02", "image_03")
    )
    with pytest.raises(DataError, match="of a left camera, image_00 or image_02, got image_03"):
        read_kitti_frame(tmp_path, listed, depth="stereo")
    Image.fromarray(wall).save(right)
    is_refused(
        lambda _: read_kitti_frame(tmp_path, test_kitti.LISTED, depth="stereo"),
        right,
        "must be 50x120",
    )
    Image.fromarray(wall[:, 7:]).save(right)
    file = tmp_path / test_kitti.DATE / "calib_cam_to_cam.txt"
    file.write_text(file.read_text().replace("-3.390000e+01", "3.390000e+01"))
    is_refused(
        lambda _: read_kitti_frame(tmp_path, test_kitti.LISTED, depth="stereo"),
        file,
        "to the right of",
    )
    right.unlink()
    is_refused(
        lambda _: read_kitti_frame(tmp_path, test_kitti.LISTED, depth="stereo"),
        right,
        "No such file",
    )
