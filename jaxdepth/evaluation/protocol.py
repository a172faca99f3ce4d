"""What an evaluation counts, and how a prediction comes into the ground truth's frame."""

import dataclasses
import enum
import math

import cv2
import numpy as np

from jaxdepth.errors import ConfigError, DataError
from jaxdepth.evaluation.crop import Crop, checked_crop


class Placement(enum.Enum):
    """How a prediction was brought onto the scored region; the value is a phrase for the reader."""

    EXACT = "of the ground truth's size"
    CROPPED = "of the ground truth's size, cropped like it"
    COVERS_CROP = "of the crop's size, laid over it"
    RESIZED = "resized bilinearly to the ground truth's size"
    RESIZED_CROPPED = "resized bilinearly to the ground truth's size, then cropped like it"


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The rules of an evaluation, as a value; `str(protocol)` states them in one line.

    Attributes:
        crop: the region of the ground truth that is scored, `(top, bottom, left, right)`,
            half-open; None for all of it.
        average: `"pixels"`, pooled over the valid pixels of all images, or `"images"`, the mean of
            the metrics of each image.
        min_depth: metres, above 0. Ground truth counts only above it, and smaller predictions are
            set to it.
        max_depth: metres; ground truth counts only below it, and larger predictions are set to it.
            None for no limit.
        resize: whether a prediction of another size than the ground truth's and the crop's is
            resized to the ground truth's frame; otherwise it is an error.

    Raises:
        ConfigError: one of these is out of its range.
    """

    crop: Crop | tuple[int, int, int, int] | None = None
    average: str = "pixels"
    min_depth: float | int = 1e-3
    max_depth: float | int | None = None
    resize: bool = False

    def __post_init__(self):
        if self.crop is not None:
            object.__setattr__(self, "crop", checked_crop(Crop(*self.crop)))
        if self.average not in ("pixels", "images"):
            raise ConfigError(f"average must be 'pixels' or 'images', got {self.average!r}")
        if not 0 < self.min_depth < math.inf:
            raise ConfigError(f"min_depth must be above 0 m and finite, got {self.min_depth}")
        if self.max_depth is not None and not self.min_depth < self.max_depth < math.inf:
            raise ConfigError(
                f"max_depth must be above min_depth ({self.min_depth:g} m) and finite, or None, "
                f"got {self.max_depth}"
            )

    def __str__(self) -> str:
        low, high = f"{self.min_depth:g}", self.max_depth
        crop = "full frame" if self.crop is None else f"crop {self.crop} (rows, columns)"
        if high is None:
            ranges = f"ground truth > {low} m, predictions clamped to at least {low} m"
        else:
            ranges = (
                f"{low} m < ground truth < {high:g} m, predictions clamped to [{low}, {high:g}] m"
            )
        mean = "pooled over all pixels" if self.average == "pixels" else "averaged over images"
        return f"{mean}; {crop}; {ranges}"

    def place(
        self, prediction: np.ndarray, target: np.ndarray, *, name: str
    ) -> tuple[np.ndarray, np.ndarray, Placement]:
        """Brings a prediction and the ground truth onto the scored region.

        A prediction of the ground truth's size is cropped like it. One of the crop's own size
        covers the crop. Any other is resized, if `resize` is set, to the ground truth's full frame:
        bilinearly, with pixel centres at half-integers and without smoothing; a pixel whose
        interpolation meets a missing prediction (not positive or not finite) is NaN.

        Args:
            prediction: `[h, w]`, metres.
            target: `[H, W]`, metres.
            name: what to call the prediction in an error, usually its file.

        Returns:
            Prediction and ground truth of the region, of one shape, and what was done.

        Raises:
            DataError: an array is not two-dimensional, the crop does not fit into the ground truth,
                or the prediction is of another size and `resize` is not set.
        """
        for what, array in (("prediction", prediction), ("ground truth", target)):
            if array.ndim != 2 or array.size == 0:
                raise DataError(
                    f"{name}: the {what} must be a depth map [height, width], "
                    f"got an array of shape {array.shape}"
                )
        if self.crop is not None and not self.crop.fits(target.shape):
            raise DataError(
                f"{name}: the crop {self.crop} does not fit into the ground truth, which is "
                f"{_size(target)} (height x width); choose a crop within it, or none if the files "
                "are cropped already"
            )
        cropped = self.crop is not None and self.crop.size != target.shape
        if prediction.shape == target.shape:
            placement = Placement.CROPPED if cropped else Placement.EXACT
        elif cropped and prediction.shape == self.crop.size:
            return prediction, self.crop.of(target), Placement.COVERS_CROP
        elif self.resize:
            prediction = _resize(prediction, target.shape)
            placement = Placement.RESIZED_CROPPED if cropped else Placement.RESIZED
        else:
            sizes = f"the ground truth's {_size(target)}"
            if cropped:
                sizes += f" or the crop's {self.crop.size[0]}x{self.crop.size[1]}"
            raise DataError(
                f"{name}: the prediction is {_size(prediction)} (height x width) and must be "
                f"{sizes}; pass --resize (resize=True) to stretch it over the ground truth's frame"
            )
        if cropped:
            prediction, target = self.crop.of(prediction), self.crop.of(target)
        return prediction, target, placement

    def valid(self, target: np.ndarray) -> np.ndarray:
        """True where ground truth (metres, any shape) counts: finite and within the range.

        Compared in the array's own precision, so that a float32 millimetre is not above 1e-3.
        """
        high = math.inf if self.max_depth is None else self.max_depth
        return (target > self.min_depth) & (target < high)

    def clamp(self, prediction: np.ndarray) -> np.ndarray:
        """The prediction (metres, any shape) within `[min_depth, max_depth]`.

        Infinity becomes `max_depth`, or stays if there is none; NaN, zero and negative depth become
        `min_depth`: a missing prediction is scored, and scored badly.
        """
        return np.clip(
            np.where(np.isnan(prediction), -np.inf, prediction), self.min_depth, self.max_depth
        )


def missing(prediction: np.ndarray) -> np.ndarray:
    """True where a prediction (metres, any shape) is none: not finite, or not positive."""
    return ~(np.isfinite(prediction) & (prediction > 0))


def _resize(prediction: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    holed = np.where(missing(prediction), np.nan, prediction).astype(np.float64)
    return cv2.resize(holed, size[::-1], interpolation=cv2.INTER_LINEAR)


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]}x{array.shape[1]}"
