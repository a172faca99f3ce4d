"""The baseline that sees no image."""

from collections.abc import Sequence

import numpy as np

from jaxdepth.data.images import resize_depth


def mean_depth(source: Sequence, image_size: tuple[int, int], num_examples: int) -> np.ndarray:
    """The per-pixel mean depth of a data source.

    Args:
        source: examples with depth in metres, 0 = no measurement.
        image_size: (height, width) of the result.
        num_examples: how many are taken at most, evenly spread over the source.

    Returns:
        `[height, width]` float32 metres; where nothing was ever measured, the mean over all pixels.
    """
    total = np.zeros(image_size, np.float64)
    count = np.zeros(image_size, np.int64)
    for index in np.linspace(0, len(source) - 1, min(num_examples, len(source))).round():
        depth = resize_depth(source[int(index)].depth, image_size)
        total += depth
        count += depth > 0
    overall = total.sum() / max(count.sum(), 1)
    return np.where(count > 0, total / np.maximum(count, 1), overall).astype(np.float32)
