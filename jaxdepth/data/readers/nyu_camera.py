"""The Kinect of NYU Depth v2: from its raw depth to metres in the colour camera's view.

Constants and steps are those of the NYU Depth v2 toolbox (`camera_params.m`,
`project_depth_map.m`, `depth_rel2depth_abs.m`); undistortion is `rect.m` of Bouguet's camera
calibration toolbox, which the former calls. The toolbox counts pixels from 1 when it projects and
from 0 when it undistorts, with the same principal points; both are kept, so that the result is the
one the dataset was made with.
"""

import functools
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped, UInt8

from jaxdepth.data.readers.frame import Intrinsics

SIZE = (480, 640)
"""Height and width of every frame."""

MAX_DEPTH = 10.0
"""The toolbox's limit, metres."""

NO_READING = 2047
"""What the Kinect, which counts in 11 bits, delivers where it measures nothing."""


class Camera(NamedTuple):
    """A camera of `camera_params.m`.

    Attributes:
        fx, fy: focal lengths, pixels.
        cx, cy: principal point, pixels, as the toolbox has it.
        distortion: k1, k2, p1, p2, k3 of Brown's model.
    """

    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, float, float, float, float]

    @property
    def intrinsics(self) -> Intrinsics:
        """Of the undistorted picture, its first pixel (0, 0): MATLAB's is (1, 1)."""
        return Intrinsics(self.fx, self.fy, self.cx - 1, self.cy - 1)


COLOR = Camera(
    518.85790117450188,
    519.46961112127485,
    325.58244941119034,
    253.73616633400465,
    (
        2.0796615318809061e-01,
        -5.8613825163911781e-01,
        7.2231363135888329e-04,
        1.0479627195765181e-03,
        4.9856986684705107e-01,
    ),
)
"""The colour camera, in whose view depth is given."""

DEPTH = Camera(
    582.62448167737955,
    582.69103270988637,
    313.04475870804731,
    238.44389626620386,
    (
        -9.9897236553084481e-02,
        3.9065324602765344e-01,
        1.9290592870229277e-03,
        -1.9422022475975055e-03,
        -5.1031725053400578e-01,
    ),
)
"""The infrared camera, which measures."""

ROTATION = np.linalg.inv(
    -np.array(
        [
            [9.9997798940829263e-01, 5.0518419386157446e-03, 4.3011152014118693e-03],
            [-5.0359919480810989e-03, 9.9998051861143999e-01, -3.6879781309514218e-03],
            [-4.3196624923060242e-03, 3.6662365748484798e-03, 9.9998394948385538e-01],
        ]
    )
)
TRANSLATION = np.array([2.5031875059141302e-02, -2.9342312935846411e-04, 6.6238747008330102e-04])
"""`ROTATION @ p + TRANSLATION` is p, metres in the depth camera's frame, in the colour camera's.
Both axes and depth change sign, which a projection does not see."""


def depth_from_raw(raw: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
    """Metres of the Kinect's raw numbers: 351.3 / (1092.5 − raw), within [0, 10]; NaN stays NaN."""
    with np.errstate(divide="ignore"):
        return np.clip(351.3 / (1092.5 - np.asarray(raw, np.float64)), 0, MAX_DEPTH)


def undistort(
    picture: Shaped[np.ndarray, "height width *channels"], camera: Camera, *, outside: float | int
) -> Float[np.ndarray, "height width *channels"]:
    """Takes the lens's distortion out of a picture, bilinearly.

    Args:
        picture: any numbers, of the camera's size.
        camera: who took it.
        outside: the value of pixels whose origin is not within the picture.

    Returns:
        float64, of the same shape.
    """
    height, width = picture.shape[:2]
    inside, corners, weights = _origins(camera, height, width)
    pixels = picture.reshape(height * width, -1).astype(np.float64)
    result = np.full(pixels.shape, outside, np.float64)
    result[inside] = sum(
        weight[:, None] * pixels[corner] for corner, weight in zip(corners, weights, strict=True)
    )
    return result.reshape(picture.shape)


@functools.lru_cache(maxsize=4)
def _origins(
    camera: Camera, height: int, width: int
) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
    """Which pixels have an origin within the picture, the four around each, and their weights."""
    x = (np.arange(width) - camera.cx) / camera.fx
    y = ((np.arange(height) - camera.cy) / camera.fy)[:, None]
    x, y = distort(x, y, camera)
    x, y = (camera.fx * x + camera.cx).ravel(), (camera.fy * y + camera.cy).ravel()
    left, top = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    inside = (left >= 0) & (left <= width - 2) & (top >= 0) & (top <= height - 2)
    right_part, lower_part = (x - left)[inside], (y - top)[inside]
    first = (top * width + left)[inside]
    corners = [first, first + 1, first + width, first + width + 1]
    weights = [
        (1 - lower_part) * (1 - right_part),
        (1 - lower_part) * right_part,
        lower_part * (1 - right_part),
        lower_part * right_part,
    ]
    return np.flatnonzero(inside), corners, weights


def distort(x: np.ndarray, y: np.ndarray, camera: Camera) -> tuple[np.ndarray, np.ndarray]:
    """Where Brown's model moves a ray: (x, y) at unit depth to the same there, any shapes."""
    k1, k2, p1, p2, k3 = camera.distortion
    r2 = x**2 + y**2
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return (
        x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x**2),
        y * radial + p1 * (r2 + 2 * y**2) + 2 * p2 * x * y,
    )


def undistort_image(
    image: UInt8[np.ndarray, "height width 3"],
) -> UInt8[np.ndarray, "height width 3"]:
    """The colour camera's picture without distortion; white where it shows nothing."""
    return np.rint(undistort(image, COLOR, outside=255)).astype(np.uint8)


def project_raw_depth(raw: Shaped[np.ndarray, "480 640"]) -> Float[np.ndarray, "480 640"]:
    """Brings a raw depth frame into the undistorted view of the colour camera.

    Args:
        raw: the Kinect's numbers, bytes in order; the frame's largest one means "no measurement".

    Returns:
        The depth camera's z, metres, float32, at most 10; 0 = no measurement. Where several points
        meet, the nearest.
    """
    noise = undistort(255.0 * (raw == raw.max()), DEPTH, outside=255) > 0
    smooth = undistort(raw, DEPTH, outside=NO_READING)
    z = depth_from_raw(np.where(noise | (smooth < 600), NO_READING, smooth))
    rows, columns = np.nonzero(z > 0)
    z = z[rows, columns]
    camera = DEPTH.intrinsics
    x, y = (columns - camera.cx) * z / camera.fx, (rows - camera.cy) * z / camera.fy
    return _splat(ROTATION @ np.stack([x, y, z]) + TRANSLATION[:, None], z, raw.shape)


def _splat(points: np.ndarray, values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Values `[N]` at the pixels where points `[3, N]` are seen, the smallest one winning."""
    camera = COLOR.intrinsics
    columns = _round_half_away(camera.fx * points[0] / points[2] + camera.cx)
    rows = _round_half_away(camera.fy * points[1] / points[2] + camera.cy)
    # The toolbox asks for 0 < x < width, counted from 1: the last column and row stay empty.
    inside = (columns >= 0) & (columns < size[1] - 1) & (rows >= 0) & (rows < size[0] - 1)
    nearest = np.full(size[0] * size[1], np.inf)
    pixels = (rows[inside] * size[1] + columns[inside]).astype(np.int64)
    np.minimum.at(nearest, pixels, values[inside])
    return np.where(np.isfinite(nearest), nearest, 0).astype(np.float32).reshape(size)


def _round_half_away(x: np.ndarray) -> np.ndarray:
    """MATLAB's `round` of positive numbers; others are outside the picture anyway."""
    return np.floor(x + 0.5)
