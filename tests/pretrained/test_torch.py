"""Converted networks against torch itself, on the same state dict."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.models import make_base
from jaxdepth.pretrained import load_pretrained
from tests.pretrained import files, reference

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'jaxdepth[bench]'")
nn = torch.nn

WIDTH = 1 / 8
IMAGE = np.random.default_rng(2).uniform(size=(1, 77, 101, 3)).astype(np.float32)


class Bottleneck(nn.Module):
    def __init__(self, inputs, inner, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inner, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, 4 * inner, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * inner)
        self.relu = nn.ReLU()
        if stride > 1 or inputs != 4 * inner:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, 4 * inner, 1, stride, bias=False), nn.BatchNorm2d(4 * inner)
            )

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class ResNet50(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(3, channels[0], 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels[0])
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        inputs = channels[0]
        for layer, blocks in enumerate(reference.RESNET_BLOCKS, start=1):
            inner = channels[layer - 1]
            modules = []
            for block in range(blocks):
                modules.append(Bottleneck(inputs, inner, 2 if layer > 1 and block == 0 else 1))
                inputs = 4 * inner
            setattr(self, f"layer{layer}", nn.Sequential(*modules))

    def forward(self, x):
        x = self.maxpool(torch.relu(self.bn1(self.conv1(x))))
        pools = []
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
            pools.append(x)
        return pools[1:]


class VGG(nn.Module):
    def __init__(self, channels, convolutions, batch_norm):
        super().__init__()
        layers, inputs = [], 3
        for outputs, count in zip(channels, convolutions, strict=True):
            for _ in range(count):
                layers.append(nn.Conv2d(inputs, outputs, 3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2d(outputs))
                layers.append(nn.ReLU())
                inputs = outputs
            layers.append(nn.MaxPool2d(2, 2))
        self.features = nn.Sequential(*layers)

    def forward(self, x):
        pools = []
        for layer in self.features:
            x = layer(x)
            if isinstance(layer, nn.MaxPool2d):
                pools.append(x)
        return pools[2:]


@pytest.mark.parametrize(
    ("base", "batch_norm"), [("vgg16", False), ("vgg19", True), ("resnet50", False)]
)
def test_features_are_those_of_torch(tmp_path, base, batch_norm):
    state = reference.random_torch(base, width=WIDTH, batch_norm=batch_norm)
    channels = reference.channels(WIDTH)
    if base == "resnet50":
        theirs = ResNet50(channels)
    else:
        theirs = VGG(channels, reference.VGG_CONVOLUTIONS[base], batch_norm)
    wanted = theirs.load_state_dict(
        {k: torch.from_numpy(v) for k, v in state.items()}, strict=False
    )
    assert not wanted.unexpected_keys
    assert all(name.endswith("num_batches_tracked") for name in wanted.missing_keys)
    theirs.eval()
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    with torch.no_grad():
        expected = theirs(((torch.from_numpy(IMAGE) - mean) / std).permute(0, 3, 1, 2))

    model = make_base(base, width=WIDTH, batch_norm=batch_norm)
    shapes = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 32, 32, 3)))
    path = files.write_torch(tmp_path / "w.safetensors", {k: v.numpy() for k, v in
                             theirs.state_dict().items() if v.ndim}, head=None)  # fmt: skip
    variables, _ = load_pretrained(path, base, shapes, convention="torch")
    features = jax.jit(model.apply)(variables, IMAGE)
    for ours, other in zip(features[1:], expected, strict=True):
        other = other.permute(0, 2, 3, 1).numpy()
        assert ours.shape == other.shape
        assert np.max(np.abs(ours - other)) < 1e-5 * np.max(np.abs(other))
