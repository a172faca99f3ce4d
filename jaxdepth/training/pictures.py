"""Pictures of what a model predicts: image, truth, f, |g|, u side by side."""

from collections.abc import Sequence

import numpy as np

from jaxdepth.data.images import colorize
from jaxdepth.models import DepthPrediction


def sample_sheet(
    image: np.ndarray, depth: np.ndarray, prediction: DepthPrediction, *, border: int = 2
) -> np.ndarray:
    """A row for each example, on one depth scale a row; what was not measured is grey.

    Args:
        image: `[B, H, W, 3]` uint8.
        depth: `[B, H, W]` metres, 0 = no measurement.
        prediction: of the same images.
        border: pixels between pictures.

    Returns:
        uint8 RGB; columns are image, truth, f, |g| (dark to bright, to its 99th percentile), u;
        without the last two where the model has no local network.
    """
    rows = [
        _row(image[i], depth[i], *(None if p is None else np.asarray(p[i]) for p in prediction))
        for i in range(len(image))
    ]
    return np.concatenate([_join(row, border) for row in rows], axis=0)


def _row(
    image: np.ndarray, truth: np.ndarray, u: np.ndarray, f: np.ndarray, g: np.ndarray | None
) -> list[np.ndarray]:
    measured = truth[truth > 0]
    low, high = (measured.min(), measured.max()) if measured.size else (f.min(), f.max())
    scale = {"vmin": float(low), "vmax": float(max(high, low + 1e-3))}
    row = [image, colorize(truth, mask=truth > 0, **scale), colorize(f, **scale)]
    if g is not None:
        steepness = np.linalg.norm(g, axis=-1)
        top = max(float(np.percentile(steepness, 99)), 1e-6)
        grey = np.clip(steepness / top * 255, 0, 255).astype(np.uint8)
        row += [np.repeat(grey[..., None], 3, axis=-1), colorize(u, **scale)]
    return row


def _join(pictures: Sequence[np.ndarray], border: int) -> np.ndarray:
    padded = [np.pad(p, ((0, border), (0, border), (0, 0)), constant_values=255) for p in pictures]
    return np.concatenate(padded, axis=1)
