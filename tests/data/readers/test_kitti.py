"""KITTI: calibration text, scans, their projection, annotated depth."""

import cv2
import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.images import read_image
from jaxdepth.data.readers.kitti import (
    project_velodyne,
    read_annotated_depth,
    read_kitti_frame,
    read_velodyne,
)
from jaxdepth.data.readers.kitti_calibration import (
    Calibration,
    read_object_calibration,
    read_raw_calibration,
    stereo_baseline,
)
from jaxdepth.data.readers.lists import ListedFrame
from jaxdepth.errors import DataError
from tests.data.readers.fuzz import is_refused, refuses_damage

SIZE = (50, 120)
DATE, DRIVE = "2011_09_26", "2011_09_26_drive_0002_sync"
LISTED = ListedFrame(
    f"{DATE}/{DRIVE}/image_02/data/0000000069.png",
    f"{DRIVE}/proj_depth/groundtruth/image_02/0000000069.png",
    721.5377,
)

# Forward, left, up become right, down, forward, as on the car; then small turns and shifts.
AXES = np.array([[0.0, -1, 0], [0, 0, -1], [1, 0, 0]])
TURN = cv2.Rodrigues(np.array([0.01, -0.02, 0.03]))[0]
RECTIFY = cv2.Rodrigues(np.array([0.002, 0.01, -0.004]))[0]
SHIFT = np.array([-0.004, -0.076, -0.27])
PROJECTION = np.array([[72.0, 0, 60.5, 4.5], [0, 71, 24.5, 0.2], [0, 0, 1, 0.003]])


def text(array):
    return " ".join(f"{value:e}" for value in np.ravel(array))


def write_raw_calibration(folder):
    """Both files of a day, with lines and decoys of the original."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["calib_time: 09-Jan-2012 13:57:47", "corner_dist: 9.950000e-02"]
    for camera in range(4):
        projection = PROJECTION.copy()
        projection[0, 3] = {0: 0, 1: -38.0, 2: 4.5, 3: -33.9}[camera]
        lines += [
            f"S_{camera:02d}: 1.392000e+03 5.120000e+02",
            f"K_{camera:02d}: {text(np.eye(3) * 99)}",
            f"D_{camera:02d}: -3.6e-01 2.0e-01 1.0e-03 5.0e-04 -7.4e-02",
            f"R_{camera:02d}: {text(np.eye(3))}",
            f"T_{camera:02d}: {text(np.zeros(3))}",
            f"S_rect_{camera:02d}: {SIZE[1]:e} {SIZE[0]:e}",
            f"R_rect_{camera:02d}: {text(RECTIFY if camera == 0 else np.eye(3))}",
            f"P_rect_{camera:02d}: {text(projection)}",
        ]
    (folder / "calib_cam_to_cam.txt").write_text("\n".join(lines) + "\n")
    (folder / "calib_velo_to_cam.txt").write_text(
        f"calib_time: 15-Mar-2012 11:37:16\nR: {text(TURN @ AXES)}\nT: {text(SHIFT)}\n"
        "delta_f: 0.0 0.0\ndelta_c: 0.0 0.0\n"
    )
    return folder


def write_object_calibration(path):
    lines = [f"P{camera}: {text(PROJECTION + camera)}" for camera in (0, 1)]
    lines += [f"P2: {text(PROJECTION)}", f"P3: {text(PROJECTION)}", f"R0_rect: {text(RECTIFY)}"]
    lines += [f"Tr_velo_to_cam: {text(np.column_stack([TURN @ AXES, SHIFT]))}"]
    path.write_text("\n".join([*lines, f"Tr_imu_to_velo: {text(np.eye(4)[:3])}", "", ""]))
    return path


def by_hand(point):
    """A scanner's point in pixels (of the calibration) and its depth, step by step."""
    rectified = RECTIFY @ (TURN @ AXES @ np.asarray(point, float) + SHIFT)
    x, y, z = PROJECTION[:, :3] @ rectified + PROJECTION[:, 3]
    return x / z, y / z, z


def scan(*points):
    return np.array([[*point, 0.5] for point in points], np.float32)


@pytest.fixture
def calibration(tmp_path):
    return read_raw_calibration(write_raw_calibration(tmp_path / DATE))


def frame_folder(folder):
    """The raw data of one frame, and its annotated depth."""
    write_raw_calibration(folder / DATE)
    image = folder / LISTED.image
    image.parent.mkdir(parents=True)
    row, column = np.mgrid[: SIZE[0], : SIZE[1]]
    Image.fromarray(np.stack([row, column, row * 0], -1).astype(np.uint8)).save(image)
    points = folder / DATE / DRIVE / "velodyne_points" / "data" / "0000000069.bin"
    points.parent.mkdir(parents=True)
    scan((10, 1, 0), (20, -2, 0.5), (5, 0, -0.5)).tofile(points)
    depth = folder / LISTED.depth
    depth.parent.mkdir(parents=True)
    metres = np.zeros(SIZE, np.uint16)
    metres[10, 20] = 256 * 12 + 64
    Image.fromarray(metres).save(depth)
    return image, points, depth


def test_both_forms_of_calibration_agree(tmp_path, calibration):
    other = read_object_calibration(write_object_calibration(tmp_path / "000000.txt"))
    np.testing.assert_allclose(calibration.velodyne_to_image, other.velodyne_to_image, atol=1e-4)
    assert calibration.image_size == SIZE
    assert other.image_size is None
    assert calibration.intrinsics == (72, 71, 60.5, 24.5)
    x, y, z = calibration.velodyne_to_image @ [12, 1.5, -0.7, 1]
    np.testing.assert_allclose((x / z, y / z, z), by_hand([12, 1.5, -0.7]), rtol=1e-4)


def test_the_right_camera_is_a_baseline_away(tmp_path, calibration):
    right = read_raw_calibration(tmp_path / DATE, camera=3)
    assert stereo_baseline(calibration, right) == pytest.approx((4.5 + 33.9) / 72)


def test_points_land_where_a_calculation_by_hand_puts_them(calibration):
    rng = np.random.default_rng(0)
    for point in rng.uniform([4, -3, -1], [40, 3, 1], (50, 3)):
        u, v, z = by_hand(point.astype(np.float32))
        row, column = round(v) - 1, round(u) - 1
        depth = project_velodyne(scan(point), calibration, SIZE)
        if 0 <= row < SIZE[0] and 0 <= column < SIZE[1]:
            assert np.argwhere(depth).tolist() == [[row, column]]
            assert depth[row, column] == pytest.approx(z, rel=1e-5)
            forward = project_velodyne(scan(point), calibration, SIZE, depth="velodyne_x")
            assert np.argwhere(forward).tolist() == [[row, column]]
            assert forward[row, column] == np.float32(point[0])
        else:
            assert not depth.any()


def test_the_nearest_point_wins_and_none_from_behind():
    plain = Calibration(
        projection=np.array([[10.0, 0, 5, 0], [0, 10, 5, 0], [0, 0, 1, 0]]),
        rectification=np.eye(4),
        velodyne_to_camera=np.block([[AXES, np.zeros((3, 1))], [np.zeros(3), 1]]),
    )
    points = scan((8, 0, 0), (6, 0, 0), (7, 0, 0), (-6, 0, 0), (0, 0, 0), (4, 2, 0), (4, 0, 2))
    depth = project_velodyne(points, plain, (10, 12))
    assert np.argwhere(depth).tolist() == [[4, 4]]  # 5 counted from 1; (4, ±2, …) fall on 0
    assert depth[4, 4] == 6
    shuffled = project_velodyne(points[::-1], plain, (10, 12))
    np.testing.assert_array_equal(depth, shuffled)
    corner = project_velodyne(scan((10, 4, 4), (10, -7, -5), (10, -8, 0)), plain, (10, 12))
    assert np.argwhere(corner).tolist() == [[0, 0], [9, 11]]
    assert not project_velodyne(np.zeros((0, 4), np.float32), plain, (10, 12)).any()
    ahead = plain.velodyne_to_camera + np.outer([0, 0, 1, 0], [0, 0, 0, 5])  # a camera at -5 m
    camera_behind = plain._replace(velodyne_to_camera=ahead)
    assert project_velodyne(scan((1, 0, 0)), camera_behind, (10, 12))[4, 4] == 6
    assert not project_velodyne(scan((-1, 0, 0)), camera_behind, (10, 12)).any()


def test_annotated_depth_is_in_256ths_of_a_metre(tmp_path):
    _, _, path = frame_folder(tmp_path)
    depth = read_annotated_depth(path)
    assert depth[10, 20] == 12.25
    assert np.count_nonzero(depth) == 1


def test_a_frame_is_read_with_each_depth(tmp_path):
    frame_folder(tmp_path)
    frame = read_kitti_frame(tmp_path, LISTED)
    assert frame.name == LISTED.image.removesuffix(".png")
    assert frame.file == LISTED.image
    assert frame.scene == DRIVE
    assert frame.image[7, 33].tolist() == [7, 33, 0]
    assert frame.intrinsics == (72, 71, 60.5, 24.5)
    assert np.count_nonzero(frame.depth) == 3
    forward = read_kitti_frame(tmp_path, LISTED, depth="velodyne_x").depth
    assert sorted(forward[forward > 0].tolist()) == [5, 10, 20]
    assert ((forward > frame.depth) == (forward > 0)).all()
    annotated = read_kitti_frame(tmp_path, LISTED, depth="annotated").depth
    assert annotated[10, 20] == 12.25
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / DRIVE).rename(tmp_path / "elsewhere" / DRIVE)
    moved = read_kitti_frame(
        tmp_path, LISTED, depth="annotated", annotated_folder=tmp_path / "elsewhere"
    )
    np.testing.assert_array_equal(moved.depth, annotated)


def test_a_frame_without_what_is_asked_for_is_refused(tmp_path):
    image, points, depth = frame_folder(tmp_path)
    with pytest.raises(DataError, match="652 of 697"):
        read_kitti_frame(tmp_path, LISTED._replace(depth=None), depth="annotated")
    with pytest.raises(DataError, match="must be at <date>"):
        read_kitti_frame(tmp_path, LISTED._replace(image="image_02/0000000069.png"))
    Image.fromarray(np.zeros((40, 60), np.uint16)).save(depth)
    is_refused(lambda _: read_kitti_frame(tmp_path, LISTED, depth="annotated"), depth, "50x120")
    Image.fromarray(np.zeros((40, 60, 3), np.uint8)).save(image)
    is_refused(lambda _: read_kitti_frame(tmp_path, LISTED), image, "must be 50x120")
    points.unlink()
    is_refused(lambda _: read_kitti_frame(tmp_path, LISTED), points, "No such file")


def test_damaged_scans_are_refused(tmp_path):
    path = tmp_path / "0.bin"
    rng = np.random.default_rng(0)
    rng.uniform(-50, 50, (1000, 4)).astype(np.float32).tofile(path)
    refuses_damage(read_velodyne, path, cuts=(0.0, 0.0101, 0.3333, 0.9999), flips=30)
    for value in (np.nan, np.inf, 1e20):
        scan((1, 2, 3), (1, value, 3)).tofile(path)
        is_refused(read_velodyne, path, "finite coordinates within 1 km")
    rng.uniform(-50, 50, (9, 3)).astype(np.float32).tofile(path)
    is_refused(read_velodyne, path, "points of 16 bytes, got 108")
    path.write_bytes(scan((1, 2, 3)).astype(np.float64).tobytes())
    points = read_velodyne(path)  # such bytes can pass for floats; at least nothing breaks
    assert points.shape == (2, 4)


def test_damaged_calibrations_are_refused(tmp_path):
    folder = write_raw_calibration(tmp_path / DATE)
    for name in ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt"):
        cuts = (0.0, 0.1, 0.2, 0.3)
        refuses_damage(lambda p: read_raw_calibration(p.parent), folder / name, cuts=cuts)
    path = write_object_calibration(tmp_path / "000000.txt")
    refuses_damage(read_object_calibration, path, cuts=(0.0, 0.1, 0.5, 0.7), flips=100)


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("R0_rect: ", "R0_rect: 1.0 ", "R0_rect must be 9 numbers"),
        ("R0_rect:", "R_rect:", "R0_rect must be 9 numbers .* no such line"),
        ("P2: 7.2", "P2: nan 7.2", "P2 must be 12 numbers"),
        ("P2: 7.2", "P2: 1e300", "P2 must be 12 numbers"),
        ("P2: 7.2", "P2: -7.2", "positive focal lengths"),
        ("P2:", "P2", "line 3: a line must be `name: numbers`"),
    ],
)
def test_a_wrong_calibration_line_is_named(tmp_path, old, new, match):
    path = write_object_calibration(tmp_path / "000000.txt")
    path.write_text(path.read_text().replace(old, new))
    is_refused(read_object_calibration, path, match)


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["000000", "000001"])
def test_real_scans_cover_the_lower_image(real_data, name):
    folder = real_data / "kitti"
    size = read_image(folder / "image_2" / f"{name}.png").shape[:2]
    calibration = read_object_calibration(folder / "calib" / f"{name}.txt")
    points = read_velodyne(folder / "velodyne" / f"{name}.bin")
    depth = project_velodyne(points, calibration, size)
    valid = depth > 0
    assert 18_500 < valid.sum() < 20_500
    assert 4 < depth[valid].min() < depth[valid].max() < 80
    assert valid[: size[0] // 4].sum() == 0
    assert valid[3 * size[0] // 4 :].mean() > 0.03
    bottom, middle = (
        np.median(depth[-40:][valid[-40:]]),
        np.median(depth[-180:-140][valid[-180:-140]]),
    )
    assert bottom < middle
    forward = project_velodyne(points, calibration, size, depth="velodyne_x")
    both = valid & (forward > 0)
    assert np.median((forward - depth)[both]) == pytest.approx(0.3, abs=0.06)


@pytest.mark.real_data
def test_a_real_baseline(real_data):
    path = real_data / "kitti" / "calib" / "000001.txt"
    left, right = (read_object_calibration(path, camera=camera) for camera in (2, 3))
    assert stereo_baseline(left, right) == pytest.approx(0.53273, abs=1e-5)
