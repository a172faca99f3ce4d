"""KITTI: images, laser scans projected into them, annotated depth, and depth from stereo.

Folders are those of the raw data: `<date>/<date>_drive_NNNN_sync/image_02/data/%010d.png`, beside
it `velodyne_points/data/%010d.bin`, and the calibration in `<date>`.
"""

from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
from jaxtyping import Float

from jaxdepth.data.images import FilePath, read_image
from jaxdepth.data.readers.damage import read_bytes
from jaxdepth.data.readers.depth_png import read_depth_png
from jaxdepth.data.readers.frame import Frame, check_sizes
from jaxdepth.data.readers.kitti_calibration import (
    Calibration,
    read_raw_calibration,
    stereo_baseline,
)
from jaxdepth.data.readers.lists import ListedFrame
from jaxdepth.data.stereo import stereo_depth
from jaxdepth.errors import DataError

Depth = Literal["camera_z", "velodyne_x", "annotated", "stereo"]
"""`"camera_z"`: the scan's depth along the camera's axis. `"velodyne_x"`: how far forward of the
scanner a point is, about 0.27 m more, as the evaluation on the Eigen split has it.
`"annotated"`: the depth benchmark's accumulated scans. `"stereo"`: pseudo ground truth from the
camera to the right, see `jaxdepth.data.stereo`."""


def read_velodyne(path: FilePath) -> Float[np.ndarray, "points 4"]:
    """Reads a laser scan: forward, left, up in metres, and reflectance; float32.

    Raises:
        DataError: the file is missing, empty, cut within a point, or has values that are not
            finite, all 0 or beyond 1 km.
    """
    content = read_bytes(path, "a Velodyne scan")
    if len(content) % 16:
        raise DataError(
            f"{path}: a scan must be points of 16 bytes, got {len(content)} bytes, "
            f"{len(content) % 16} too many; the file is cut short or no scan: copy it here again"
        )
    points = np.frombuffer(content, "<f4").reshape(-1, 4)
    largest = np.abs(points).max()  # NaN if there is one
    if not 0 < largest <= 1000:
        raise DataError(
            f"{path}: a scan must have finite coordinates within 1 km, not all of them 0, got "
            f"{largest:g} as the largest; the file is damaged or no scan: copy it here again"
        )
    return points


def project_velodyne(
    points: Float[np.ndarray, "points 4"],
    calibration: Calibration,
    size: tuple[int, int],
    *,
    depth: Literal["camera_z", "velodyne_x"] = "camera_z",
) -> Float[np.ndarray, "height width"]:
    """Projects a scan into an image; the nearest point wins a pixel.

    Pixels are rounded and then counted from 1, as in the benchmark's MATLAB code, which monodepth
    and all evaluations on the Eigen split follow: a point at x = 10.2 falls into column 9.

    Args:
        points: from `read_velodyne`; points behind the scanner are left out.
        calibration: of the camera.
        size: height and width of the image, pixels.
        depth: what a pixel holds, see `Depth`.

    Returns:
        Metres, float32; 0 = no measurement.
    """
    points = points[points[:, 0] >= 0].astype(np.float64)
    forward = points[:, 0]
    points = np.column_stack([points[:, :3], np.ones(len(points))])
    x, y, z = calibration.velodyne_to_image @ points.T
    metres = forward if depth == "velodyne_x" else z
    seen = (z > 0) & (metres > 0)
    x, y, z, metres = x[seen], y[seen], z[seen], metres[seen]
    columns, rows = np.rint(x / z) - 1, np.rint(y / z) - 1
    inside = (columns >= 0) & (columns < size[1]) & (rows >= 0) & (rows < size[0])
    nearest = np.full(size[0] * size[1], np.inf)
    pixels = (rows[inside] * size[1] + columns[inside]).astype(np.int64)
    np.minimum.at(nearest, pixels, metres[inside])
    return np.where(np.isfinite(nearest), nearest, 0).astype(np.float32).reshape(size)


def read_kitti_frame(
    folder: FilePath,
    listed: ListedFrame,
    *,
    depth: Depth = "camera_z",
    annotated_folder: FilePath | None = None,
) -> Frame:
    """Reads a frame of the raw data with its depth.

    Args:
        folder: what the raw data's paths are below.
        listed: a line of `read_frame_list`; `"annotated"` reads the depth it names.
        depth: where depth comes from; `"stereo"` needs an image of a left camera, 00 or 02.
        annotated_folder: what the annotated depth's paths are below; by default `folder`.

    Returns:
        Image and depth of one size; the scene is the drive.

    Raises:
        DataError: a file is missing, damaged or of another form, the sizes differ, the list names
            no annotated depth, or the camera is not a left one.
    """
    path = PurePosixPath(listed.image)
    parts = path.parts
    cameras = {f"image_{number:02d}": number for number in range(4)}
    if len(parts) != 5 or parts[2] not in cameras or parts[3] != "data":
        raise DataError(
            f"{listed.image}: an image of the raw data must be at "
            "<date>/<drive>/image_<camera>/data/<number>.png; take a list of that form"
        )
    date, drive, camera, _, _ = parts
    calibration = read_raw_calibration(Path(folder, date), camera=cameras[camera])
    image_file = Path(folder, path)
    image = read_image(image_file)
    if depth == "annotated":
        if listed.depth is None:
            raise DataError(
                f"{listed.image} must have annotated depth and its list says None; leave the frame "
                "out, as the 652 of 697 test frames do that have it"
            )
        depth_file = Path(folder if annotated_folder is None else annotated_folder, listed.depth)
        metres = read_annotated_depth(depth_file)
        check_sizes(image_file, image, depth_file, metres)
    elif depth == "stereo":
        if cameras[camera] not in (0, 2):
            raise DataError(
                f"{listed.image}: depth from stereo is of a left camera, image_00 or image_02, got "
                f"{camera}; take a list of the left images"
            )
        other = cameras[camera] + 1
        right_file = Path(folder, date, drive, f"image_{other:02d}", "data", path.name)
        right = read_image(right_file)
        right_calibration = read_raw_calibration(Path(folder, date), camera=other)
        _check_size(image_file, image, calibration)
        _check_size(right_file, right, right_calibration)
        baseline = stereo_baseline(calibration, right_calibration)
        if baseline <= 0:
            raise DataError(
                f"{Path(folder, date, 'calib_cam_to_cam.txt')}: camera {other} must be to the "
                f"right of camera {other - 1}, got {baseline:g} m; copy the file here again"
            )
        metres = stereo_depth(image, right, focal=calibration.intrinsics.fx, baseline=baseline)
    else:
        scan_file = Path(folder, date, drive, "velodyne_points", "data", f"{path.stem}.bin")
        scan = read_velodyne(scan_file)
        _check_size(image_file, image, calibration)
        metres = project_velodyne(scan, calibration, image.shape[:2], depth=depth)
    return Frame(
        name=path.with_suffix("").as_posix(),
        file=listed.image,
        scene=drive,
        image=image,
        depth=metres,
        intrinsics=calibration.intrinsics,
    )


def read_annotated_depth(path: FilePath) -> Float[np.ndarray, "height width"]:
    """Reads a depth map of the depth benchmark: 16-bit PNG, metres times 256, 0 = no measurement.

    Raises:
        DataError: the file is missing, damaged or of another form.
    """
    return read_depth_png(path, scale=256)


def _check_size(file: Path, image: np.ndarray, calibration: Calibration) -> None:
    if calibration.image_size != image.shape[:2]:
        height, width = calibration.image_size
        raise DataError(
            f"{file}: the image must be {height}x{width} (height x width) as its calibration says, "
            f"got {image.shape[0]}x{image.shape[1]}; take the original image"
        )
