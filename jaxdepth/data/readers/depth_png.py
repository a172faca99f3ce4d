"""Depth in 16-bit grey PNGs, the form of most datasets."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from jaxdepth.data.images import FilePath, read_depth
from jaxdepth.data.readers.damage import damage_named
from jaxdepth.errors import DataError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_depth_png(path: FilePath, *, scale: float | int) -> Float[np.ndarray, "height width"]:
    """Reads a 16-bit grey PNG of depth and refuses any other image.

    A copy of 8 bits, such as some viewers save, would pass for depth of some millimetres.

    Args:
        path: the file.
        scale: file units in a metre: 1000 for millimetres, 256 for KITTI.

    Returns:
        Metres, float32; 0 = no measurement.

    Raises:
        DataError: the file is missing, damaged, cut short, or no PNG of one channel of 16 bits.
    """
    with damage_named(path, "a 16-bit grey PNG"), Path(path).open("rb") as file:
        header = file.read(26)
    if len(header) == 26 and header.startswith(_SIGNATURE):
        bits, color_type = header[24], header[25]
        if (bits, color_type) != (16, 0):
            raise DataError(
                f"{path}: depth must be a PNG of one grey channel of 16 bits, got {bits} bits and "
                f"PNG colour type {color_type}; take the dataset's original file"
            )
    elif header:
        raise DataError(
            f"cannot read {path} as a 16-bit grey PNG: it is no PNG or cut short; copy it here "
            "again"
        )
    return read_depth(path, scale=scale)
