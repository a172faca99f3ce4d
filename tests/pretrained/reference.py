"""The base networks in NumPy, float64, on arrays of the published files as they are.

Nothing here knows of jaxdepth: the torch networks run in NCHW with OIHW kernels and the names of a
state dict, the Keras ones in NHWC with HWIO kernels, the names of layers and BGR images. Only what
the layers compute is reported under the paths of our modules.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

VGG_CONVOLUTIONS = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
RESNET_BLOCKS = (3, 4, 6, 3)


def channels(width):
    return [int(c * width) for c in (64, 128, 256, 512, 512)]


# Shapes of the entries of published files.


def torch_shapes(base, *, width=1.0, batch_norm=False):
    """Name → shape of a state dict without its classifier."""
    shapes, counts, inputs = {}, channels(width), 3

    def norm(name, outputs):
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (outputs,)

    if base == "resnet50":
        shapes["conv1.weight"] = (counts[0], 3, 7, 7)
        norm("bn1", counts[0])
        inputs = counts[0]
        for layer, blocks in enumerate(RESNET_BLOCKS, start=1):
            inner = counts[layer - 1]
            for block in range(blocks):
                name = f"layer{layer}.{block}"
                convolutions = {
                    "1": (inner, inputs, 1, 1),
                    "2": (inner, inner, 3, 3),
                    "3": (4 * inner, inner, 1, 1),
                }
                for i, shape in convolutions.items():
                    shapes[f"{name}.conv{i}.weight"] = shape
                    norm(f"{name}.bn{i}", shape[0])
                if block == 0:
                    shapes[f"{name}.downsample.0.weight"] = (4 * inner, inputs, 1, 1)
                    norm(f"{name}.downsample.1", 4 * inner)
                inputs = 4 * inner
        return shapes
    index = 0
    for outputs, count in zip(counts, VGG_CONVOLUTIONS[base], strict=True):
        for _ in range(count):
            shapes[f"features.{index}.weight"] = (outputs, inputs, 3, 3)
            shapes[f"features.{index}.bias"] = (outputs,)
            if batch_norm:
                norm(f"features.{index + 1}", outputs)
            index += 3 if batch_norm else 2
            inputs = outputs
        index += 1
    return shapes


def keras_shapes(base, *, width=1.0):
    """Layer → shapes of its weights in their order, without the classifier."""
    shapes, counts, inputs = {}, channels(width), 3

    def convolution(name, *shape):
        shapes[name] = [shape, shape[-1:]]

    if base == "resnet50":

        def normalised(name, *shape):
            convolution(f"{name}_conv", *shape)
            shapes[f"{name}_bn"] = [shape[-1:]] * 4

        normalised("conv1", 7, 7, 3, counts[0])
        inputs = counts[0]
        for stage, blocks in enumerate(RESNET_BLOCKS, start=2):
            inner = counts[stage - 2]
            for block in range(1, blocks + 1):
                name = f"conv{stage}_block{block}"
                if block == 1:
                    normalised(f"{name}_0", 1, 1, inputs, 4 * inner)
                normalised(f"{name}_1", 1, 1, inputs, inner)
                normalised(f"{name}_2", 3, 3, inner, inner)
                normalised(f"{name}_3", 1, 1, inner, 4 * inner)
                inputs = 4 * inner
        return shapes
    for block, count in enumerate(VGG_CONVOLUTIONS[base], start=1):
        for i in range(1, count + 1):
            convolution(f"block{block}_conv{i}", 3, 3, inputs, counts[block - 1])
            inputs = counts[block - 1]
    return shapes


def random_torch(base, *, width, batch_norm=False, seed=0):
    """A state dict of random values that keep activations near 1."""
    rng = np.random.default_rng(seed)
    state = {}
    for name, shape in torch_shapes(base, width=width, batch_norm=batch_norm).items():
        if len(shape) == 4:
            state[name] = rng.normal(size=shape) * np.sqrt(2 / np.prod(shape[1:]))
        elif name.endswith("running_var"):
            state[name] = _variance(rng, shape)
            # Divided by the deviation, activations keep their size.
            scale = name.replace("running_var", "weight")
            state[scale] = state[scale] * np.sqrt(state[name])
        else:
            state[name] = rng.uniform(0.5, 1.0, size=shape) - ("weight" not in name) * 0.6
    return {name: value.astype(np.float32) for name, value in state.items()}


def random_keras(base, *, width, seed=0):
    """Layers with their weights, random values that keep activations near 1."""
    rng = np.random.default_rng(seed)
    layers = {}
    for name, shapes in keras_shapes(base, width=width).items():
        if len(shapes) == 2:
            weights = [
                rng.normal(size=shapes[0]) * np.sqrt(2 / np.prod(shapes[0][:3])),
                rng.uniform(-0.1, 0.4, size=shapes[1]),
            ]
            if len(layers) == 0:
                weights[0] /= 60  # the image is in [0, 255]
        else:
            variance = _variance(rng, shapes[3])
            weights = [
                rng.uniform(0.5, 1.0, size=shapes[0]) * np.sqrt(variance),
                rng.uniform(-0.1, 0.4, size=shapes[1]),
                rng.uniform(-0.1, 0.4, size=shapes[2]),
                variance,
            ]
        layers[name] = [w.astype(np.float32) for w in weights]
    return layers


def _variance(rng, shape):
    """Small enough that 1.001e-5 in place of 1e-5 shows."""
    return np.exp(rng.uniform(np.log(1e-5), np.log(1e-4), size=shape))


# Networks of torchvision.


def run_torch(base, state, image, *, batch_norm=False):
    """Path of our module → what it should compute, [B, H, W, C].

    `…/conv` is the convolution (with its bias only where no normalisation follows), `…/norm` is
    after normalisation and `…` after ReLU, if any; `pool3` … `pool5` are the features.
    """
    state = {name: value.astype(np.float64) for name, value in state.items()}
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    x = ((image.astype(np.float64) - mean) / std).transpose(0, 3, 1, 2)
    trace = {}

    def keep(path, x):
        trace[path] = x.transpose(0, 2, 3, 1)
        return x

    def norm(name, x):
        w, b, mean, var = (
            state[f"{name}.{part}"].reshape(1, -1, 1, 1)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(var + 1e-5) * w + b

    if base == "resnet50":

        def block(path, conv, bn, x, stride=1, padding=0, relu=True):
            x = keep(f"{path}/conv", _conv_nchw(x, state[f"{conv}.weight"], stride, padding))
            x = keep(f"{path}/norm", norm(bn, x))
            return keep(path, np.maximum(x, 0) if relu else x)

        x = block("conv1", "conv1", "bn1", x, 2, 3)
        x = _max_pool_nchw(x, 3, 2, 1)
        for layer, blocks in enumerate(RESNET_BLOCKS, start=1):
            for i in range(blocks):
                ours, name = f"layer{layer}_{i}", f"layer{layer}.{i}"
                stride = 2 if layer > 1 and i == 0 else 1
                y = block(f"{ours}/conv1", f"{name}.conv1", f"{name}.bn1", x)
                y = block(f"{ours}/conv2", f"{name}.conv2", f"{name}.bn2", y, stride, 1)
                y = block(f"{ours}/conv3", f"{name}.conv3", f"{name}.bn3", y, relu=False)
                if f"{name}.downsample.0.weight" in state:
                    down = f"{name}.downsample"
                    x = block(f"{ours}/downsample", f"{down}.0", f"{down}.1", x, stride, relu=False)
                x = keep(ours, np.maximum(x + y, 0))
            if layer > 1:
                keep(f"pool{layer + 1}", x)
        return trace

    index = 0
    for stage, count in enumerate(VGG_CONVOLUTIONS[base], start=1):
        for i in range(1, count + 1):
            path, name = f"conv{stage}_{i}", f"features.{index}"
            x = _conv_nchw(x, state[f"{name}.weight"], 1, 1)
            bias = state[f"{name}.bias"].reshape(1, -1, 1, 1)
            keep(f"{path}/conv", x if batch_norm else x + bias)
            x = x + bias
            if batch_norm:
                x = keep(f"{path}/norm", norm(f"features.{index + 1}", x))
            x = keep(path, np.maximum(x, 0))
            index += 3 if batch_norm else 2
        x = keep(f"pool{stage}", _max_pool_nchw(x, 2, 2, 0))
        index += 1
    return trace


def _conv_nchw(x, kernel, stride, padding):
    x = np.pad(x, [(0, 0), (0, 0), (padding, padding), (padding, padding)])
    windows = sliding_window_view(x, kernel.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("bchwij,ocij->bohw", windows, kernel, optimize=True)


def _max_pool_nchw(x, size, stride, padding):
    pads = [(0, 0), (0, 0), (padding, padding), (padding, padding)]
    x = np.pad(x, pads, constant_values=-np.inf)
    windows = sliding_window_view(x, (size, size), axis=(2, 3))[:, :, ::stride, ::stride]
    return windows.max((-1, -2))


# Networks of keras-applications.


def run_keras(base, layers, image):
    """As `run_torch`, for layers of Keras."""
    layers = {name: [w.astype(np.float64) for w in weights] for name, weights in layers.items()}
    x = 255 * image[..., ::-1].astype(np.float64) - np.array([103.939, 116.779, 123.68])
    trace = {}

    def keep(path, x):
        trace[path] = x
        return x

    if base == "resnet50":

        def block(path, name, x, stride=1, relu=True):
            kernel, bias = layers[f"{name}_conv"]
            x = keep(f"{path}/conv", _conv_nhwc(x, kernel, stride)) + bias
            gamma, beta, mean, variance = layers[f"{name}_bn"]
            x = keep(f"{path}/norm", (x - mean) / np.sqrt(variance + 1.001e-5) * gamma + beta)
            return keep(path, np.maximum(x, 0) if relu else x)

        x = block("conv1", "conv1", _zero_pad(x, 3), 2)
        x = _max_pool_nhwc(_zero_pad(x, 1), 3)
        for stage, blocks in enumerate(RESNET_BLOCKS, start=2):
            for i in range(1, blocks + 1):
                ours, name = f"layer{stage - 1}_{i - 1}", f"conv{stage}_block{i}"
                stride = 2 if stage > 2 and i == 1 else 1
                shortcut = x
                if i == 1:
                    shortcut = block(f"{ours}/downsample", f"{name}_0", x, stride, relu=False)
                x = block(f"{ours}/conv1", f"{name}_1", x, stride)
                x = block(f"{ours}/conv2", f"{name}_2", _zero_pad(x, 1))
                x = block(f"{ours}/conv3", f"{name}_3", x, relu=False)
                x = keep(ours, np.maximum(shortcut + x, 0))
            if stage > 2:
                keep(f"pool{stage}", x)
        return trace

    for stage, count in enumerate(VGG_CONVOLUTIONS[base], start=1):
        for i in range(1, count + 1):
            kernel, bias = layers[f"block{stage}_conv{i}"]
            x = keep(f"conv{stage}_{i}/conv", _conv_nhwc(_zero_pad(x, 1), kernel, 1) + bias)
            x = keep(f"conv{stage}_{i}", np.maximum(x, 0))
        x = keep(f"pool{stage}", _max_pool_nhwc(x, 2))
    return trace


def _zero_pad(x, size):
    return np.pad(x, [(0, 0), (size, size), (size, size), (0, 0)])


def _conv_nhwc(x, kernel, stride):
    height = (x.shape[1] - kernel.shape[0]) // stride + 1
    width = (x.shape[2] - kernel.shape[1]) // stride + 1
    y = np.zeros((x.shape[0], height, width, kernel.shape[3]))
    for i in range(kernel.shape[0]):
        for j in range(kernel.shape[1]):
            rows = slice(i, i + stride * (height - 1) + 1, stride)
            columns = slice(j, j + stride * (width - 1) + 1, stride)
            y += x[:, rows, columns] @ kernel[i, j]
    return y


def _max_pool_nhwc(x, size):
    height, width = ((n - size) // 2 + 1 for n in x.shape[1:3])
    return np.max(
        [
            x[:, i : i + 2 * height - 1 : 2, j : j + 2 * width - 1 : 2]
            for i in range(size)
            for j in range(size)
        ],
        axis=0,
    )
