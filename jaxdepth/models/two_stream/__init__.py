"""The two-stream model of depth and depth gradients (Li et al. 2017)."""

from jaxdepth.models.two_stream.blocks import CoarseBlock, RefinementBlock
from jaxdepth.models.two_stream.maps import COARSE_PITCH, FINE_PITCH, coarse_size, fine_size
from jaxdepth.models.two_stream.model import (
    Streams,
    TwoStream,
    TwoStreamPrediction,
    make_two_stream,
)

__all__ = [
    "COARSE_PITCH",
    "FINE_PITCH",
    "CoarseBlock",
    "RefinementBlock",
    "Streams",
    "TwoStream",
    "TwoStreamPrediction",
    "coarse_size",
    "fine_size",
    "make_two_stream",
]
