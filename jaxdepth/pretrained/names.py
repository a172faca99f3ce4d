"""What the published files call the convolutions of a base network.

Each table has one entry a convolution, in the order of the network: its path among our parameters,
then its name and that of its batch normalisation (None: it has none) in the file.
"""

from jaxdepth.models.base.resnet import BLOCKS
from jaxdepth.models.base.vgg import CONVOLUTIONS

Names = dict[str, tuple[str, str | None]]


def torch_names(base: str, *, batch_norm: bool) -> Names:
    """The names of torchvision, which timm uses too: `features.0`, `layer1.0.conv1`."""
    if base == "resnet50":
        names = {"conv1": ("conv1", "bn1")}
        for path, layer, block in _bottlenecks():
            prefix = f"layer{layer}.{block}"
            for i in (1, 2, 3):
                names[f"{path}/conv{i}"] = (f"{prefix}.conv{i}", f"{prefix}.bn{i}")
            if block == 0:
                names[f"{path}/downsample"] = (f"{prefix}.downsample.0", f"{prefix}.downsample.1")
        return names
    names, position = {}, 0
    for stage, count in enumerate(CONVOLUTIONS[int(base.removeprefix("vgg"))], start=1):
        for i in range(1, count + 1):
            norm = f"features.{position + 1}" if batch_norm else None
            names[f"conv{stage}_{i}"] = (f"features.{position}", norm)
            # Convolution, normalisation and ReLU are modules of their own there, as is pooling.
            position += 3 if batch_norm else 2
        position += 1
    return names


def keras_names(base: str) -> Names:
    """The names of keras-applications: `block1_conv1`, `conv2_block1_1_conv`."""
    if base == "resnet50":
        names = {"conv1": ("conv1_conv", "conv1_bn")}
        for path, layer, block in _bottlenecks():
            prefix = f"conv{layer + 1}_block{block + 1}"
            for i in (1, 2, 3):
                names[f"{path}/conv{i}"] = (f"{prefix}_{i}_conv", f"{prefix}_{i}_bn")
            if block == 0:
                names[f"{path}/downsample"] = (f"{prefix}_0_conv", f"{prefix}_0_bn")
        return names
    return {
        f"conv{stage}_{i}": (f"block{stage}_conv{i}", None)
        for stage, count in enumerate(CONVOLUTIONS[int(base.removeprefix("vgg"))], start=1)
        for i in range(1, count + 1)
    }


def _bottlenecks():
    """(our path, layer from 1, block from 0) of each."""
    for layer, count in enumerate(BLOCKS, start=1):
        for block in range(count):
            yield f"layer{layer}_{block}", layer, block
