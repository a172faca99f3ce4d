"""Rectangles of the ground truth: of pixels, or by a rule that asks for the frame's size."""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from jaxdepth.errors import ConfigError, DataError


class Crop(NamedTuple):
    """Rows `top:bottom` and columns `left:right`, half-open and from 0, as Python slices.

    `str(crop)` is `"44:471,40:601"`, which `parse_crop` reads.
    """

    top: int
    bottom: int
    left: int
    right: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.bottom - self.top, self.right - self.left

    def fits(self, size: tuple[int, int]) -> bool:
        """Whether the crop lies within a frame of this height and width."""
        return self.bottom <= size[0] and self.right <= size[1]

    def of(self, array: np.ndarray) -> np.ndarray:
        """The part of an `[H, W]` array that the crop covers; the crop must fit."""
        return array[self.top : self.bottom, self.left : self.right]

    def __str__(self) -> str:
        return f"{self.top}:{self.bottom},{self.left}:{self.right}"


NYU_VALID_AREA = Crop(44, 471, 40, 601)
"""The valid projection area of a 480x640 NYU Depth v2 frame, 427x561: rows 45 to 471 and columns 41
to 601 in the 1-based, inclusive numbers of the dataset's toolbox (`get_projection_mask`). Much
published code takes `Crop(45, 471, 41, 601)`, which lacks its first row and column.
"""


def _garg(height: int, width: int) -> Crop:
    return _fractions(0.40810811, 0.99189189, 0.03594771, 0.96405229, height, width)


def _eigen(height: int, width: int) -> Crop:
    return _fractions(0.3324324, 0.91351351, 0.0359477, 0.96405229, height, width)


def _fractions(
    top: float, bottom: float, left: float, right: float, height: int, width: int
) -> Crop:
    return Crop(int(top * height), int(bottom * height), int(left * width), int(right * width))


def _kb(height: int, width: int) -> Crop:
    top, left = height - 352, int((width - 1216) / 2)
    return Crop(top, top + 352, left, left + 1216)


CROP_RULES: Mapping[str, Callable[[int, int], Crop]] = {"garg": _garg, "eigen": _eigen, "kb": _kb}
"""Name → height and width of the frame → crop; all three are of KITTI, whose frames differ in size.

- `garg`: rows .40810811 to .99189189 and columns .03594771 to .96405229 of the frame, truncated
  (Garg et al. 2016, as monodepth, monodepth2, BTS and AdaBins write it).
- `eigen`: rows .3324324 to .91351351 and columns .0359477 to .96405229, truncated: what monodepth's
  authors found to reproduce Eigen et al. 2014.
- `kb`: the bottom 352 rows and the centred 1216 columns, the size of the KITTI benchmark.
"""

Region = Crop | str
"""A crop in pixels, or the name of one of `CROP_RULES`."""


def resolve_region(region: Region | None, size: tuple[int, int], *, name: str) -> Crop:
    """The pixels of a region in a frame of this height and width; None is the whole frame.

    Args:
        region: a crop, or a rule's name.
        size: height and width of the frame, pixels.
        name: what an error calls the frame, usually its file.

    Raises:
        DataError: the region does not fit into the frame.
    """
    if region is None:
        return Crop(0, size[0], 0, size[1])
    crop = CROP_RULES[region](*size) if isinstance(region, str) else region
    empty = crop.top < 0 or crop.left < 0 or crop.top >= crop.bottom or crop.left >= crop.right
    if empty or not crop.fits(size):
        called = f"{region} ({crop})" if isinstance(region, str) else f"{crop}"
        raise DataError(
            f"{name}: the crop {called} does not fit into the ground truth, which is "
            f"{size[0]}x{size[1]} (height x width); choose a crop within it, or none if the files "
            "are cropped already"
        )
    return crop


def checked_region(region: Region | tuple[int, int, int, int]) -> Region:
    """The region itself if it is a rule's name or a crop that holds a pixel, else `ConfigError`."""
    if not isinstance(region, str):
        return checked_crop(Crop(*region))
    if region not in CROP_RULES:
        raise ConfigError(
            f"a crop is four numbers or one of {', '.join(CROP_RULES)}, got {region!r}"
        )
    return region


def parse_crop(text: str) -> Crop:
    """Reads a crop such as `"44:471,40:601"`: rows, then columns, half-open and from 0.

    Raises:
        ConfigError: the text is something else, or a range is empty.
    """
    match = re.fullmatch(r"\s*(\d+):(\d+)\s*,\s*(\d+):(\d+)\s*", text, re.ASCII)
    if match is None:
        raise ConfigError(
            "a crop is written TOP:BOTTOM,LEFT:RIGHT in pixels, such as 44:471,40:601, "
            f"got {text!r}"
        )
    return checked_crop(Crop(*map(int, match.groups())))


def checked_crop(crop: Crop) -> Crop:
    """The crop itself if it holds a pixel and no negative number, else a `ConfigError`."""
    if not (0 <= crop.top < crop.bottom and 0 <= crop.left < crop.right):
        raise ConfigError(
            "a crop needs 0 <= TOP < BOTTOM (rows) and 0 <= LEFT < RIGHT (columns), "
            f"got {crop.top}:{crop.bottom},{crop.left}:{crop.right}"
        )
    return crop
