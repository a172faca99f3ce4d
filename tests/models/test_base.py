"""Base networks: published sizes, features at any image size, conventions, frozen statistics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.models import GlobalNet, make_base
from jaxdepth.models.base import BASES
from jaxdepth.models.base.resnet import Bottleneck
from tests.models.random_variables import random_variables

KEY = jax.random.key(0, impl="rbg")
IMAGE = jnp.zeros((1, 32, 32, 3))


def count(tree) -> int:
    return sum(x.size for x in jax.tree.leaves(tree))


def features_of(model, *size: int):
    return jax.eval_shape(lambda x: model.init_with_output(KEY, x)[0], jnp.zeros((2, *size, 3)))


@pytest.mark.parametrize(
    ("base", "published"), [("vgg16", 14_714_688), ("vgg19", 20_024_384), ("resnet50", 23_508_032)]
)
def test_published_parameter_counts(base, published):
    shapes = jax.eval_shape(make_base(base).init, KEY, jnp.zeros((1, 32, 32, 3)))
    assert count(shapes["params"]) == published


@pytest.mark.parametrize("base", ["vgg16", "vgg19"])
def test_vgg_pooling_rounds_down(base):
    f = features_of(make_base(base, width=1 / 16), 232, 310)
    assert [s.shape for s in f.skips] == [
        (2, 232, 310, 4),
        (2, 116, 155, 8),
        (2, 58, 77, 16),
        (2, 29, 38, 32),
        (2, 14, 19, 32),
    ]
    assert f.pool3.shape == (2, 29, 38, 16)
    assert f.pool4.shape == (2, 14, 19, 32)
    assert f.pool5.shape == (2, 7, 9, 32)


@pytest.mark.parametrize("convention", ["torch", "keras"])
def test_resnet_strides_round_up(convention):
    f = features_of(make_base("resnet50", width=1 / 16, convention=convention), 232, 310)
    assert [s.shape for s in f.skips] == [
        (2, 116, 155, 4),
        (2, 58, 78, 16),
        (2, 29, 39, 32),
        (2, 15, 20, 64),
    ]
    assert f.pool3.shape == f.skips[2].shape
    assert f.pool4.shape == f.skips[3].shape
    assert f.pool5.shape == (2, 8, 10, 128)


def test_a_block_of_the_resnet_starts_as_its_shortcut():
    x = jax.random.uniform(KEY, (1, 4, 6, 8))
    block = Bottleneck(2, 8, 1, stride_in_first=False, project=False, block={"batch_norm": True})
    for train in (False, True):
        y, _ = block.init_with_output(KEY, x, train=train)
        np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("base", BASES)
def test_width_leaves_a_channel_at_least(base):
    f = features_of(make_base(base, width=1e-6), 32, 32)
    assert {x.shape[-1] for x in jax.tree.leaves(f)} == {1}


@pytest.mark.parametrize("base", BASES)
def test_batch_norm_is_the_resnet_s_always_and_vgg_s_by_choice(base):
    for batch_norm in (False, True):
        model = make_base(base, width=1 / 16, batch_norm=batch_norm)
        shapes = jax.eval_shape(model.init, KEY, jnp.zeros((1, 32, 32, 3)))
        assert ("batch_stats" in shapes) == (batch_norm or base == "resnet50")


def test_conventions_differ_by_an_affine_map_of_the_image():
    image = jax.random.uniform(KEY, (1, 32, 32, 3))
    torch, keras = (make_base("vgg16", width=1 / 16, convention=c) for c in ("torch", "keras"))
    variables = random_variables(torch, IMAGE)
    # The image that the one normalises to what the other makes of `image`.
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    caffe = 255 * np.asarray(image) - np.array([123.68, 116.779, 103.939])
    same = (caffe * std + mean).astype(np.float32)
    np.testing.assert_allclose(
        jax.jit(torch.apply)(variables, same).pool3,
        jax.jit(keras.apply)(variables, image).pool3,
        rtol=1e-3,
        atol=1e-4 * 255,
    )


@pytest.mark.parametrize("base", ["vgg16", "resnet50"])
def test_frozen_statistics_are_used_and_kept_in_training(base):
    image = jax.random.uniform(KEY, (2, 32, 32, 3))
    model = make_base(base, width=1 / 16, batch_norm=True, frozen_norm=True)
    variables = random_variables(model, IMAGE)

    @jax.jit
    def both(v):
        trained = model.apply(v, image, train=True, mutable=["batch_stats"])
        return trained, model.apply(v, image)

    (features, state), expected = both(variables)
    jax.tree.map(
        np.testing.assert_array_equal, dict(state), {"batch_stats": variables["batch_stats"]}
    )
    np.testing.assert_array_equal(features.pool5, expected.pool5)


def test_statistics_that_are_not_frozen_are_updated_in_training():
    image = jax.random.uniform(KEY, (2, 32, 32, 3))
    model = make_base("vgg16", width=1 / 16, batch_norm=True)
    variables = random_variables(model, IMAGE)
    train = jax.jit(lambda v: model.apply(v, image, train=True, mutable=["batch_stats"])[1])
    new, old = train(variables)["batch_stats"]["conv1_1"], variables["batch_stats"]["conv1_1"]
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: np.any(a != b), new, old)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"base": "vgg11"}, "base must be one of vgg16, vgg19, resnet50, got 'vgg11'"),
        ({"base": "vgg16", "convention": "caffe"}, "convention must be one of torch, keras"),
        ({"base": "resnet50", "width": 0.0}, "width must be positive"),
    ],
)
def test_refusals(options, message):
    with pytest.raises(ValueError, match=message):
        make_base(**options)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("size", [(64, 96), (37, 70), (1, 1)])
def test_global_net_of_any_base_takes_any_size(base, size):
    model = GlobalNet(1 / 16, base=base)
    depth = jax.eval_shape(lambda x: model.init_with_output(KEY, x)[0], jnp.zeros((2, *size, 3)))
    assert depth.shape == (2, *size)


def test_global_net_with_several_outputs():
    model = GlobalNet(1 / 16, channels=3)
    depth = jax.eval_shape(lambda x: model.init_with_output(KEY, x)[0], jnp.zeros((2, 20, 33, 3)))
    assert depth.shape == (2, 20, 33, 3)


def test_global_net_of_resnet_projects_its_top_only_where_channels_differ():
    def names(**options):
        model = GlobalNet(**options)
        shapes = jax.eval_shape(model.init, KEY, jnp.zeros((1, 32, 32, 3)))
        return set(shapes["params"])

    stages = {"encoder", "decoder1", "decoder2", "decoder3", "decoder4", "depth"}
    assert names(width=1 / 16) == stages | {"decoder5"}
    assert names(width=1 / 16, base="resnet50") == stages | {"top", "decoder0"}


def test_every_parameter_of_the_decoder_on_resnet_receives_a_gradient():
    model = GlobalNet(1 / 16, base="resnet50", frozen_norm=True)
    image = jax.random.uniform(KEY, (1, 32, 32, 3))
    variables = random_variables(model, IMAGE)
    encoder = {"encoder": variables["params"].pop("encoder")}

    def loss(decoder):
        params = {"params": encoder | decoder, "batch_stats": variables["batch_stats"]}
        return jnp.sum(model.apply(params, image) * jnp.arange(32.0)[None, None, :])

    gradients = jax.jit(jax.grad(loss))(variables["params"])
    for path, gradient in jax.tree_util.tree_leaves_with_path(gradients):
        assert np.any(np.asarray(gradient) != 0), jax.tree_util.keystr(path)
