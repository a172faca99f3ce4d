"""Depth in grey PNGs of 16 bits, the form of most datasets, or of 8."""

from pathlib import Path

import numpy as np
from jaxtyping import Float

from jaxdepth.data.images import FilePath, read_depth
from jaxdepth.data.readers.damage import damage_named
from jaxdepth.errors import DataError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def read_depth_png(
    path: FilePath, *, scale: float | int, bits: int = 16
) -> Float[np.ndarray, "height width"]:
    """Reads a grey PNG of depth and refuses any other image.

    A copy of 8 bits, such as some viewers save, would pass for depth of some millimetres.

    Args:
        path: the file.
        scale: file units in a metre: 1000 for millimetres, 256 for KITTI.
        bits: of each pixel in the file.

    Returns:
        Metres, float32; 0 = no measurement.

    Raises:
        DataError: the file is missing, damaged, cut short, or no PNG of one channel of that
            many bits.
    """
    with damage_named(path, f"a {bits}-bit grey PNG"), Path(path).open("rb") as file:
        header = file.read(26)
    if len(header) == 26 and header.startswith(_SIGNATURE):
        found, color_type = header[24], header[25]
        if (found, color_type) != (bits, 0):
            raise DataError(
                f"{path}: depth must be a PNG of one grey channel of {bits} bits, got {found} bits "
                f"and PNG colour type {color_type}; take the dataset's original file"
            )
    elif header:
        raise DataError(
            f"cannot read {path} as a {bits}-bit grey PNG: it is no PNG or cut short; copy it "
            "here again"
        )
    return read_depth(path, scale=scale)
