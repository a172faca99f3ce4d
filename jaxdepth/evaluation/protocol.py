"""What an evaluation counts, and how a prediction comes into the ground truth's frame."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from jaxdepth.errors import ConfigError, DataError
from jaxdepth.evaluation.alignment import ALIGNMENTS, Alignment, align, missing
from jaxdepth.evaluation.crop import Crop, Region, checked_region, parse_crop, resolve_region
from jaxdepth.evaluation.identity import FREE, fingerprint
from jaxdepth.evaluation.placement import (
    CHOICES,
    Border,
    Interpolation,
    Placement,
    ResizeIn,
    Stretch,
    fill_border,
    lay,
    resize_prediction_to,
    resize_truth,
)
from jaxdepth.evaluation.wording import describe

Clip = tuple[float | None, float | None] | Literal["range"] | None


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The rules of an evaluation, as a value; `str(protocol)` states them in one line.

    Everything that changes a number is a field. A prediction passes through them in this order:
    clipped (`clip_first`), placed and resized, border filled, aligned, clipped; then it is compared
    with the ground truth that counts, and averaged. `fingerprint` tells protocols apart.

    Attributes:
        crop: the region of the ground truth that is scored, `(top, bottom, left, right)`,
            half-open, or the name of one of `jaxdepth.evaluation.CROP_RULES`; None for all of it.
        average: `"pixels"`, pooled over the valid pixels of all images, or `"images"`, the mean of
            the metrics of each image.
        min_depth: metres, above 0. Ground truth counts only above it. None for any above 0.
        max_depth: metres; ground truth counts only below it. None for no limit.
        resize: whether a prediction of another size than the ground truth's, the crop's and that
            of `covers` is resized; otherwise it is an error.
        name: what to call the protocol; changes nothing.
        note: what its source leaves open or does unexpectedly; changes nothing.
        dataset, split, ground_truth: what is scored, in words, such as `"nyu"`, `"test"` and
            `"filled"`; they change no computation, but numbers that differ in them do not compare.
        truth_size: height and width that the ground truth is resized to first, each pixel taking
            the one that holds its centre; None for its own.
        within: the part of the ground truth that stands for the whole frame in which `crop` is
            counted and over which predictions are stretched; None for all of it.
        min_included, max_included: whether ground truth at the limit itself counts.
        max_capped: whether ground truth beyond `max_depth` counts as `max_depth`.
        interpolation, align_corners, resize_in: see `resize_prediction_to`.
        covers: the part of the frame that a prediction of its size covers.
        stretch: whether predictions of other sizes are resized over the `"frame"` or over the part
            that they cover, `"covers"`.
        border: what becomes of scored pixels that a prediction does not cover: `"missing"`, or
            filled by `"cross-bilateral"`, which needs the image.
        mirrored: whether predictions are the mean of those of the image and of its mirror image.
        clip: what predictions are clamped to: `"range"`, which is `[min_depth, max_depth]`, other
            limits in metres, `(low, high)`, each of them None for no limit, or None for nothing.
        clip_first: whether they are clamped as they come, before they are resized.
        alignment: of each image's prediction to its ground truth, see `align`.
        swapped: whether prediction and ground truth change places in the metrics, after it was
            decided which pixels count: relative errors are then divided by the prediction.
        log10_rmse: whether RMS(log) is of decimal logarithms.

    Raises:
        ConfigError: one of these is out of its range.
    """

    crop: Region | tuple[int, int, int, int] | None = None
    average: str = "pixels"
    min_depth: float | int | None = 1e-3
    max_depth: float | int | None = None
    resize: bool = dataclasses.field(default=False, metadata=FREE)
    _: dataclasses.KW_ONLY
    name: str = dataclasses.field(default="", compare=False, metadata=FREE)
    note: str = dataclasses.field(default="", compare=False, metadata=FREE)
    dataset: str = ""
    split: str = ""
    ground_truth: str = ""
    truth_size: tuple[int, int] | None = None
    within: Region | tuple[int, int, int, int] | None = None
    min_included: bool = False
    max_included: bool = False
    max_capped: bool = False
    interpolation: Interpolation = "bilinear"
    align_corners: bool = False
    resize_in: ResizeIn = "depth"
    covers: Region | tuple[int, int, int, int] | None = None
    stretch: Stretch = "frame"
    border: Border = "missing"
    mirrored: bool = False
    clip: Clip = "range"
    clip_first: bool = False
    alignment: Alignment = "none"
    swapped: bool = False
    log10_rmse: bool = False

    def __post_init__(self):
        for part in ("crop", "within", "covers"):
            if getattr(self, part) is not None:
                object.__setattr__(self, part, checked_region(getattr(self, part)))
        choices = {"average": ("pixels", "images"), "alignment": ALIGNMENTS, **CHOICES}
        for field, values in choices.items():
            if getattr(self, field) not in values:
                named = " or ".join(map(repr, values))
                raise ConfigError(f"{field} must be {named}, got {getattr(self, field)!r}")
        if self.min_depth is not None and not 0 < self.min_depth < math.inf:
            raise ConfigError(f"min_depth must be above 0 m and finite, got {self.min_depth}")
        low = self.min_depth or 0
        if self.max_depth is not None and not low < self.max_depth < math.inf:
            raise ConfigError(
                f"max_depth must be above min_depth ({low:g} m) and finite, or None, "
                f"got {self.max_depth}"
            )
        if self.stretch == "covers" and self.covers is None:
            raise ConfigError("stretch='covers' needs covers, the part to stretch over")
        if (self.max_included or self.max_capped) and self.max_depth is None:
            raise ConfigError("max_included and max_capped are of a max_depth, got None: set it")
        low, high = self.clip_limits
        if (low or 0) < 0 or (high is not None and not (low or 0) < high < math.inf):
            raise ConfigError(f"clip must be 0 <= low < high in metres, got {self.clip}")
        if self.swapped and not low:
            raise ConfigError(
                "swapped divides by the prediction and takes its logarithm: clip it to at least "
                f"something above 0 m, got clip={self.clip}"
            )

    def __str__(self) -> str:
        return describe(self)

    @property
    def fingerprint(self) -> str:
        """Eight hexadecimal digits that protocols share if their numbers compare."""
        return fingerprint(self)

    @classmethod
    def from_rules(cls, rules: Mapping[str, Any]) -> "Protocol":
        """The protocol whose fields `jaxdepth.evaluation.identity.rules` gave as JSON.

        Raises:
            ConfigError: a value is out of its range.
            TypeError: there is no such field.
        """
        fields = {k: tuple(v) if isinstance(v, list) else v for k, v in rules.items()}
        for part in ("crop", "within", "covers"):
            if ":" in (fields.get(part) or ""):
                fields[part] = parse_crop(fields[part])
        if size := fields.get("truth_size"):
            fields["truth_size"] = tuple(map(int, size))
        return cls(**fields)

    @property
    def clip_limits(self) -> tuple[float | None, float | None]:
        """What predictions are clamped to, metres; None for no limit."""
        if self.clip is None:
            return None, None
        return (self.min_depth, self.max_depth) if self.clip == "range" else self.clip

    def truth_frame(self, target: np.ndarray) -> np.ndarray:
        """The ground truth `[H, W]` at the size at which it is scored."""
        if self.truth_size is None or target.shape == tuple(self.truth_size):
            return target
        return resize_truth(target, self.truth_size)

    def region(self, size: tuple[int, int], *, name: str) -> Crop:
        """The pixels that are scored of a ground truth of this height and width (`truth_frame`).

        Raises:
            DataError: they do not fit into it; `name` is what it is called.
        """
        within = resolve_region(self.within, size, name=name)
        crop = resolve_region(self.crop, within.size, name=name)
        rows, columns = within.top, within.left
        return Crop(crop.top + rows, crop.bottom + rows, crop.left + columns, crop.right + columns)

    def place(
        self,
        prediction: np.ndarray,
        target: np.ndarray,
        *,
        name: str,
        image: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray, Placement]:
        """Brings a prediction and the ground truth onto the scored region.

        A prediction of the ground truth's size is cropped like it. One of the crop's own size
        covers the crop, one of the size of `covers` or `within` that part. Any other is resized, if
        `resize` is set, over the ground truth's full frame (or `within`, or `covers`): bilinearly,
        with pixel centres at half-integers and without smoothing, unless the protocol says
        otherwise; a pixel whose interpolation meets a missing prediction (not positive or not
        finite) is NaN, as is one that no prediction covers.

        Args:
            prediction: `[h, w]`, metres.
            target: `[H, W]`, metres.
            name: what to call the prediction in an error, usually its file.
            image: of the ground truth's frame, `[H, W, 3]`, for a border that is filled.

        Returns:
            Prediction and ground truth of the region, of one shape, and what was done.

        Raises:
            DataError: an array is not two-dimensional, the crop does not fit into the ground truth,
                the prediction is of another size and `resize` is not set, or the image is missing.
        """
        for what, array in (("prediction", prediction), ("ground truth", target)):
            if array.ndim != 2 or array.size == 0:
                raise DataError(
                    f"{name}: the {what} must be a depth map [height, width], "
                    f"got an array of shape {array.shape}"
                )
        target = self.truth_frame(target)
        size, region = target.shape, self.region(target.shape, name=name)
        parts = [p for p in (self.covers, self.within) if p is not None]
        parts = [resolve_region(part, size, name=name) for part in parts]
        cropped = region.size != size
        if self.clip_first:
            prediction = np.clip(prediction, *self.clip_limits)
        if prediction.shape == size:
            placement = Placement.CROPPED if cropped else Placement.EXACT
        elif cropped and prediction.shape == region.size:
            return prediction, region.of(target), Placement.COVERS_CROP
        elif part := next((part for part in parts if part.size == prediction.shape), None):
            prediction, placement = lay(prediction, part, size), Placement.COVERS_PART
        elif self.resize:
            prediction, placement = self._stretch(prediction, size, cropped, name)
        else:
            sizes = f"the ground truth's {_size(target)}"
            if cropped:
                sizes += f" or the crop's {region.size[0]}x{region.size[1]}"
            raise DataError(
                f"{name}: the prediction is {_size(prediction)} (height x width) and must be "
                f"{sizes}; pass --resize (resize=True) to stretch it over the ground truth's frame"
            )
        laid = placement in (Placement.COVERS_PART, Placement.RESIZED_AS_STATED)
        if self.border == "cross-bilateral" and laid and missing(region.of(prediction)).any():
            prediction = fill_border(prediction, image, name=name)
        if cropped:
            prediction, target = region.of(prediction), region.of(target)
        return prediction, target, placement

    def _stretch(
        self, prediction: np.ndarray, size: tuple[int, int], cropped: bool, name: str
    ) -> tuple[np.ndarray, Placement]:
        over = self.covers if self.stretch == "covers" else self.within
        part = resolve_region(over, size, name=name)
        how = {"interpolation": self.interpolation, "align_corners": self.align_corners}
        resized = resize_prediction_to(prediction, part.size, resize_in=self.resize_in, **how)
        usual = (self.interpolation, self.align_corners, self.resize_in, over)
        if usual != ("bilinear", False, "depth", None):
            return lay(resized, part, size), Placement.RESIZED_AS_STATED
        return resized, Placement.RESIZED_CROPPED if cropped else Placement.RESIZED

    def valid(self, target: np.ndarray) -> np.ndarray:
        """True where ground truth (metres, any shape) counts: finite and within the range.

        Compared in the array's own precision, so that a float32 millimetre is not above 1e-3.
        """
        low = 0 if self.min_depth is None else self.min_depth
        above = target >= low if self.min_included and low else target > low
        if self.max_depth is None or self.max_capped:
            return above & (target < math.inf)
        return above & (target <= self.max_depth if self.max_included else target < self.max_depth)

    def truth(self, target: np.ndarray) -> np.ndarray:
        """The ground truth (metres, any shape) as it is compared: capped, if the protocol caps."""
        return np.minimum(target, self.max_depth) if self.max_capped else target

    def align(self, prediction: np.ndarray, target: np.ndarray, valid: np.ndarray) -> np.ndarray:
        """The prediction of one image (metres) after `alignment` over its valid pixels."""
        return align(prediction, target, valid, alignment=self.alignment)

    def clamp(self, prediction: np.ndarray) -> np.ndarray:
        """The prediction (metres, any shape) within its limits, `[min_depth, max_depth]` or `clip`.

        Infinity becomes the upper limit, or stays if there is none; NaN, zero and negative depth
        become the lower one, or stay: a missing prediction is scored, and scored badly.
        """
        low, high = self.clip_limits
        if low is not None:
            prediction = np.maximum(np.where(np.isnan(prediction), -np.inf, prediction), low)
        return prediction if high is None else np.minimum(prediction, high)


def _size(array: np.ndarray) -> str:
    return f"{array.shape[0]}x{array.shape[1]}"
