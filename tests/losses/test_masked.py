"""The rule of masks: what lies under one changes neither the value nor the gradient."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth import losses

SHAPE = (2, 6, 8)
RNG = np.random.default_rng(0)
MASK = RNG.uniform(size=SHAPE) < 0.6
TARGET, DEPTH = RNG.uniform(1, 10, size=(2, *SHAPE)).astype(np.float32)
GRADIENT = RNG.normal(size=(*SHAPE, 2)).astype(np.float32)

LOSSES = {
    "masked_mean": (lambda values, target, mask: losses.masked_mean(values, mask), DEPTH),
    "depth_l1": (losses.depth_l1, DEPTH),
    "gradient_l1": (losses.gradient_l1, GRADIENT),
}
VALUE_AND_GRAD = {loss: jax.jit(jax.value_and_grad(loss)) for loss, _ in LOSSES.values()}
each_loss = pytest.mark.parametrize(("loss", "prediction"), LOSSES.values(), ids=LOSSES)


@each_loss
@pytest.mark.parametrize("garbage", [np.nan, np.inf, -1e30], ids=str)
def test_garbage_under_the_mask_changes_nothing(loss, prediction, garbage):
    used = jax.jit(losses.gradient_validity)(MASK) if prediction.ndim == 4 else MASK
    garbage = np.float32(garbage)
    clean = VALUE_AND_GRAD[loss](prediction, TARGET, MASK)
    dirty = VALUE_AND_GRAD[loss](
        np.where(used, prediction, garbage), np.where(MASK, TARGET, garbage), MASK
    )
    for got, expected in zip(dirty, clean, strict=True):
        np.testing.assert_array_equal(got, expected)
    assert clean[0] != 0
    np.testing.assert_array_equal(np.asarray(clean[1]) != 0, used)


@each_loss
def test_empty_mask_gives_zero_loss_and_zero_gradient(loss, prediction):
    value, gradient = VALUE_AND_GRAD[loss](
        np.full_like(prediction, np.nan), np.full_like(TARGET, np.nan), np.zeros_like(MASK)
    )
    assert value == 0
    np.testing.assert_array_equal(gradient, np.zeros(prediction.shape))


def test_masked_equals_selected():
    selected = DEPTH[MASK][None], TARGET[MASK][None]
    everything = np.ones(selected[0].shape, bool)
    depth_l1, masked_mean = jax.jit(losses.depth_l1), jax.jit(losses.masked_mean)
    np.testing.assert_allclose(
        depth_l1(DEPTH, TARGET, MASK), depth_l1(*selected, everything), rtol=1e-6
    )
    np.testing.assert_allclose(masked_mean(DEPTH, MASK), DEPTH[MASK].mean(), rtol=1e-6)


def test_sums_over_shards_give_the_mean_over_the_batch():
    """However unequally the valid pixels are spread over the devices."""
    mask = MASK.copy()
    mask[0] = False
    mask[0, :2, :2] = True
    for loss, terms, prediction in [
        (losses.depth_l1, losses.depth_l1_terms, DEPTH),
        (losses.gradient_l1, losses.gradient_l1_terms, GRADIENT),
    ]:

        def of_shards(*batch, terms=terms):
            def shard(*batch):
                total, count = losses.masked_sum_and_count(*terms(*batch))
                return jax.lax.psum(total, "batch") / jax.lax.psum(count, "batch")

            return jax.vmap(shard, axis_name="batch")(*batch)[0]

        expected = jax.jit(loss)(prediction, TARGET, mask)
        got = jax.jit(of_shards)(prediction, TARGET, mask)
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_half_precision_is_summed_in_single_precision():
    values, mask = np.full((64, 64), 0.1, jnp.bfloat16), np.ones((64, 64), bool)
    total, count = jax.jit(losses.masked_sum_and_count)(values, mask)
    assert total.dtype == count.dtype == np.float32
    assert count == 4096
    np.testing.assert_allclose(float(total) / 4096, float(values[0, 0]), rtol=1e-6)


@pytest.mark.parametrize(
    ("loss", "arrays"),
    [
        (losses.masked_mean, (DEPTH, MASK[:1])),
        (losses.depth_l1, (DEPTH, TARGET[:1], MASK)),
        (losses.gradient_l1, (GRADIENT[..., :1], TARGET, MASK)),
    ],
)
def test_shapes_that_would_broadcast_are_refused(loss, arrays):
    with pytest.raises((AssertionError, TypeError)):
        jax.eval_shape(loss, *arrays)
