"""What every reader returns."""

import math
from typing import NamedTuple

import numpy as np

from jaxdepth.data.images import FilePath
from jaxdepth.errors import ConfigError, DataError


class Intrinsics(NamedTuple):
    """A pinhole camera, in pixels; the centre of the top left pixel is (0, 0)."""

    fx: float
    fy: float
    cx: float
    cy: float


def parse_intrinsics(text: str) -> Intrinsics:
    """The camera that a command line names as FX,FY,CX,CY.

    Raises:
        ConfigError: these are not four finite numbers of which the first two are above 0.
    """
    try:
        camera = Intrinsics(*map(float, text.split(",")))
    except (TypeError, ValueError):
        camera = None
    if camera is None or not all(map(math.isfinite, camera)) or min(camera.fx, camera.fy) <= 0:
        raise ConfigError(
            "--intrinsics must be FX,FY,CX,CY in pixels with FX and FY above 0, such as "
            f"518.9,519.5,324.6,252.7, got {text!r}."
        )
    return camera


class Frame(NamedTuple):
    """One image with its depth.

    Attributes:
        name: what names it in its dataset, unique there.
        file: the original image file's name, as the dataset has it.
        scene: the scene, drive or place it shows; "" if the dataset does not tell.
        image: `[H, W, 3]` uint8, red first.
        depth: `[h, w]` float32 metres, 0 = no measurement; of the image's size unless the format
            says otherwise.
        raw_depth: the same before its holes were filled, where the dataset has both.
        intrinsics: of the camera that took the image, where known.
    """

    name: str
    file: str
    scene: str
    image: np.ndarray
    depth: np.ndarray
    raw_depth: np.ndarray | None = None
    intrinsics: Intrinsics | None = None


def valid_metres(depth: np.ndarray) -> np.ndarray:
    """Depth as float32 metres, with 0 for all that is negative or not finite."""
    with np.errstate(over="ignore"):
        depth = np.asarray(depth, np.float32)
    return np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))


def check_sizes(
    image_file: FilePath, image: np.ndarray, depth_file: FilePath, depth: np.ndarray
) -> None:
    """Refuses depth that is not of its image's size.

    Raises:
        DataError: it is not.
    """
    if image.shape[:2] != depth.shape:
        raise DataError(
            f"{depth_file}: the depth must have its image's size, "
            f"{image.shape[0]}x{image.shape[1]} (height x width) in {image_file}, and has "
            f"{depth.shape[0]}x{depth.shape[1]}; copy both files from the dataset again"
        )
