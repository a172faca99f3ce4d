"""The host's fast sums against the definitions, image by image."""

import numpy as np
import pytest

from jaxdepth.evaluation import Protocol
from jaxdepth.evaluation.alignment import missing
from jaxdepth.evaluation.image_sums import image_sums
from jaxdepth.metrics import MetricSums, metric_sums

LIMITS = [(1e-3, 10.0), (1e-3, None), (None, 4.0), (None, None), (3.0, 4.0)]


def example(seed, *, size=(150, 500), holes=0.3, dtype=np.float32):
    """A band that is whole, one that is empty, and predictions of every kind."""
    rng = np.random.default_rng(seed)
    g = rng.uniform(0.5, 9, size)
    p = g * np.exp(rng.normal(0.1, 0.4, size))
    p[rng.random(size) < 0.1] = g[rng.random(size) < 0.1].mean()
    p[:, ::7] = 1.25 * g[:, ::7].astype(dtype)  # on a threshold, where products are exact
    g[rng.random(size) < holes] = 0
    g[10:120] = 0
    g[130, 0] = np.nan
    for value in (np.nan, np.inf, -np.inf, 0, -1, 1e-9, 1e9):
        p[tuple(rng.integers(0, side, 9) for side in size)] = value
    return p.astype(dtype), g.astype(dtype)


def expected(protocol, p, g, *, where=True, scored=None):
    valid = protocol.valid(g) & where
    with np.errstate(invalid="ignore"):
        scored = p.astype(np.float64) if scored is None else scored
        clamped = protocol.clamp(scored)
        truth = protocol.truth(g.astype(np.float64))
        sums = metric_sums(*((truth, clamped) if protocol.swapped else (clamped, truth)), valid)
        absent = valid & missing(p)
        changed = valid & ~absent & (clamped != scored)
    return sums, np.sum(absent), np.sum(changed)


def assert_equal(found, wanted):
    for name, a, b in zip(MetricSums._fields, found.sums, wanted[0], strict=True):
        if name in ("pixels", "delta1", "delta2", "delta3"):
            assert a == b, name
        else:
            np.testing.assert_allclose(a, b, rtol=1e-11, err_msg=name)
    assert (found.missing, found.clamped) == wanted[1:]


@pytest.mark.parametrize("limits", LIMITS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sums_and_counts_are_those_of_the_definitions(limits, dtype):
    protocol = Protocol(max_depth=8, clip=limits)
    for seed in range(4):
        p, g = example(seed, dtype=dtype)
        assert_equal(image_sums(protocol, p, g), expected(protocol, p, g))


def test_swapped_capped_masked_and_aligned():
    p, g = example(5)
    where = np.random.default_rng(0).random(g.shape) < 0.5
    scored = np.where(missing(p), np.nan, 2.0 * p.astype(np.float64) - 3)  # some below 0
    for protocol in (
        Protocol(max_depth=10, swapped=True),
        Protocol(max_depth=5, max_capped=True),
        Protocol(min_depth=2, min_included=True),
    ):
        found = image_sums(protocol, p, g, where=where)
        assert_equal(found, expected(protocol, p, g, where=where))
        found = image_sums(protocol, p, g, aligned=scored)
        assert_equal(found, expected(protocol, p, g, scored=scored))


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (1, 90_000), (90_000, 1), (163, 401)])
def test_any_size_and_any_part_of_an_array(size):
    rng = np.random.default_rng(0)
    g = rng.uniform(0.5, 9, (size[0] + 2, size[1] + 3))[1:-1, 2:-1]
    p = g * rng.uniform(0.7, 1.4, size)
    where = rng.random(size) < 0.9
    where[0, 0] = True
    protocol = Protocol(clip=None)
    assert_equal(image_sums(protocol, p, g, where=where), expected(protocol, p, g, where=where))


def test_no_valid_pixel_is_no_sum():
    found = image_sums(Protocol(), np.ones((4, 4)), np.zeros((4, 4)))
    assert found.sums == MetricSums(*[0.0] * len(MetricSums._fields))
    assert found[1:] == (0, 0)


def test_a_constant_factor_has_no_scale_invariant_error():
    g = np.random.default_rng(0).uniform(0.5, 9, (300, 400)).astype(np.float32)
    sums = image_sums(Protocol(), np.float64(1.1) * g, g).sums
    assert 100 * np.sqrt(sums.log_spread / sums.pixels) < 1e-10
    np.testing.assert_allclose(sums.log / sums.pixels, np.log(1.1), rtol=1e-12)


def test_float64_on_a_threshold_is_outside_it():
    g = np.random.default_rng(0).uniform(0.5, 8, (9, 500))
    for k in (1, 2, 3):
        sums = image_sums(Protocol(), 1.25**k * g, g).sums
        assert (sums.delta1, sums.delta2, sums.delta3) == tuple(g.size * (n > k) for n in (1, 2, 3))
