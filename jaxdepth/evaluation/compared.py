"""The arrays of one image that a protocol compares, whole."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from jaxdepth.evaluation.crop import Crop
from jaxdepth.evaluation.protocol import Protocol


class Compared(NamedTuple):
    """What was compared: placed, aligned and clamped, of the scored region.

    Attributes:
        prediction, target: `[h, w]` float64, metres.
        valid: true at the pixels that count.
        region: where they lie in the ground truth.
    """

    prediction: np.ndarray
    target: np.ndarray
    valid: np.ndarray
    region: Crop


def compare_image(
    protocol: Protocol,
    prediction: ArrayLike,
    target: ArrayLike,
    *,
    name: str,
    image: np.ndarray | None = None,
) -> Compared:
    """The arrays that a protocol compares, as `Scorer.add` takes them.

    Args:
        protocol: where the prediction lies, what is done to it, and which pixels count.
        prediction: `[h, w]`, metres.
        target: ground truth `[H, W]`, metres; 0 or non-finite = no measurement.
        name: what an error calls the image.
        image: `[H, W, 3]`, where the protocol needs it.

    Raises:
        DataError: the prediction cannot be placed in the ground truth.
    """
    target = protocol.truth_frame(np.asarray(target))
    p, g, _ = protocol.place(np.asarray(prediction), target, name=name, image=image)
    valid = protocol.valid(g)
    p, g = p.astype(np.float64), protocol.truth(g.astype(np.float64))
    clamped = protocol.clamp(protocol.align(p, g, valid))
    return Compared(clamped, g, valid, protocol.region(target.shape, name=name))
