"""KITTI's calibration: from the laser scanner's frame to a rectified camera's pixels.

Geiger, Lenz, Stiller, Urtasun, "Vision meets Robotics: The KITTI Dataset" (2013), equations 4–8.
"""

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from jaxdepth.data.images import FilePath
from jaxdepth.data.readers.damage import read_lines
from jaxdepth.data.readers.frame import Intrinsics
from jaxdepth.errors import DataError


class Calibration(NamedTuple):
    """How one camera sees the scanner's points.

    Attributes:
        projection: `[3, 4]`, from the rectified frame of camera 0 to homogeneous pixels of this
            camera.
        rectification: `[4, 4]`, from camera 0 to its rectified frame.
        velodyne_to_camera: `[4, 4]`, from the scanner (forward, left, up, metres) to camera 0.
        image_size: height and width, pixels; None if the files do not tell.
    """

    projection: Float[np.ndarray, "3 4"]
    rectification: Float[np.ndarray, "4 4"]
    velodyne_to_camera: Float[np.ndarray, "4 4"]
    image_size: tuple[int, int] | None = None

    @property
    def velodyne_to_image(self) -> Float[np.ndarray, "3 4"]:
        """From the scanner's homogeneous points to homogeneous pixels; the last row gives depth."""
        return self.projection @ self.rectification @ self.velodyne_to_camera

    @property
    def intrinsics(self) -> Intrinsics:
        """Of the rectified image; pixels count from 0."""
        p = self.projection
        return Intrinsics(float(p[0, 0]), float(p[1, 1]), float(p[0, 2]), float(p[1, 2]))


def read_raw_calibration(folder: FilePath, *, camera: int = 2) -> Calibration:
    """Reads a day of the raw data: `calib_cam_to_cam.txt` and `calib_velo_to_cam.txt`.

    Args:
        folder: a date's folder, such as `2011_09_26`.
        camera: 0 to 3; 2 and 3 are the left and the right colour camera.

    Raises:
        DataError: a file is missing or damaged, or lacks a matrix.
    """
    cameras = Path(folder, "calib_cam_to_cam.txt")
    scanner = Path(folder, "calib_velo_to_cam.txt")
    matrices = read_matrices(cameras)
    width, height = _take(cameras, matrices, f"S_rect_{camera:02d}", (2,))
    if not (1 <= width < 1e5 and 1 <= height < 1e5):
        raise DataError(
            f"{cameras}: S_rect_{camera:02d} must be a width and a height in pixels, got {width:g} "
            f"and {height:g}; copy the file here again"
        )
    moves = read_matrices(scanner)
    rotation = _take(scanner, moves, "R", (3, 3))
    translation = _take(scanner, moves, "T", (3, 1))
    return Calibration(
        projection=_projection(cameras, matrices, f"P_rect_{camera:02d}"),
        rectification=_homogeneous(_take(cameras, matrices, "R_rect_00", (3, 3))),
        velodyne_to_camera=_homogeneous(np.hstack([rotation, translation])),
        image_size=(int(height), int(width)),
    )


def read_object_calibration(path: FilePath, *, camera: int = 2) -> Calibration:
    """Reads the object benchmark's form: P0 to P3, R0_rect and Tr_velo_to_cam in one file.

    Args:
        path: such as `calib/000000.txt`.
        camera: 0 to 3; 2 and 3 are the left and the right colour camera.

    Raises:
        DataError: the file is missing or damaged, or lacks a matrix.
    """
    matrices = read_matrices(path)
    return Calibration(
        projection=_projection(path, matrices, f"P{camera}"),
        rectification=_homogeneous(_take(path, matrices, "R0_rect", (3, 3))),
        velodyne_to_camera=_homogeneous(_take(path, matrices, "Tr_velo_to_cam", (3, 4))),
    )


def stereo_baseline(left: Calibration, right: Calibration) -> float:
    """Metres between two rectified cameras, positive if the second is to the right.

    The nominal 0.54 m is 1.4 % too large for 2011_09_26.
    """
    offset = left.projection[0, 3] - right.projection[0, 3]
    return float(offset / left.projection[0, 0])


def read_matrices(path: FilePath) -> dict[str, Float[np.ndarray, " numbers"]]:
    """Reads lines of `name: numbers`; those with another value, such as a date, are left out.

    Raises:
        DataError: the file is missing, empty or no text, or a line has no name.
    """
    matrices: dict[str, np.ndarray] = {}
    for number, line in enumerate(read_lines(path, "a KITTI calibration"), 1):
        if not line:
            continue
        name, colon, values = line.partition(":")
        if not colon:
            raise DataError(
                f"{path}, line {number}: a line must be `name: numbers`, got {line[:60]!r}; copy "
                "the file here again"
            )
        try:
            matrices[name.strip()] = np.array([float(value) for value in values.split()])
        except ValueError:
            continue
    return matrices


def _take(
    path: FilePath, matrices: dict[str, np.ndarray], name: str, shape: tuple[int, ...]
) -> np.ndarray:
    values, count = matrices.get(name), math.prod(shape)
    if values is None or values.size != count or not (np.abs(values) < 1e6).all():
        got = "no such line" if values is None else f"{values.size}: {values[:4]} …"
        raise DataError(
            f"{path}: {name} must be {count} numbers below a million, got {got}; copy the file "
            "here again"
        )
    return values.reshape(shape)


def _projection(path: FilePath, matrices: dict[str, np.ndarray], name: str) -> np.ndarray:
    projection = _take(path, matrices, name, (3, 4))
    if projection[0, 0] <= 0 or projection[1, 1] <= 0:
        raise DataError(
            f"{path}: {name} must have positive focal lengths, got {projection[0, 0]:g} and "
            f"{projection[1, 1]:g}; copy the file here again"
        )
    return projection


def _homogeneous(matrix: np.ndarray) -> np.ndarray:
    result = np.eye(4)
    result[:3, : matrix.shape[1]] = matrix
    return result
