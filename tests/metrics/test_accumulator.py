"""Averages over images, pooled and per image."""

import jax
import numpy as np
import pytest

from jaxdepth.metrics import (
    METRIC_NAMES,
    MetricAccumulator,
    MetricSums,
    depth_metrics,
    metric_sums,
)

SUMS_OF_EACH = jax.jit(jax.vmap(metric_sums))


def images(rng, sizes=((20, 30), (7, 9), (40, 10))):
    """Predictions and targets with holes, each off by a factor of its own."""
    pairs = []
    for i, size in enumerate(sizes):
        target = rng.uniform(0.5, 10, size) * (rng.random(size) < 0.8)
        pairs.append(((1 + 0.2 * i) * target * np.exp(rng.normal(0, 0.1, size)) + 0.1, target))
    return pairs


def accumulate(pairs, average):
    accumulator = MetricAccumulator(average=average)
    for pred, target in pairs:
        accumulator.update(metric_sums(pred, target))
    return accumulator


def joined(pairs):
    return (np.concatenate([pair[i].ravel() for pair in pairs]) for i in (0, 1))


def test_pixels_is_depth_metrics_of_the_images_joined():
    pairs = images(np.random.default_rng(0))
    expected = depth_metrics(*joined(pairs))
    actual = accumulate(pairs, "pixels").compute()
    assert list(actual) == list(METRIC_NAMES)
    for name, value in actual.items():
        assert isinstance(value, float)
        np.testing.assert_allclose(value, expected[name], rtol=1e-12, err_msg=name)


def test_images_is_the_mean_of_each_image():
    pairs = images(np.random.default_rng(1))
    each = [depth_metrics(*pair) for pair in pairs]
    actual = accumulate(pairs, "images").compute()
    for name, value in actual.items():
        expected = np.mean([metrics[name] for metrics in each])
        np.testing.assert_allclose(value, expected, rtol=1e-12, err_msg=name)


def test_the_two_averages_by_hand():
    # One image of 1 pixel that is off by a half, one of 3 pixels that is right.
    pairs = [(np.full(1, 1.0), np.full(1, 2.0)), (np.full(3, 2.0), np.full(3, 2.0))]
    pooled = accumulate(pairs, "pixels").compute()
    mean = accumulate(pairs, "images").compute()
    assert (pooled["abs_rel"], mean["abs_rel"]) == (0.125, 0.25)
    assert (pooled["rmse"], mean["rmse"]) == (0.5, 0.5)
    assert (pooled["delta1"], mean["delta1"]) == (0.75, 0.5)


@pytest.mark.parametrize("average", ["pixels", "images"])
def test_images_without_a_valid_pixel_are_left_out_and_counted(average):
    pairs = images(np.random.default_rng(2))
    empty = (np.ones((5, 5)), np.zeros((5, 5)))
    with_empty = accumulate([empty, *pairs, empty], average)
    without = accumulate(pairs, average)
    assert with_empty.compute() == without.compute()
    assert (with_empty.images, with_empty.empty_images) == (3, 2)
    assert with_empty.pixels == without.pixels == sum(np.sum(g > 0) for _, g in pairs)


@pytest.mark.parametrize("average", ["pixels", "images"])
def test_nothing_gives_nan(average):
    for pairs in ([], [(np.ones(3), np.zeros(3))]):
        accumulator = accumulate(pairs, average)
        assert all(np.isnan(value) for value in accumulator.compute().values())
        assert (accumulator.images, accumulator.pixels) == (0, 0)


@pytest.mark.parametrize("average", ["pixels", "images"])
def test_merge_is_the_same_as_one_pass(average):
    pairs = images(np.random.default_rng(3))
    expected = accumulate(pairs, average)
    for split in range(4):
        left = accumulate(pairs[:split], average)
        right = accumulate(pairs[split:], average)
        before = right.compute()
        left.merge(right)
        np.testing.assert_equal(right.compute(), before)
        assert (left.images, left.pixels) == (expected.images, expected.pixels)
        for name, value in left.compute().items():
            np.testing.assert_allclose(value, expected.compute()[name], rtol=1e-12, err_msg=name)


def test_other_averages_are_refused():
    with pytest.raises(ValueError, match="'pixels' and 'images'"):
        MetricAccumulator(average="pixels").merge(MetricAccumulator(average="images"))
    # TypeError where annotations are enforced.
    with pytest.raises((ValueError, TypeError), match="average"):
        MetricAccumulator(average="median")


@pytest.mark.parametrize("average", ["pixels", "images"])
def test_a_batch_with_leading_axes_is_its_images(average):
    rng = np.random.default_rng(4)
    pairs = images(rng, sizes=[(8, 9)] * 4)
    expected = accumulate(pairs, average).compute()
    pred, target = (np.array([pair[i] for pair in pairs], np.float32) for i in (0, 1))
    sums = SUMS_OF_EACH(pred, target)
    for shape in ((4,), (2, 2)):
        accumulator = MetricAccumulator(average=average)
        accumulator.update(MetricSums(*(np.reshape(field, shape) for field in sums)))
        assert accumulator.images == 4
        for name, value in accumulator.compute().items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-5, err_msg=name)


def test_what_fills_up_a_batch_is_not_an_image():
    pairs = images(np.random.default_rng(5), sizes=[(8, 9)] * 3)
    expected = accumulate(pairs[:2], "images")
    pred, target = (np.array([pair[i] for pair in pairs], np.float32) for i in (0, 1))
    target[2] = 0
    sums = SUMS_OF_EACH(pred, target)
    accumulator = MetricAccumulator(average="images")
    accumulator.update(sums, where=np.array([True, True, False]))
    assert (accumulator.images, accumulator.empty_images) == (2, 0)
    np.testing.assert_allclose(accumulator.compute()["rmse"], expected.compute()["rmse"], rtol=1e-5)
    with pytest.raises(ValueError, match="shape of the sums"):
        accumulator.update(sums, where=np.array([True, True]))


def test_hundreds_of_millions_of_pixels_lose_no_precision():
    # The size of the 654 NYU test images, from the float32 sums of one.
    rng = np.random.default_rng(6)
    target = rng.uniform(0.5, 10, (480, 640)).astype(np.float32)
    pred = (target * np.exp(rng.normal(0.05, 0.2, target.shape))).astype(np.float32)
    sums = jax.jit(metric_sums)(pred, target)
    expected = depth_metrics(pred.astype(np.float64), target.astype(np.float64))
    for average in ("pixels", "images"):
        accumulator = MetricAccumulator(average=average)
        accumulator.update(MetricSums(*(np.repeat(field, 654) for field in sums)))
        assert accumulator.pixels == 654 * 480 * 640 > 2e8
        for name, value in accumulator.compute().items():
            np.testing.assert_allclose(value, expected[name], rtol=2e-6, err_msg=name)


def test_many_small_errors_are_not_swallowed_by_large_ones():
    pred = np.stack([np.full(1000, 1e4, np.float32), np.full(1000, 1.001, np.float32)])
    both = SUMS_OF_EACH(pred, np.ones_like(pred))
    large, small = (MetricSums(*(np.asarray(field)[i] for field in both)) for i in (0, 1))
    accumulator = MetricAccumulator(average="pixels")
    accumulator.update(large)
    for _ in range(1000):
        accumulator.update(small)
    expected = (1000 * 9999 + 1000 * float(small.abs_rel)) / 1_001_000
    np.testing.assert_allclose(accumulator.compute()["abs_rel"], expected, rtol=1e-12)
