"""Point clouds as PLY files.

References:
    Turk, "The PLY Polygon File Format" (1994).
"""

import numpy as np
from jaxtyping import Float, UInt8

from jaxdepth.data.images import FilePath, write_file
from jaxdepth.errors import DataError

_VERTEX = np.dtype([("position", "<f4", 3), ("color", "u1", 3)])


def write_ply(
    path: FilePath, points: Float[np.ndarray, "n 3"], colors: UInt8[np.ndarray, "n 3"]
) -> None:
    """Writes coloured points as a binary little-endian PLY file.

    Args:
        path: the file.
        points: x, y, z, metres, written as float32; finite.
        colors: red, green, blue.

    Raises:
        DataError: there is no point, one is not finite, or the file cannot be written.
    """
    if not len(points) or not np.isfinite(points).all():
        what = "a point that is not finite" if len(points) else "no point"
        raise DataError(f"cannot write {path}: a point cloud needs finite points, and has {what}")
    vertices = np.empty(len(points), _VERTEX)
    vertices["position"], vertices["color"] = points, colors
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(points)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {channel}" for channel in ("red", "green", "blue")),
        "end_header\n",
    ]
    write_file(path, "\n".join(header).encode() + vertices.tobytes())
