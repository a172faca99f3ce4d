"""Sizes, receptive fields, framing and precision of the networks."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.models import (
    DeepVariational,
    Discriminator,
    GlobalNet,
    GradientConfidence,
    IntegrationLayer,
    LocalNet,
    make_base,
)
from jaxdepth.models.framing import pad_to_multiple, upsample_2x
from jaxdepth.ops import split_bregman

# The counter-based generator compiles many times faster than the default one.
KEY = jax.random.key(0, impl="rbg")


def count(params) -> int:
    return sum(x.size for x in jax.tree.leaves(params))


def small_model(**integration) -> DeepVariational:
    return DeepVariational(
        GlobalNet(1 / 16, batch_norm=True),
        LocalNet(1 / 16),
        IntegrationLayer(num_iters=3, **integration),
    )


def init(model, *inputs):
    """(output, variables), compiled as one program."""
    return jax.jit(model.init_with_output)(KEY, *inputs)


def random_image(*shape: int) -> jax.Array:
    return jax.random.uniform(jax.random.key(1), (*shape, 3))


@pytest.fixture(scope="module")
def local_net():
    model = LocalNet(1 / 8)
    return model, init(model, random_image(1, 8, 8))[1]


def test_vgg16_has_the_published_parameter_count():
    shapes = jax.eval_shape(make_base("vgg16").init, KEY, jnp.zeros((1, 64, 64, 3)))
    assert count(shapes["params"]) == 14_714_688


def test_vgg16_feature_shapes():
    model = make_base("vgg16", width=0.25)
    features, _ = jax.eval_shape(
        lambda x: model.init_with_output(KEY, x), jnp.zeros((2, 64, 96, 3))
    )
    assert features.pool5.shape == (2, 2, 3, 128)
    assert [s.shape for s in features.skips] == [
        (2, 64, 96, 16),
        (2, 32, 48, 32),
        (2, 16, 24, 64),
        (2, 8, 12, 128),
        (2, 4, 6, 128),
    ]


def test_vgg16_refuses_images_smaller_than_its_stride():
    with pytest.raises(ValueError, match="at least 32"):
        make_base("vgg16", width=0.1).init(KEY, jnp.zeros((1, 31, 64, 3)))


def test_width_must_be_positive():
    with pytest.raises(ValueError, match="width must be positive"):
        GlobalNet(0.0).init(KEY, jnp.zeros((1, 32, 32, 3)))


@pytest.mark.parametrize("size", [(32, 32), (37, 70), (64, 33), (1, 1), (256, 320)])
def test_global_net_takes_any_size(size):
    model = GlobalNet(1 / 16)
    depth, _ = jax.eval_shape(lambda x: model.init_with_output(KEY, x), jnp.zeros((2, *size, 3)))
    assert depth.shape == (2, *size)
    assert depth.dtype == jnp.float32


def test_global_net_starts_near_its_initial_depth():
    model = GlobalNet(1 / 16, initial_depth=3.0)
    depth, _ = init(model, random_image(1, 32, 32))
    np.testing.assert_allclose(depth, 3.0, atol=0.5)


def test_local_net_receptive_field_is_21x21(local_net):
    model, variables = local_net
    image = random_image(1, 41, 43)

    def centre(image):
        return jnp.sum(model.apply(variables, image)[0, 20, 21])

    reached = np.any(np.asarray(jax.jit(jax.grad(centre))(image)[0]) != 0, axis=-1)
    rows, columns = np.where(reached)
    assert (rows.min(), rows.max()) == (10, 30)
    assert (columns.min(), columns.max()) == (11, 31)


def test_local_net_has_ten_convolutions_and_signed_output(local_net):
    model, variables = local_net
    kernels = [x for x in jax.tree.leaves(variables["params"]) if x.ndim == 4]
    assert len(kernels) == 10
    g = jax.jit(model.apply)(variables, random_image(2, 16, 16))
    assert g.shape == (2, 16, 16, 2)
    assert g.min() < 0
    assert g.max() > 0


def test_integration_layer_is_the_operator_with_a_learned_lam():
    f = jax.random.normal(KEY, (2, 9, 11))
    g = jax.random.normal(jax.random.key(1), (2, 9, 11, 2))
    layer = IntegrationLayer(boundary="neumann")
    u, variables = init(layer, f, g)
    np.testing.assert_allclose(np.exp(variables["params"]["log_lam"]), 0.01, rtol=1e-5)
    assert count(variables["params"]) == 1
    expected = split_bregman(f, g, lam=0.01, beta=10.0, num_iters=10, boundary="neumann")
    np.testing.assert_allclose(u, expected, rtol=1e-5, atol=1e-5)


def test_integration_layer_passes_its_options_on():
    f = jax.random.normal(KEY, (2, 9, 11))
    g = jax.random.normal(jax.random.key(1), (2, 9, 11, 2))
    options = {"beta": 5.0, "penalty": "huber", "delta": 0.1, "relaxation": 1.5, "num_iters": 4}
    weights = {
        "data_weight": jnp.full(f.shape, 0.5),
        "gradient_weight": jnp.full(f.shape, 2.0),
        "mask": f < 1,
    }
    layer = IntegrationLayer(initial_lam=0.3, remat_every=2, **options)
    u = layer.apply({"params": {"log_lam": jnp.log(0.3)}}, f, g, **weights)
    np.testing.assert_allclose(u, split_bregman(f, g, lam=0.3, **options, **weights), atol=1e-5)


def test_confidence_is_one_at_first_and_learns_through_the_integration():
    f = 2 + jax.random.normal(KEY, (2, 9, 11))
    g = 0.1 * jax.random.normal(jax.random.key(1), (2, 9, 11, 2))
    model = GradientConfidence()
    weight, variables = init(model, f, g)
    np.testing.assert_array_equal(weight, 1)

    def loss(params):
        weight = model.apply({"params": params}, f, g)
        return jnp.sum(split_bregman(f, g, lam=0.1, gradient_weight=weight) ** 2)

    gradients = jax.jit(jax.grad(loss))(variables["params"])
    assert np.any(np.asarray(gradients["logit"]["kernel"]) != 0)


def test_deep_variational_weighs_its_gradients():
    plain = small_model(initial_lam=0.5)
    model = plain.clone(confidence=GradientConfidence())
    image = random_image(1, 32, 32)
    prediction, variables = init(model, image)
    assert set(variables["params"]) == {"global_net", "local_net", "integration", "confidence"}
    params = {k: v for k, v in variables["params"].items() if k != "confidence"}
    expected = jax.jit(plain.apply)(variables | {"params": params}, image)
    np.testing.assert_allclose(prediction.depth, expected.depth, atol=1e-5)
    distrust = jax.tree.map(jnp.zeros_like, variables["params"]["confidence"])
    distrust["logit"]["bias"] -= 20.0
    changed = variables | {"params": params | {"confidence": distrust}}
    u = jax.jit(model.apply)(changed, image)
    np.testing.assert_allclose(u.depth, u.global_depth, atol=1e-3)


def test_integration_layer_refuses_a_lam_that_is_not_positive():
    with pytest.raises(ValueError, match="initial_lam must be positive"):
        IntegrationLayer(initial_lam=0.0).init(KEY, jnp.zeros((4, 4)), jnp.zeros((4, 4, 2)))


def test_deep_variational_joins_its_parts():
    model = small_model(initial_lam=0.5)
    image = random_image(2, 20, 28)
    prediction, variables = init(model, image)
    assert set(variables["params"]) == {"global_net", "local_net", "integration"}
    f = jax.jit(partial(model.apply, method="global_depth"))(variables, image)
    g = jax.jit(partial(model.apply, method="gradients"))(variables, image)
    np.testing.assert_allclose(prediction.global_depth, f, rtol=1e-5)
    np.testing.assert_allclose(prediction.gradients, g, atol=1e-5)
    u = split_bregman(f, g, lam=0.5, num_iters=3)
    np.testing.assert_allclose(prediction.depth, u, rtol=1e-4)


def test_without_a_local_network_depth_is_the_global_prediction():
    model = DeepVariational(GlobalNet(1 / 16))
    prediction, variables = init(model, random_image(1, 32, 32))
    assert set(variables["params"]) == {"global_net"}
    assert prediction.gradients is None
    np.testing.assert_array_equal(prediction.depth, prediction.global_depth)


def test_every_parameter_receives_a_gradient_from_u():
    model = small_model(initial_lam=0.5)
    image = random_image(2, 32, 32)
    variables = init(model, image)[1]

    def loss(params):
        variables_now = variables | {"params": params}
        prediction, _ = model.apply(variables_now, image, train=True, mutable=["batch_stats"])
        return jnp.sum(prediction.depth * jnp.arange(32.0)[None, None, :])

    gradients = jax.jit(jax.grad(loss))(variables["params"])
    for path, gradient in jax.tree_util.tree_leaves_with_path(gradients):
        assert np.any(np.asarray(gradient) != 0), jax.tree_util.keystr(path)


def test_bfloat16_keeps_float32_parameters_and_outputs():
    model = DeepVariational(
        GlobalNet(1 / 16, dtype=jnp.bfloat16),
        LocalNet(1 / 16, dtype=jnp.bfloat16),
        IntegrationLayer(num_iters=2),
    )
    image = random_image(1, 32, 32)
    prediction, variables = init(model, image)
    assert {x.dtype for x in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}
    assert {x.dtype for x in prediction} == {jnp.dtype(jnp.float32)}
    single = DeepVariational(GlobalNet(1 / 16), LocalNet(1 / 16), IntegrationLayer(num_iters=2))
    expected = jax.jit(single.apply)(variables, image).depth
    np.testing.assert_allclose(prediction.depth, expected, atol=0.05)


@pytest.mark.parametrize("size", [(64, 96), (30, 45)])
def test_discriminator_gives_one_logit_an_image(size):
    model = Discriminator(1 / 16)
    logits, variables = init(model, jnp.ones((3, *size)))
    assert logits.shape == (3,)
    normalisations = [name for name in variables["params"] if name.startswith("BatchNorm")]
    convolutions = [name for name in variables["params"] if name.startswith("Conv")]
    assert len(normalisations) == len(convolutions) == 4


@pytest.mark.parametrize("size", [(5, 8), (32, 64), (33, 1)])
def test_padding_is_undone_by_its_frame(size):
    x = random_image(2, *size)
    padded, frame = pad_to_multiple(x, 32)
    assert padded.shape[1] % 32 == padded.shape[2] % 32 == 0
    np.testing.assert_array_equal(padded[:, frame[0], frame[1]], x)


def test_upsampling_is_bilinear_resizing():
    x = jax.random.normal(KEY, (2, 5, 7, 3))
    expected = jax.image.resize(x, (2, 10, 14, 3), "bilinear")
    np.testing.assert_allclose(upsample_2x(x), expected, atol=1e-6)


def test_upsampling_is_the_fixed_transposed_convolution_inside():
    x = jax.random.normal(KEY, (1, 6, 8, 1))
    line = np.array([1.0, 3.0, 3.0, 1.0], np.float32) / 4
    kernel = jnp.asarray(np.outer(line, line)[:, :, None, None])
    expected = jax.lax.conv_transpose(
        x, kernel, (2, 2), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    inside = (slice(None), slice(2, -2), slice(2, -2))
    np.testing.assert_allclose(upsample_2x(x)[inside], expected[inside], atol=1e-6)
