"""Arrays as pictures in a page: colours, their legends, and data URIs."""

import base64
import io
from collections.abc import Callable

import cv2
import numpy as np
from PIL import Image

from jaxdepth.evaluation.report.charts import ticks

MAX_SIDE = 320
"""Pixels: the longer side of a picture in a report."""

_NOTHING = (128, 128, 128)
_TURNS = np.array([[20, 60, 150], [95, 150, 215], [245, 245, 245], [235, 130, 95], [150, 20, 30]])

Colors = Callable[[np.ndarray], np.ndarray]
"""Values in [0, 1] → RGB uint8."""


def near_is_bright(values: np.ndarray) -> np.ndarray:
    """OpenCV's "inferno", turned around."""
    return _opencv(1 - values, cv2.COLORMAP_INFERNO)


def more_is_bright(values: np.ndarray) -> np.ndarray:
    """OpenCV's "viridis"."""
    return _opencv(values, cv2.COLORMAP_VIRIDIS)


def blue_to_red(values: np.ndarray) -> np.ndarray:
    """Blue below 0.5, white there, red above."""
    at = np.linspace(0, 1, len(_TURNS))
    channels = [np.interp(values, at, _TURNS[:, i]) for i in range(3)]
    return np.rint(np.stack(channels, axis=-1)).astype(np.uint8)


def paint(
    values: np.ndarray, valid: np.ndarray, low: float, high: float, colors: Colors
) -> np.ndarray:
    """`[h, w]` values as RGB, those from low to high in all colours, grey where not valid."""
    valid = valid & np.isfinite(values)
    scaled = np.clip((np.where(valid, values, low) - low) / max(high - low, 1e-12), 0, 1)
    return np.where(valid[..., None], colors(scaled), np.uint8(_NOTHING))


def fit(array: np.ndarray, *, max_side: int = MAX_SIDE, smooth: bool = True) -> np.ndarray:
    """The array with its longer side no more than that: averaged, or each pixel picked."""
    scale = max_side / max(array.shape[:2])
    if scale >= 1:
        return array
    size = tuple(max(1, round(side * scale)) for side in array.shape[1::-1])
    how = cv2.INTER_AREA if smooth else cv2.INTER_NEAREST
    return cv2.resize(array, size, interpolation=how)


def picture_uri(rgb: np.ndarray) -> str:
    """An RGB picture as the data URI of a WebP."""
    blob = io.BytesIO()
    Image.fromarray(rgb).save(blob, "WEBP", quality=82, method=4)
    return uri(blob.getvalue(), "image/webp")


def uri(content: bytes, kind: str) -> str:
    """Anything as a data URI."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def legend(low: float, high: float, colors: Colors, unit: str) -> dict:
    """What a legend is drawn from: a strip of colour, and numbers with their places in percent."""
    strip = colors(np.linspace(0, 1, 256)[None])
    at = [t for t in ticks(low, high, 5) if low <= t <= high]
    places = [(f"{t:g}", round(100 * (t - low) / max(high - low, 1e-12), 2)) for t in at]
    return {"uri": picture_uri(np.repeat(strip, 8, axis=0)), "ticks": places, "unit": unit}


def _opencv(values: np.ndarray, colors: int) -> np.ndarray:
    levels = np.rint(255 * values).astype(np.uint8)
    return cv2.applyColorMap(levels, colors)[..., ::-1]
