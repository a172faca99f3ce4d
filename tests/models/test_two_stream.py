"""Sizes, parameters, frozen blocks and precision of the two-stream model."""

import functools

import flax
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.models import make_two_stream
from jaxdepth.models.base import BASES
from jaxdepth.models.two_stream import (
    CoarseBlock,
    RefinementBlock,
    coarse_size,
    fine_size,
)
from tests.models.random_variables import random_variables

KEY = jax.random.key(0, impl="rbg")
PAPER = (232, 310)
SMALL = {"base_width": 1 / 32, "width": 1 / 16, "hidden": 8}
IMAGE = jax.random.uniform(jax.random.key(1), (2, 32, 40, 3))


def count(tree) -> int:
    return sum(x.size for x in jax.tree.leaves(tree))


def shapes_inside(block, *inputs):
    """`(parameters, outputs of all modules inside)` as shapes, without computing anything."""

    def run(*inputs):
        variables = block.init(KEY, *inputs)
        _, state = block.apply(
            variables, *inputs, capture_intermediates=True, mutable=["intermediates"]
        )
        return variables["params"], state["intermediates"]

    params, inside = jax.eval_shape(run, *(jnp.zeros(shape) for shape in inputs))
    return params, {name: out["__call__"][0] for name, out in inside.items() if name != "__call__"}


@functools.cache
def shapes_of(**options):
    """`(prediction, variables)` of the whole model as shapes."""
    model = make_two_stream(**options)
    return jax.eval_shape(lambda x: model.init_with_output(KEY, x), jnp.zeros((2, *PAPER, 3)))


@functools.cache
def small_model(**options):
    """A small model with random variables, made without compiling its initialisation."""
    model = make_two_stream(**SMALL, **options)
    return model, random_variables(model, IMAGE)


def blocks(params):
    """The parameters by block, such as "streams/depth_coarse"."""
    flat = flax.traverse_util.flatten_dict(params, sep="/")
    names = {"/".join(path.split("/")[: 1 if path.startswith("comb") else 2]) for path in flat}
    return {
        name: [leaf for path, leaf in flat.items() if path.startswith(f"{name}/")] for name in names
    }


@pytest.mark.parametrize("channels", [1, 2])
def test_sizes_of_the_paper_in_the_coarse_block(channels):
    params, inside = shapes_inside(CoarseBlock(channels), (2, *PAPER, 3))
    base = inside["base"]
    assert base.pool3.shape == (2, 29, 38, 256)
    assert base.pool4.shape == (2, 14, 19, 512)
    assert base.pool5.shape == (2, 7, 9, 512)
    assert inside["fc1"].shape == (2, 4096)
    assert inside["fc2"].shape == (2, 55 * 75 * channels)
    assert inside["conv1"].shape == (2, 112, 151, 96)
    assert inside["pool3"].shape == (2, 29, 38, 64)
    assert inside["pool4"].shape == (2, 14, 19, 64)
    for index in range(2, 9):
        assert inside[f"conv{index}"].shape == (2, 55, 75, 64)
    assert inside["out"].shape == (2, 55, 75, channels)
    # Concatenations at the inputs of the second, fourth and sixth convolution.
    inputs = [params[f"conv{index}"]["kernel"].shape[2] for index in range(1, 9)]
    assert inputs == [3, 96 + 64, 64, 64 + 64, 64, 64 + channels, 64, 64]


@pytest.mark.parametrize("channels", [1, 2])
def test_sizes_of_the_paper_in_the_refinement_block(channels):
    block = RefinementBlock(channels)
    params, inside = shapes_inside(block, (2, *PAPER, 3), (2, 55, 75, channels))
    assert inside["conv1"].shape == (2, 112, 151, 96)
    for index in range(2, 6):
        assert inside[f"conv{index}"].shape == (2, 111, 150, 64)
    assert inside["out"].shape == (2, 111, 150, channels)
    inputs = [params[f"conv{index}"]["kernel"].shape[2] for index in range(1, 6)]
    assert inputs == [3, 96, 64 + channels, 64, 64]


def test_sizes_and_types_of_predictions():
    prediction, _ = shapes_of()
    assert {name: x.shape for name, x in prediction._asdict().items()} == {
        "coarse_log_depth": (2, 55, 75),
        "log_depth": (2, 111, 150),
        "gradients": (2, 111, 150, 2),
        "combined_log_depth": (2, 111, 150),
    }


def test_parameter_counts():
    _, variables = shapes_of()
    counts = {name: count(leaves) for name, leaves in blocks(variables["params"]).items()}
    for streams in ("streams", "finetuned"):
        depth = counts[f"{streams}/depth_coarse"], counts[f"{streams}/depth_refinement"]
        gradient = counts[f"{streams}/gradient_coarse"], counts[f"{streams}/gradient_refinement"]
        assert depth == (165_968_286, 487_681)
        assert gradient == (182_871_612, 490_882)
    assert counts["combination"] == 490_881
    assert sum(counts.values()) == 700_127_803


def test_without_joint_fine_tuning_there_is_no_copy():
    _, variables = shapes_of(finetune=False)
    assert set(variables["params"]) == {"streams", "combination"}


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("size", [PAPER, (32, 32), (33, 64), (97, 128), (224, 301)])
def test_any_base_and_image_size(base, size):
    coarse = CoarseBlock(2, base=base, base_width=1 / 32, width=1 / 16, hidden=8)
    fine = RefinementBlock(2, width=1 / 16)

    def run(image):
        maps, _ = coarse.init_with_output(KEY, image)
        return maps, fine.init_with_output(KEY, image, maps)[0]

    maps, refined = jax.eval_shape(run, jnp.zeros((1, *size, 3)))
    assert maps.shape == (1, *coarse_size(size), 2)
    assert refined.shape == (1, *fine_size(size), 2)
    if size == PAPER:
        assert (coarse_size(size), fine_size(size)) == ((55, 75), (111, 150))


@pytest.mark.parametrize(
    ("base", "shapes"),
    [
        ("vgg19", [(29, 38), (14, 19), (7, 9)]),
        ("resnet50", [(29, 39), (15, 20), (8, 10)]),  # rounded up
    ],
)
def test_features_of_other_bases_are_brought_to_the_coarse_size(base, shapes):
    block = CoarseBlock(1, base=base, base_width=1 / 32, width=1 / 16, hidden=8)
    _, inside = shapes_inside(block, (1, *PAPER, 3))
    assert [x.shape[1:3] for x in inside["base"][1:]] == shapes
    assert inside["conv2"].shape == inside["conv4"].shape == (1, 55, 75, 4)


@pytest.mark.parametrize("size", [(31, 310), (232, 31)])
def test_too_small_images_are_refused(size):
    message = r"at least 32×32 pixels, got \(\d+, \d+\); use a larger image_size"
    image = jnp.zeros((1, *size, 3))
    for call in [
        lambda: coarse_size(size),
        lambda: fine_size(size),
        lambda: jax.eval_shape(CoarseBlock(1).init, KEY, image),
        lambda: jax.eval_shape(RefinementBlock(1).init, KEY, image, jnp.zeros((1, 5, 5, 1))),
        lambda: jax.eval_shape(make_two_stream().init, KEY, image),
    ]:
        with pytest.raises(ValueError, match=message):
            call()


def test_half_precision_inside_and_single_precision_outside():
    prediction, variables = shapes_of(dtype=jnp.bfloat16, **SMALL)
    assert {x.dtype for x in prediction} == {jnp.dtype(jnp.float32)}
    assert {x.dtype for x in jax.tree.leaves(variables)} == {jnp.dtype(jnp.float32)}
    block = CoarseBlock(1, dtype=jnp.bfloat16, base_width=1 / 32, width=1 / 16, hidden=8)
    _, inside = shapes_inside(block, (1, 32, 32, 3))
    assert inside.pop("out").dtype == jnp.float32
    assert {x.dtype for x in jax.tree.leaves(inside)} == {jnp.dtype(jnp.bfloat16)}


def test_untrained_coarse_depth_is_nearly_the_initial_one():
    model = make_two_stream(initial_depth=4.0, **SMALL)
    coarse = jax.jit(lambda x: model.streams.depth_coarse.init_with_output(KEY, x)[0])(IMAGE)
    assert 0 < abs(coarse - np.log(4)).max() < 0.2


@pytest.mark.parametrize(("channels", "given"), [(1, 1), (2, 2), (1, 3)])
def test_untrained_refinement_returns_the_resized_maps(channels, given):
    """The first ones; positive and negative, up to the border."""
    block = RefinementBlock(channels, width=1 / 16)
    maps = jax.random.uniform(KEY, (2, 5, 7, given), minval=-3.5, maxval=3.5)

    @jax.jit
    def both(image, maps):
        size = (len(image), *fine_size(image.shape[1:3]), given)
        expected = jax.image.resize(maps, size, "bilinear", antialias=False)
        return block.init_with_output(KEY, image, maps)[0], expected[..., :channels]

    got, expected = both(IMAGE, maps)
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_dropout_is_of_training_and_needs_a_key():
    model, variables = small_model()

    @jax.jit
    def train(key):
        apply = functools.partial(model.apply, variables, IMAGE, rngs={"dropout": key})
        return apply(method="coarse_depth")

    one, same, other = (train(jax.random.key(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    for options in [
        {"method": "coarse_depth"},
        {"method": "coarse_gradients"},
        {"method": "combined", "joint": True},
    ]:
        with pytest.raises(flax.errors.InvalidRngError, match="dropout"):
            jax.eval_shape(functools.partial(model.apply, **options), variables, IMAGE)
    # Blocks that are not trained drop nothing: no key is asked for.
    for options in [
        {},
        {"method": "fine_depth"},
        {"method": "fine_gradients"},
        {"method": "combined", "joint": False},
    ]:
        jax.eval_shape(functools.partial(model.apply, **options), variables, IMAGE)


FINETUNED = {
    f"finetuned/{stream}_{block}"
    for stream in ("depth", "gradient")
    for block in ("coarse", "refinement")
}
TRAINED = {
    "fine_depth": {"streams/depth_refinement"},
    "fine_gradients": {"streams/gradient_refinement"},
    "combined": {"combination"},
    "combined jointly": {"combination"} | FINETUNED,
}


@functools.cache
def derivatives():
    """Of a function of every training output, compiled as one program."""
    model, variables = small_model(dropout=0.0)

    def derivative(params, method, **options):
        def total(params):
            output = model.apply({"params": params}, IMAGE, method=method, **options)
            return sum(jnp.sum(jnp.sin(7 * x)) for x in jax.tree.leaves(output))

        return jax.grad(total)(params)

    @jax.jit
    def every(params):
        return {
            "fine_depth": derivative(params, "fine_depth"),
            "fine_gradients": derivative(params, "fine_gradients"),
            "combined": derivative(params, "combined", joint=False),
            "combined jointly": derivative(params, "combined", joint=True),
        }

    return every(variables["params"])


@pytest.mark.parametrize("output", TRAINED)
def test_only_what_is_trained_receives_a_gradient(output):
    for name, leaves in blocks(derivatives()[output]).items():
        reached = [bool(np.any(leaf)) for leaf in leaves]
        if name in TRAINED[output]:
            assert sum(reached) > 0.8 * len(reached), name  # a narrow layer may be dead
        else:
            assert not any(reached), name


def test_statistics_change_only_in_the_block_that_is_trained():
    model, variables = small_model(batch_norm=True, finetune=False)

    @jax.jit
    def train(variables):
        return [
            model.apply(
                variables, IMAGE, method=method, mutable=["batch_stats"], rngs={"dropout": KEY}
            )[1]["batch_stats"]
            for method in ("coarse_depth", "fine_depth")
        ]

    old = blocks(variables["batch_stats"])
    assert set(old) == {"streams/depth_coarse", "streams/gradient_coarse"}
    for new, trained in zip(train(variables), ["streams/depth_coarse", None], strict=True):
        for name, leaves in blocks(new).items():
            changed = [bool(np.any(a != b)) for a, b in zip(leaves, old[name], strict=True)]
            assert any(changed) == all(changed) == (name == trained), name


def test_the_combined_map_depends_on_both_fine_tuned_streams_alone():
    model, variables = small_model()
    apply = jax.jit(model.apply)
    before = apply(variables, IMAGE)

    def changed_by(*path, channel=0):
        """Which predictions change with the last bias of a block."""
        flat = flax.traverse_util.flatten_dict(variables["params"])
        bias = np.array(flat[*path, "out", "bias"])
        bias[channel] += 1
        params = flax.traverse_util.unflatten_dict(flat | {(*path, "out", "bias"): bias})
        after = apply({"params": params}, IMAGE)
        return {
            name for name in before._fields if np.any(getattr(after, name) != getattr(before, name))
        }

    combined = {"combined_log_depth"}
    assert changed_by("finetuned", "depth_refinement") == combined
    assert changed_by("finetuned", "depth_coarse") == combined
    for channel in (0, 1):
        assert changed_by("finetuned", "gradient_refinement", channel=channel) == combined
        assert changed_by("finetuned", "gradient_coarse", channel=channel) == combined
    assert changed_by("combination") == combined
    assert changed_by("streams", "depth_refinement") == {"log_depth"}
    assert changed_by("streams", "depth_coarse") == {"coarse_log_depth", "log_depth"}
    assert changed_by("streams", "gradient_coarse", channel=1) == {"gradients"}


def test_without_a_copy_the_combined_map_depends_on_the_streams():
    model, variables = small_model(finetune=False)

    @jax.jit
    def combine(image, log_depth, gradients):
        return model.apply(variables, image, log_depth, gradients, method="_combine")

    size = (2, *fine_size(IMAGE.shape[1:3]))
    log_depth, gradients = jnp.zeros(size), jnp.zeros((*size, 2))
    before = combine(IMAGE, log_depth, gradients)
    assert (combine(IMAGE, log_depth + 1, gradients) != before).any()
    for channel in (0, 1):
        assert (combine(IMAGE, log_depth, gradients.at[..., channel].add(1)) != before).any()
