"""Pictures of what a model predicts, beside the image and the truth."""

from collections.abc import Sequence

import numpy as np

from jaxdepth.data.images import colorize, resize_image
from jaxdepth.data.sources import Example
from jaxdepth.experiment import ImagePrediction


def sample_sheet(
    samples: Sequence[tuple[Example, ImagePrediction]], *, border: int = 2
) -> np.ndarray:
    """A row for each example, on one depth scale a row; what was not measured is grey.

    Args:
        samples: with depth in metres; all are brought to the size of the first prediction.
        border: pixels between pictures.

    Returns:
        uint8 RGB; columns are the image, the truth, |g| (dark to bright, to its 99th percentile)
        where gradients are predicted, and the system's maps.
    """
    size = samples[0][1].depth.shape
    rows = [_row(example, prediction) for example, prediction in samples]
    rows = [[resize_image(picture, size) for picture in row] for row in rows]
    return np.concatenate([_join(row, border) for row in rows], axis=0)


def _row(example: Example, prediction: ImagePrediction) -> list[np.ndarray]:
    truth = example.depth
    seen = truth[truth > 0] if np.any(truth > 0) else prediction.depth
    low, high = float(seen.min()), float(seen.max())
    scale = {"vmin": low, "vmax": max(high, low + 1e-3)}
    row = [example.image, colorize(truth, mask=truth > 0, **scale)]
    if prediction.steepness is not None:
        top = max(float(np.percentile(prediction.steepness, 99)), 1e-6)
        grey = np.clip(prediction.steepness / top * 255, 0, 255).astype(np.uint8)
        row.append(np.repeat(grey[..., None], 3, axis=-1))
    return row + [colorize(depth, **scale) for depth in prediction.maps.values()]


def _join(pictures: Sequence[np.ndarray], border: int) -> np.ndarray:
    padded = [np.pad(p, ((0, border), (0, border), (0, 0)), constant_values=255) for p in pictures]
    return np.concatenate(padded, axis=1)
