"""Base networks: images in, features at strides 1 to 32 out, for encoders.

All take RGB images `[B, H, W, 3]` in [0, 1] and normalise them as the weights' convention asks, so
that whoever uses them needs to know nothing of it. Published weights are converted by
`jaxdepth.pretrained`.
"""

from jaxdepth.models.base.conventions import CONVENTIONS, Convention
from jaxdepth.models.base.features import STRIDE, BaseFeatures
from jaxdepth.models.base.make import BASES, make_base
from jaxdepth.models.base.resnet import ResNet50
from jaxdepth.models.base.vgg import VGG

__all__ = [
    "BASES",
    "CONVENTIONS",
    "STRIDE",
    "VGG",
    "BaseFeatures",
    "Convention",
    "ResNet50",
    "make_base",
]
