"""How a prediction comes into the ground truth's frame: laid in it, resized over it, filled up."""

import enum
from typing import Literal, get_args

import cv2
import numpy as np

from jaxdepth.errors import DataError
from jaxdepth.evaluation.alignment import missing
from jaxdepth.evaluation.crop import Crop

Interpolation = Literal["bilinear", "nearest"]
ResizeIn = Literal["depth", "disparity"]
Stretch = Literal["frame", "covers"]
Border = Literal["missing", "cross-bilateral"]
CHOICES: dict[str, tuple[str, ...]] = {
    "interpolation": get_args(Interpolation),
    "resize_in": get_args(ResizeIn),
    "stretch": get_args(Stretch),
    "border": get_args(Border),
}


class Placement(enum.Enum):
    """How a prediction was brought onto the scored region; the value is a phrase for the reader."""

    EXACT = "of the ground truth's size"
    CROPPED = "of the ground truth's size, cropped like it"
    COVERS_CROP = "of the crop's size, laid over it"
    RESIZED = "resized bilinearly to the ground truth's size"
    RESIZED_CROPPED = "resized bilinearly to the ground truth's size, then cropped like it"
    COVERS_PART = "of the size of the part of the frame that they cover, laid over it"
    RESIZED_AS_STATED = "resized over the part of the frame that they cover, as the protocol says"


def resize_prediction_to(
    prediction: np.ndarray,
    size: tuple[int, int],
    *,
    interpolation: Interpolation = "bilinear",
    align_corners: bool = False,
    resize_in: ResizeIn = "depth",
) -> np.ndarray:
    """Resizes a prediction; what meets a missing one (not positive, not finite) becomes NaN.

    Nothing is smoothed on shrinking.

    Args:
        prediction: `[h, w]`, metres.
        size: height and width to resize to.
        interpolation: `"bilinear"`, or `"nearest"`: pixel i takes ⌊i·h/H⌋, as OpenCV does it.
        align_corners: whether the centres of the corner pixels coincide; else pixel centres are at
            half-integers of one continuous frame, and the border is continued.
        resize_in: `"disparity"` interpolates 1 / depth.

    Returns:
        `[H, W]` float64, metres.
    """
    holed = np.where(missing(prediction), np.nan, prediction).astype(np.float64)
    if resize_in == "disparity":
        holed = 1 / holed
    if interpolation == "nearest":
        rows, columns = (
            np.arange(new) * old // new for new, old in zip(size, holed.shape, strict=True)
        )
        resized = holed[rows[:, None], columns]
    elif align_corners:
        resized = _between(_between(holed, size[0]).T, size[1]).T
    else:
        resized = cv2.resize(holed, size[::-1], interpolation=cv2.INTER_LINEAR)
    return 1 / resized if resize_in == "disparity" else resized


def resize_truth(target: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The ground truth `[h, w]` at another size: each pixel takes the one that holds its centre."""
    rows, columns = (
        (2 * np.arange(new) + 1) * old // (2 * new)
        for new, old in zip(size, target.shape, strict=True)
    )
    return target[rows[:, None], columns]


def lay(prediction: np.ndarray, region: Crop, size: tuple[int, int]) -> np.ndarray:
    """The prediction in a frame of `size`, NaN outside the region, which has its size."""
    if prediction.shape == size:
        return prediction
    frame = np.full(size, np.nan)
    frame[region.top : region.bottom, region.left : region.right] = prediction
    return frame


def fill_border(prediction: np.ndarray, image: np.ndarray | None, *, name: str) -> np.ndarray:
    """Fills the missing prediction by a cross-bilateral filter guided by the image.

    Args:
        prediction: `[H, W]`, metres; NaN, 0 and infinity are filled.
        image: `[H, W, 3]` uint8, or float in [0, 1]; needed only where something is missing.
        name: what an error calls the prediction.

    Raises:
        DataError: something is missing and there is no image, or one of another size.

    References:
        `jaxdepth.ops.cross_bilateral_fill`.
    """
    absent = missing(prediction)
    if not absent.any():
        return prediction
    if image is None or image.shape != (*prediction.shape, 3):
        got = "there is none" if image is None else f"the image is {image.shape}"
        raise DataError(
            f"{name}: the protocol fills the border of predictions by a cross-bilateral filter, "
            f"which needs the image of the frame, {prediction.shape[0]}x{prediction.shape[1]}x3, "
            f"and {got}; pass it (image=), or save predictions that cover the scored region"
        )
    from jaxdepth.ops import cross_bilateral_fill  # JAX is needed for this border alone

    guide = np.asarray(image, np.float32) / (255 if image.dtype == np.uint8 else 1)
    depth = np.where(absent, 0, prediction).astype(np.float32)
    filled = np.asarray(cross_bilateral_fill(depth, guide, mask=~absent), np.float64)
    return np.where(absent, filled, prediction)


def _between(values: np.ndarray, new: int) -> np.ndarray:
    """Linear interpolation along the first axis, the ends of old and new coinciding."""
    old = len(values)
    at = np.linspace(0, old - 1, new) if new > 1 else np.zeros(1)
    low = np.minimum(at.astype(int), max(old - 2, 0))
    high = np.minimum(low + 1, old - 1)
    weight = (at - low)[:, None]
    return values[low] * (1 - weight) + values[high] * weight
