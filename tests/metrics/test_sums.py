"""The metrics against their definitions, written out again in float64 and by hand."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.metrics import (
    METRIC_NAMES,
    MetricSums,
    compute,
    depth_metrics,
    merge,
    metric_sums,
    pool,
)


def reference(pred, target):
    """The definitions of the papers, over arrays whose every pixel is valid."""
    p, g = np.asarray(pred, np.float64), np.asarray(target, np.float64)
    ratio = np.maximum(g / p, p / g)
    e = np.log(p) - np.log(g)
    return {
        "abs_rel": np.mean(np.abs(g - p) / g),
        "sq_rel": np.mean((g - p) ** 2 / g),
        "mae": np.mean(np.abs(g - p)),
        "rmse": np.sqrt(np.mean((g - p) ** 2)),
        "rmse_log": np.sqrt(np.mean((np.log(g) - np.log(p)) ** 2)),
        "log10": np.mean(np.abs(np.log10(g) - np.log10(p))),
        "silog": 100 * np.sqrt(np.mean(e**2) - np.mean(e) ** 2),
        "delta1": np.mean(ratio < 1.25),
        "delta2": np.mean(ratio < 1.25**2),
        "delta3": np.mean(ratio < 1.25**3),
    }


def scene(rng, shape=(48, 64), spread=0.3):
    """Depth of a room, in metres, and a prediction off by a random factor."""
    target = rng.uniform(0.5, 10, shape).astype(np.float32)
    pred = (target * np.exp(rng.normal(0.05, spread, shape))).astype(np.float32)
    return pred, target


def assert_metrics_close(actual, expected, rtol):
    assert set(actual) == set(METRIC_NAMES)
    for name in METRIC_NAMES:
        np.testing.assert_allclose(actual[name], expected[name], rtol=rtol, err_msg=name)


def test_against_the_reference_in_float64_numpy():
    pred, target = scene(np.random.default_rng(0))
    actual = depth_metrics(pred.astype(np.float64), target.astype(np.float64))
    assert_metrics_close(actual, reference(pred, target), 1e-12)
    assert all(isinstance(value, np.ndarray | np.generic) for value in actual.values())


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_against_the_reference_in_float32_jax(transform):
    pred, target = scene(np.random.default_rng(1), shape=(480, 640))
    actual = transform(depth_metrics)(jnp.asarray(pred), jnp.asarray(target))
    assert_metrics_close(actual, reference(pred, target), 2e-6)
    assert all(value.dtype == jnp.float32 for value in actual.values())


def test_against_the_reference_in_float64_jax(x64):
    pred, target = (x.astype(np.float64) for x in scene(np.random.default_rng(2)))
    actual = jax.jit(depth_metrics)(pred, target)
    assert_metrics_close(actual, reference(pred, target), 1e-12)


def test_values_computed_by_hand():
    # Three pixels, from the formulas of Kim et al., section IV. Ratios are 1.25, 1 and 2; 1.25 is
    # not below 1.25, and 2 is above 1.25³ = 1.953125.
    target = np.array([1.0, 2.0, 4.0])
    pred = np.array([1.25, 2.0, 2.0])
    e = np.array([0.22314355131420976, 0.0, -0.6931471805599453])  # ln 1.25, 0, −ln 2
    expected = {
        "abs_rel": (0.25 + 0 + 0.5) / 3,
        "sq_rel": (0.0625 + 0 + 1) / 3,
        "mae": (0.25 + 0 + 2) / 3,
        "rmse": (4.0625 / 3) ** 0.5,
        "rmse_log": ((0.04979304449 + 0.48045301392) / 3) ** 0.5,
        "log10": 0.39794000867203766 / 3,  # log10 1.25 + log10 2 = log10 2.5
        "silog": 100 * np.std(e),
        "delta1": 1 / 3,
        "delta2": 2 / 3,
        "delta3": 2 / 3,
    }
    assert_metrics_close(depth_metrics(pred, target), expected, 1e-9)


def test_relative_errors_are_relative_to_the_ground_truth():
    metrics = depth_metrics(np.array([1.0]), np.array([2.0]))
    assert metrics["abs_rel"] == 0.5
    assert metrics["sq_rel"] == 0.5
    swapped = depth_metrics(np.array([2.0]), np.array([1.0]))
    assert swapped["abs_rel"] == 1
    assert swapped["sq_rel"] == 1


def test_a_perfect_prediction():
    target = np.linspace(0.5, 10, 100).astype(np.float32)
    for metrics in (depth_metrics(target, target), depth_metrics(jnp.asarray(target), target)):
        for name, value in metrics.items():
            assert value == (1 if name.startswith("delta") else 0), name


def test_silog_ignores_scale_and_the_others_do_not():
    _, target = scene(np.random.default_rng(3))
    metrics = jax.jit(depth_metrics)(1.2 * target, target)
    assert metrics["silog"] < 1e-3  # a difference of large sums would leave about 0.02 here
    np.testing.assert_allclose(metrics["abs_rel"], 0.2, rtol=1e-5)
    np.testing.assert_allclose(metrics["rmse_log"], np.log(1.2), rtol=1e-5)


@pytest.mark.parametrize("array", [np.array, jnp.array], ids=["numpy", "jax"])
@pytest.mark.parametrize(("k", "threshold"), [(1, 1.25), (2, 1.5625), (3, 1.953125)])
def test_thresholds_are_strict(array, k, threshold):
    def delta(p, g):
        metrics = depth_metrics(array([p], np.float32), array([g], np.float32))
        return float(metrics[f"delta{k}"])

    for g in (1.0, 2.0, 8.0):
        assert delta(g * threshold, g) == 0
        assert delta(g, g * threshold) == 0
        assert delta(np.nextafter(np.float32(g * threshold), np.float32(0)), g) == 1
        assert delta(g, np.nextafter(np.float32(g * threshold), np.float32(0))) == 1


@pytest.mark.parametrize("garbage", [np.nan, np.inf, -np.inf, 0.0, -3.0, 1e38])
@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["numpy", "jit"])
def test_what_is_under_the_mask_changes_nothing(garbage, wrap):
    rng = np.random.default_rng(4)
    pred, target = scene(rng)
    mask = rng.random(pred.shape) < 0.5
    clean = wrap(depth_metrics)(pred, target, mask)
    for spoil_pred, spoil_target in ((True, False), (False, True), (True, True)):
        p = np.where(mask, pred, np.float32(garbage)) if spoil_pred else pred
        g = np.where(mask, target, np.float32(garbage)) if spoil_target else target
        spoilt = wrap(depth_metrics)(p, g, mask)
        for name in METRIC_NAMES:
            assert spoilt[name] == clean[name], name


@pytest.mark.parametrize("hole", [0.0, -1.0, np.nan, np.inf, -np.inf])
def test_a_target_without_measurement_is_masked_out(hole):
    rng = np.random.default_rng(5)
    pred, target = scene(rng)
    mask = rng.random(pred.shape) < 0.5
    holed = np.where(mask, target, np.float32(hole))
    expected = depth_metrics(pred, target, mask)
    for name, value in depth_metrics(pred, holed).items():
        assert value == expected[name], name


def test_a_mask_selects():
    rng = np.random.default_rng(6)
    pred, target = (x.astype(np.float64) for x in scene(rng))
    mask = rng.random(pred.shape) < 0.3
    selected = depth_metrics(pred[mask], target[mask])
    assert_metrics_close(depth_metrics(pred, target, mask), selected, 1e-12)
    assert_metrics_close(jax.jit(depth_metrics)(pred, target, mask), selected, 2e-6)


def test_gradients_are_finite_whatever_is_under_the_mask():
    pred = jnp.array([1.0, jnp.nan, 3.0, 0.0])
    target = jnp.array([2.0, 1.0, 0.0, jnp.nan])
    mask = jnp.array([True, False, True, True])
    gradient = jax.jit(jax.grad(lambda p: depth_metrics(p, target, mask)["abs_rel"]))(pred)
    np.testing.assert_array_equal(gradient, [-0.5, 0, 0, 0])


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["numpy", "jit"])
def test_no_valid_pixel_gives_nan(wrap):
    pred, target = scene(np.random.default_rng(7))
    for args in (
        (pred, target, np.zeros(pred.shape, bool)),
        (pred, np.zeros_like(target)),
        (pred[:0], target[:0]),
    ):
        metrics = wrap(depth_metrics)(*args)
        assert all(np.isnan(metrics[name]) for name in METRIC_NAMES)


@pytest.mark.parametrize("array", [np.array, jnp.array], ids=["numpy", "jax"])
@pytest.mark.parametrize("bad", [0.0, -2.0, np.nan, np.inf, -np.inf])
def test_an_unusable_prediction_is_a_miss_and_never_a_finite_logarithm(array, bad):
    metrics = depth_metrics(array([bad, 1.0], np.float32), array([1.0, 1.0], np.float32))
    for name in ("rmse_log", "log10", "silog"):
        assert not np.isfinite(metrics[name]), name
    for name in ("delta1", "delta2", "delta3"):
        assert metrics[name] == 0.5, name


def test_half_precision_is_summed_in_float32():
    pred, target = (x.astype(np.float16) for x in scene(np.random.default_rng(8), (480, 640)))
    expected = reference(pred, target)
    for metrics in (depth_metrics(pred, target), depth_metrics(jnp.asarray(pred), target)):
        assert_metrics_close(metrics, expected, 1e-5)
    metrics = depth_metrics(jnp.asarray(pred, jnp.bfloat16), jnp.asarray(target))
    assert metrics["abs_rel"].dtype == jnp.float32


def test_vmap_gives_the_sums_of_each_image():
    rng = np.random.default_rng(9)
    pred, target = scene(rng, (3, 20, 30))
    sums = jax.jit(jax.vmap(metric_sums))(pred, target)
    assert sums.pixels.shape == (3,)
    metrics = jax.jit(compute)(sums)
    for i in range(3):
        one = {name: values[i] for name, values in metrics.items()}
        assert_metrics_close(one, reference(pred[i], target[i]), 2e-6)


def test_merged_sums_are_those_of_the_pixels_joined():
    rng = np.random.default_rng(10)
    pred, target = scene(rng, (3000,))
    pred[:1000] *= 1.5  # sets whose mean errors differ, so the spread between them counts
    parts = [
        metric_sums(p.astype(np.float64), g.astype(np.float64))
        for p, g in zip(np.split(pred, [1000, 1100]), np.split(target, [1000, 1100]), strict=True)
    ]
    expected = reference(pred, target)
    a, b, c = parts
    assert_metrics_close(compute(merge(merge(a, b), c)), expected, 1e-12)
    assert_metrics_close(compute(merge(a, merge(b, c))), expected, 1e-12)
    assert_metrics_close(compute(merge(c, merge(b, a))), expected, 1e-12)


def test_pooled_sums_are_those_of_the_pixels_joined():
    rng = np.random.default_rng(10)
    pred, target = scene(rng, (6, 500))
    pred[:2] *= 1.5
    target[4] = 0  # a set without a pixel
    sets = jax.vmap(metric_sums)(jnp.asarray(pred), jnp.asarray(target))
    in_float64 = MetricSums(*(np.asarray(values, np.float64) for values in sets))
    assert in_float64.pixels[4] == 0
    for sums in (in_float64, MetricSums(*(x.reshape(2, 3) for x in in_float64)), sets):
        assert_metrics_close(
            compute(pool(sums)), reference(pred[target > 0], target[target > 0]), 1e-5
        )
    merged = functools.reduce(merge, (MetricSums(*(x[i] for x in in_float64)) for i in range(6)))
    for a, b in zip(pool(in_float64), merged, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    nothing = pool(MetricSums(*(x[:0] for x in in_float64)))
    assert nothing == MetricSums(*[0.0] * len(nothing))


def test_merging_works_under_jit_in_float32():
    rng = np.random.default_rng(11)
    pred, target = scene(rng, (2, 480, 640))
    halves = [
        metric_sums(jnp.asarray(p), jnp.asarray(g)) for p, g in zip(pred, target, strict=True)
    ]
    merged = jax.jit(merge)(*halves)
    assert merged.pixels == pred.size
    assert_metrics_close(compute(merged), reference(pred, target), 2e-6)


@pytest.mark.parametrize("array", [np.asarray, jnp.asarray], ids=["numpy", "jax"])
def test_merging_with_nothing_changes_nothing(array):
    pred, target = map(array, scene(np.random.default_rng(12)))
    sums = metric_sums(pred, target)
    nothing = metric_sums(pred, 0 * target)
    for merged in (merge(sums, nothing), merge(nothing, sums)):
        for name, value in merged._asdict().items():
            assert value == getattr(sums, name), name
    assert all(np.isnan(value) for value in compute(merge(nothing, nothing)).values())


def test_counts_are_not_multiplied_as_integers():
    # n_a · n_b would overflow int32.
    def sums(mean):
        n = jnp.int32(2**30)
        fields = dict.fromkeys(MetricSums._fields, jnp.float32(0))
        return MetricSums(**{**fields, "pixels": n // 2, "log": jnp.float32(mean * (n // 2))})

    metrics = compute(merge(sums(0.0), sums(0.2)))
    np.testing.assert_allclose(metrics["silog"], 10, rtol=1e-6)


def test_shapes_must_be_equal():
    x = np.ones((4, 5))
    # AssertionError from chex, or TypeError where annotations are enforced.
    with pytest.raises((AssertionError, TypeError)):
        metric_sums(x, x[..., None])
    with pytest.raises((AssertionError, TypeError)):
        metric_sums(x, x, np.ones((5,), bool))
