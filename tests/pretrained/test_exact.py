"""Converted networks compute, layer by layer, what the published ones do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from jaxdepth.models import make_base
from jaxdepth.pretrained import load_pretrained
from tests.pretrained import files, reference

WIDTH = 1 / 16
SIZE = (45, 75)  # odd and even at several strides
IMAGE = np.random.default_rng(1).uniform(size=(2, *SIZE, 3)).astype(np.float32)


def layer_outputs(model, variables):
    """Path of module → its output, and the features by name."""
    apply = jax.jit(
        lambda v, x: model.apply(v, x, capture_intermediates=True, mutable=["intermediates"])
    )
    features, state = apply(variables, IMAGE)
    flat = flatten_dict(state["intermediates"], sep="/")
    outputs = {path.removesuffix("/__call__"): value[0] for path, value in flat.items()}
    del outputs["__call__"]
    pools = {"pool3": features.pool3, "pool4": features.pool4, "pool5": features.pool5}
    return outputs | pools, features


def shapes_of(model):
    return jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))


def assert_same_layers(base, convention, path, expected, **options):
    model = make_base(base, width=WIDTH, convention=convention, **options)
    variables, report = load_pretrained(path, base, shapes_of(model), convention=convention)
    assert report.fits
    outputs, features = layer_outputs(model, variables)
    early = {"pool1", "pool2"}  # not returned; what follows shows them
    assert set(outputs) == set(expected) - early
    worst = {}
    for name, value in outputs.items():
        assert value.shape == expected[name].shape, name
        worst[name] = np.max(np.abs(value - expected[name])) / np.max(np.abs(expected[name]))
    assert max(worst.values()) < 1e-5, max(worst, key=worst.get)
    return features, expected


@pytest.mark.parametrize(
    ("base", "batch_norm"),
    [("vgg16", False), ("vgg19", False), ("vgg16", True), ("vgg19", True)],
)
def test_vgg_of_torch(tmp_path, base, batch_norm):
    state = reference.random_torch(base, width=WIDTH, batch_norm=batch_norm)
    expected = reference.run_torch(base, state, IMAGE, batch_norm=batch_norm)
    path = files.write_torch(tmp_path / "w.safetensors", state)
    features, _ = assert_same_layers(base, "torch", path, expected, batch_norm=batch_norm)
    last = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}[base]
    for stage, count in enumerate(last, start=1):
        np.testing.assert_allclose(
            features.skips[stage - 1], expected[f"conv{stage}_{count}"], rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("base", ["vgg16", "vgg19"])
def test_vgg_of_keras(tmp_path, base):
    layers = reference.random_keras(base, width=WIDTH)
    path = files.write_keras(tmp_path / "w.h5", layers, style="W")
    assert_same_layers(base, "keras", path, reference.run_keras(base, layers, IMAGE))


def test_resnet_of_torch(tmp_path):
    state = reference.random_torch("resnet50", width=WIDTH)
    expected = reference.run_torch("resnet50", state, IMAGE)
    path = files.write_torch(tmp_path / "w.safetensors", state, head="fc")
    features, _ = assert_same_layers("resnet50", "torch", path, expected)
    for skip, name in zip(
        features.skips, ("conv1", "layer1_2", "layer2_3", "layer3_5"), strict=True
    ):
        np.testing.assert_allclose(skip, expected[name], rtol=1e-4, atol=1e-4)


def test_resnet_of_keras(tmp_path):
    layers = reference.random_keras("resnet50", width=WIDTH)
    path = files.write_keras(tmp_path / "w.h5", layers)
    expected = reference.run_keras("resnet50", layers, IMAGE)
    assert_same_layers("resnet50", "keras", path, expected)
