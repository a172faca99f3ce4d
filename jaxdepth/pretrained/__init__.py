"""Published weights for the base networks of `jaxdepth.models.base`.

`load_pretrained` reads a file that the user has: safetensors with the names of torchvision or timm,
HDF5 with those of keras-applications, or this project's own `.npz`, which `save_npz` writes. It
converts every array or refuses the file, and says what it did in a `ConversionReport`. Nothing is
downloaded and nothing is unpickled.
"""

from jaxdepth.pretrained.load import load_pretrained
from jaxdepth.pretrained.npz_file import save_npz
from jaxdepth.pretrained.report import ConversionReport

__all__ = ["ConversionReport", "load_pretrained", "save_npz"]
