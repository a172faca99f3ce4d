"""Files of weights as torchvision, timm and Keras write them."""

import h5py
import numpy as np
import safetensors.numpy


def write_torch(path, state, *, head="classifier.0"):
    """A state dict with a classifier and, where there is normalisation, counts of batches."""
    counts = {
        name.replace("running_var", "num_batches_tracked"): np.array(7)
        for name in state
        if name.endswith("running_var")
    }
    classifier = {f"{head}.weight": np.ones((5, 3), np.float32)} if head else {}
    safetensors.numpy.save_file({**state, **counts, **classifier}, path)
    return path


def write_keras(path, layers, *, style="kernel"):
    """The published layout. `style` is how weights are called: `kernel` (ResNet) or `W` (VGG)."""
    with h5py.File(path, "w") as file:
        _write_layers(file, layers, style)
    return path


def write_keras_model(path, layers):
    """The layout of a whole model of that time."""
    with h5py.File(path, "w") as file:
        _write_layers(file.create_group("model_weights"), layers, "kernel")
        file.create_group("optimizer_weights")
    return path


def _write_layers(root, layers, style):
    empty = {"input_1": [], "pool1_pool": [], "flatten": []}
    head = {"predictions": [np.ones((3, 5), np.float32), np.ones(5, np.float32)]}
    everything = {**empty, **layers, **head}
    root.attrs["layer_names"] = [name.encode() for name in everything]
    root.attrs["backend"] = b"tensorflow"
    for layer, weights in everything.items():
        group = root.create_group(layer)
        parts = ("kernel", "bias")
        if len(weights) == 4:
            parts = ("gamma", "beta", "moving_mean", "moving_variance")
        names = [f"{layer}/{part}:0" for part in parts[: len(weights)]]
        if style == "W":
            names = [f"{layer}_{part}_1:0" for part in ("W", "b")[: len(weights)]]
        group.attrs["weight_names"] = [name.encode() for name in names]
        for name, value in zip(names, weights, strict=True):
            group[name] = value


def write_keras_weights(path, layers, *, named=True):
    """The layout of a `.weights.h5` file: groups by kind, their layers' names as attributes."""
    with h5py.File(path, "w") as file:
        count = {}
        for layer, weights in layers.items():
            kind = "conv2d" if len(weights) == 2 else "batch_normalization"
            number = count[kind] = count.get(kind, -1) + 1
            group = file.create_group(f"layers/{kind}{f'_{number}' * (number > 0)}/vars")
            if named:
                group.attrs["name"] = layer
            for i, value in enumerate(weights):
                group[str(i)] = value
        file.create_group("layers/input_layer/vars").attrs["name"] = "input_layer"
        file.create_group("optimizer/vars")["0"] = np.array(3)
    return path
