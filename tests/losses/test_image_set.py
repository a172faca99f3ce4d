"""Equations 1 to 5 by hand, masks, and what the set loss is made of."""

import doctest
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth import augment, losses

N, SIZE = 3, (5, 6)
RNG = np.random.default_rng(0)
DEPTH, TARGET, ALIGNED = RNG.uniform(0, 2, size=(3, N, *SIZE)).astype(np.float32)
MASK, VALID = RNG.uniform(size=(2, N, *SIZE)) < 0.7
FIELDS = [x.astype(np.float32) for x in RNG.normal(size=(3, N, *SIZE, 2))]
FIELD_MASK, FIELD_VALID = RNG.uniform(size=(2, N, *SIZE, 2)) < 0.7

INPUTS = {
    "l1": (losses.l1, (DEPTH, TARGET, MASK, (ALIGNED, VALID))),
    "l2": (losses.l2, (DEPTH, TARGET, MASK, (ALIGNED, VALID))),
    "gradient_l2": (
        losses.gradient_l2,
        (*FIELDS[:2], FIELD_MASK, (FIELDS[2], FIELD_VALID)),
    ),
}
each_loss = pytest.mark.parametrize("name", INPUTS)


def compiled(loss):
    def function(prediction, target, mask, aligned, weight):
        return losses.set_loss(loss, prediction, target, mask, aligned=aligned, weight=weight)

    return jax.jit(function)


def differentiated(loss):
    def total(prediction, target, mask, aligned, valid):
        return losses.set_loss(loss, prediction, target, mask, aligned=(aligned, valid)).total

    return jax.jit(jax.value_and_grad(total, argnums=(0, 1, 3)))


SET_LOSS = {name: compiled(loss) for name, (loss, _) in INPUTS.items()}
VALUE_AND_GRAD = {name: differentiated(loss) for name, (loss, _) in INPUTS.items()}
ONE = {name: jax.jit(loss) for name, (loss, _) in INPUTS.items()}


def by_hand(name, a, b, mask):
    """l1, l2 (equation 1) and l2g (equation 5), pixel by pixel in float64."""
    power = 1 if name == "l1" else 2
    terms = [abs(float(a[p]) - float(b[p])) ** power for p in np.ndindex(a.shape) if mask[p]]
    if name == "gradient_l2":  # the valid components, for pixels of two each
        return 2 * sum(terms) / len(terms)
    return sum(terms) / len(terms)


@each_loss
def test_equations_by_hand(name):
    prediction, target, mask, (aligned, valid) = INPUTS[name][1]
    weight = 0.7
    got = jax.device_get(SET_LOSS[name](*INPUTS[name][1], weight))
    per_image = [by_hand(name, prediction[i], target[i], mask[i]) for i in range(N)]
    pairs = [
        by_hand(name, aligned[i], aligned[j], valid[i] & valid[j])
        for i in range(N)
        for j in range(i + 1, N)
    ]
    np.testing.assert_allclose(got.per_image, per_image, rtol=1e-5)
    np.testing.assert_allclose(got.single, sum(per_image) / N, rtol=1e-5)  # equation 3
    omega = 2 / (N * (N - 1)) * sum(pairs)  # equation 4
    np.testing.assert_allclose(got.consistency, omega, rtol=1e-5)
    np.testing.assert_allclose(got.total, sum(per_image) / N + weight * omega, rtol=1e-5)


def test_l2g_is_the_sum_of_two_squares_over_pixels():
    """Equation 5, where both components of every valid pixel are valid."""
    a, b = FIELDS[:2]
    expected = ((a - b) ** 2).sum(-1)[MASK].mean()
    both = np.stack([MASK, MASK], axis=-1)
    np.testing.assert_allclose(ONE["gradient_l2"](a, b, both), expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["l1", "l2"])
def test_masked_equals_selected(name):
    selected = DEPTH[MASK], TARGET[MASK], np.ones(MASK.sum(), bool)
    np.testing.assert_allclose(ONE[name](DEPTH, TARGET, MASK), ONE[name](*selected), rtol=1e-6)


def test_masked_equals_selected_for_fields():
    both = np.stack([MASK, MASK], axis=-1)
    selected = [x[MASK][None] for x in FIELDS[:2]]  # one row of pixels
    everything = np.ones(selected[0].shape, bool)
    expected = ONE["gradient_l2"](*selected, everything)
    np.testing.assert_allclose(ONE["gradient_l2"](*FIELDS[:2], both), expected, rtol=1e-6)


@each_loss
def test_losses_are_symmetric(name):
    prediction, target, mask, _ = INPUTS[name][1]
    np.testing.assert_array_equal(
        ONE[name](prediction, target, mask), ONE[name](target, prediction, mask)
    )


@each_loss
@pytest.mark.parametrize("garbage", [np.nan, np.inf, -1e30], ids=str)
def test_garbage_under_the_masks_changes_nothing(name, garbage):
    prediction, target, mask, (aligned, valid) = INPUTS[name][1]
    garbage = np.float32(garbage)
    clean = VALUE_AND_GRAD[name](prediction, target, mask, aligned, valid)
    dirty = VALUE_AND_GRAD[name](
        np.where(mask, prediction, garbage),
        np.where(mask, target, garbage),
        mask,
        np.where(valid, aligned, garbage),
        valid,
    )
    jax.tree.map(np.testing.assert_array_equal, dirty, clean)
    value, (of_prediction, of_target, of_aligned) = clean
    assert value > 0
    np.testing.assert_array_equal(np.asarray(of_prediction) != 0, mask)
    np.testing.assert_array_equal(of_target, -of_prediction)
    paired = valid & (valid.sum(0, keepdims=True) > 1)
    if name == "l1":  # signs of two pairs may cancel
        assert not np.asarray(of_aligned)[~paired].any()
    else:
        np.testing.assert_array_equal(np.asarray(of_aligned) != 0, paired)


@each_loss
def test_empty_masks_give_zero_loss_and_zero_gradient(name):
    prediction, _, mask, (_, valid) = INPUTS[name][1]
    nothing = np.full_like(prediction, np.nan)
    value, gradients = VALUE_AND_GRAD[name](
        nothing, nothing, np.zeros_like(mask), nothing, np.zeros_like(valid)
    )
    assert value == 0
    for gradient in gradients:
        np.testing.assert_array_equal(gradient, np.zeros_like(prediction))


def test_an_image_without_truth_counts_as_zero():
    """Equation 3 is a mean over the N images, whatever was measured of each."""
    mask = MASK.copy()
    mask[1] = False
    got = SET_LOSS["l2"](DEPTH, TARGET, mask, (ALIGNED, VALID), 1.0)
    assert got.per_image[1] == 0
    np.testing.assert_allclose(got.single, (got.per_image[0] + got.per_image[2]) / 3, rtol=1e-6)


def test_images_that_share_nothing_are_consistent():
    valid = np.zeros((2, *SIZE), bool)
    valid[0, :2], valid[1, 3:] = True, True
    assert jax.jit(lambda *args: losses.set_consistency(losses.l2, *args))(ALIGNED[:2], valid) == 0


def test_weight_multiplies_the_consistency():
    without, half, twice = (
        SET_LOSS["l2"](*INPUTS["l2"][1], np.float32(weight)) for weight in (0, 0.5, 2)
    )
    assert without.total == without.single
    assert without.consistency == half.consistency == twice.consistency > 0
    np.testing.assert_allclose(half.total, half.single + half.consistency / 2, rtol=1e-6)
    np.testing.assert_allclose(twice.total, twice.single + 2 * twice.consistency, rtol=1e-6)


def test_a_set_of_one_is_the_loss_of_its_image():
    one = jax.tree.map(lambda x: x[:1], INPUTS["l2"][1])
    got = SET_LOSS["l2"](*one, 1.0)
    assert got.consistency == 0
    assert got.total == got.single == got.per_image[0]
    np.testing.assert_allclose(got.total, ONE["l2"](DEPTH[0], TARGET[0], MASK[0]), rtol=1e-6)
    _, (of_prediction, _, of_aligned) = VALUE_AND_GRAD["l2"](*one[:3], *one[3])
    assert np.asarray(of_prediction).any()
    assert not np.asarray(of_aligned).any()


def test_vmap_over_sets_agrees_with_a_loop():
    sets = [jax.tree.map(lambda x, i=i: np.roll(x, i, axis=1), INPUTS["l2"][1]) for i in range(2)]
    stacked = jax.tree.map(lambda *xs: np.stack(xs), *sets)
    batched = jax.jit(jax.vmap(SET_LOSS["l2"], in_axes=(0, 0, 0, 0, None)))(*stacked, 1.0)
    for i, one in enumerate(sets):
        expected = SET_LOSS["l2"](*one, 1.0)
        for got, wanted in zip(batched, expected, strict=True):
            np.testing.assert_allclose(got[i], wanted, rtol=1e-6)


def test_derivative_passes_the_alignment_and_ignores_what_is_not_measured():
    """As in training: the estimates align themselves, the truth has NaN where it has holes."""
    turned = augment.identity_params()._replace(
        angle=jnp.float32(8), scale=jnp.float32(0.8), shift=jnp.array([1.0, -0.5])
    )
    params = jax.tree.map(lambda *x: jnp.stack(x), augment.identity_params(), turned)

    @jax.jit
    @jax.grad
    def derivative(prediction, target, mask):
        aligned = jax.vmap(augment.log_depth_to_original)(params, prediction)
        return losses.set_loss(losses.l2, prediction, target, mask, aligned=aligned).total

    holes = np.where(MASK, TARGET, np.nan)[:2]
    got = derivative(DEPTH[:2], holes, MASK[:2])
    assert np.isfinite(got).all()
    np.testing.assert_array_equal(got, derivative(DEPTH[:2], np.nan_to_num(holes), MASK[:2]))
    assert (np.asarray(got)[~MASK[:2]] != 0).any()  # what has no truth still has to agree


@pytest.mark.parametrize("name", ["l1", "l2", "gradient_l2"])
def test_shapes_that_would_broadcast_are_refused(name):
    prediction, target, mask, (aligned, valid) = INPUTS[name][1]
    for wrong in [
        (prediction, target[:1], mask, (aligned, valid)),
        (prediction, target, mask[:1], (aligned, valid)),
        (prediction, target, mask, (aligned, valid[:1])),
    ]:
        with pytest.raises((AssertionError, TypeError)):
            jax.eval_shape(SET_LOSS[name], *wrong, 1.0)


def test_examples():
    assert doctest.testmod(importlib.import_module("jaxdepth.losses.image_set")).failed == 0
