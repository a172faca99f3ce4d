"""flax.linen modules: images in, depth and gradients out.

All take images `[B, H, W, 3]` float in [0, 1], of any height and width, and return float32 metres,
but for the base networks of the encoders, which return features.
A `width` multiplies every channel count; `dtype` is the computation's type, parameters are float32.
"""

from jaxdepth.models.base import BaseFeatures, make_base
from jaxdepth.models.deep_variational import DeepVariational, DepthPrediction
from jaxdepth.models.discriminator import Discriminator
from jaxdepth.models.global_net import GlobalNet
from jaxdepth.models.integration import GradientConfidence, IntegrationLayer
from jaxdepth.models.local_net import LocalNet
from jaxdepth.models.two_stream import TwoStream, TwoStreamPrediction, make_two_stream

__all__ = [
    "BaseFeatures",
    "DeepVariational",
    "DepthPrediction",
    "Discriminator",
    "GlobalNet",
    "GradientConfidence",
    "IntegrationLayer",
    "LocalNet",
    "TwoStream",
    "TwoStreamPrediction",
    "make_base",
    "make_two_stream",
]
