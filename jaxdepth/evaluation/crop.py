"""The rectangle of the ground truth that is scored."""

import re
from typing import NamedTuple

import numpy as np

from jaxdepth.errors import ConfigError


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
