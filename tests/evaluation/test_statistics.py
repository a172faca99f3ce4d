"""Intervals and comparisons against the same things done image by image, and known truths."""

import itertools

import numpy as np
import pytest

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import (
    Protocol,
    bootstrap,
    bootstrap_rows,
    compare_paired,
    comparison_rows,
    format_table,
    score,
)
from jaxdepth.metrics import METRIC_NAMES

PROTOCOLS = [
    Protocol(max_depth=10),
    Protocol(average="images", max_depth=10),
    Protocol(average="images", max_depth=10, log10_rmse=True),
]


def pairs(count=6, *, seed=0, noise=0.2, size=(9, 12)):
    """Images of which each has other errors and another number of valid pixels."""
    truth, errors = np.random.default_rng(0), np.random.default_rng([seed, 1])
    for i in range(count):
        target = np.where(truth.random(size) < 0.15 * (i % 6), 0, truth.uniform(0.5, 9, size))
        error = errors.normal(0.02 * i, noise, size)
        yield f"{i}", target * np.exp(error), target


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=["pixels", "images", "log10"])
@pytest.mark.parametrize("edges", [False, True])
def test_a_draw_is_the_score_of_the_drawn_images(protocol, edges):
    examples = list(pairs())
    scores = score([*examples, ("hole", *np.zeros((2, 9, 12)))], protocol, edges=edges)
    for seed in range(3):
        counts = np.random.default_rng(seed).multinomial(6, np.full(6, 1 / 6))
        drawn = [e for e, n in zip(examples, counts, strict=True) for _ in range(n)]
        expected = score(drawn, protocol, edges=edges).metrics
        found = bootstrap(scores, draws=1, seed=seed)
        assert found.keys() == expected.keys()
        for name, interval in found.items():
            assert interval.value == scores.metrics[name]
            np.testing.assert_allclose(interval.low, expected[name], rtol=1e-9, err_msg=name)
            assert interval.high == interval.low


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    size, inside, experiments = 40, 0, 150
    for _ in range(experiments):
        ratios = np.exp(rng.normal(0.1, 0.05, size))  # one for each image
        examples = [(str(i), np.full((2, 2), 2 * r), np.full((2, 2), 2.0))
                    for i, r in enumerate(ratios)]  # fmt: skip
        low, high = bootstrap(score(examples, Protocol()), draws=400)["log10"][1:]
        truth = 0.1 / np.log(10)  # E |e|; hardly any e is negative
        inside += low <= truth <= high
    assert 0.87 < inside / experiments < 0.99


def test_a_seed_gives_the_same_interval_and_another_one_another():
    scores = score(pairs(), Protocol())
    assert bootstrap(scores, draws=700) == bootstrap(scores, draws=700)
    assert bootstrap(scores, draws=700) != bootstrap(scores, draws=700, seed=1)


@pytest.mark.parametrize("protocol", PROTOCOLS[:2], ids=["pixels", "images"])
def test_a_p_value_is_the_share_of_all_exchanges(protocol):
    ours, theirs = list(pairs(noise=0.2)), list(pairs(seed=1, noise=0.23))
    found = compare_paired(score(ours, protocol), score(theirs, protocol), draws=4000)
    differences = {name: [] for name in METRIC_NAMES}
    for flips in itertools.product((0, 1), repeat=len(ours)):
        mixed = [
            score([(b, a)[f] for a, b, f in zip(ours, theirs, flips, strict=True)], protocol),
            score([(a, b)[f] for a, b, f in zip(ours, theirs, flips, strict=True)], protocol),
        ]
        for name in METRIC_NAMES:
            differences[name].append(mixed[0].metrics[name] - mixed[1].metrics[name])
    for name, values in differences.items():
        observed = values[0]
        assert found[name].difference.value == pytest.approx(observed, rel=1e-12)
        share = np.mean(np.abs(values) >= abs(observed) * (1 - 1e-9))
        assert found[name].p_value == pytest.approx(share, abs=0.03), name


def test_equal_predictions_do_not_differ():
    scores = score(pairs(), Protocol())
    for difference, p in compare_paired(scores, scores, draws=200).values():
        assert difference == (0, 0, 0)
        assert p == 1


def test_what_is_better_in_every_image_is_found_and_has_a_sign():
    ours, theirs = (score(pairs(12, noise=noise), Protocol()) for noise in (0.1, 0.3))
    found = compare_paired(ours, theirs, draws=2000)
    assert found["rmse"].difference.low > 0 > found["delta1"].difference.high
    assert found["rmse"].p_value < 0.01
    assert found["rmse"].p_value >= 1 / 2001


def test_a_metric_that_is_not_a_number_has_no_p_value():
    examples = [(n, np.where(p < 1, np.nan, p), g) for n, p, g in pairs()]
    protocol = Protocol(clip=None)
    found = compare_paired(score(pairs(), protocol), score(examples, protocol), draws=20)
    assert np.isnan(found["rmse"].p_value)
    assert 0 < found["delta1"].p_value <= 1


def test_only_the_same_images_under_the_same_rules_are_compared():
    scores = score(pairs(), Protocol())
    with pytest.raises(ConfigError, match="max_depth"):
        compare_paired(scores, score(pairs(), Protocol(max_depth=5)))
    with pytest.raises(ConfigError, match="6 and 5 images"):
        compare_paired(scores, score(pairs(5), Protocol()))
    with pytest.raises(ConfigError, match="other ground truth"):
        compare_paired(scores, score(reversed(list(pairs())), Protocol()))
    with pytest.raises(ConfigError, match=r"two or more.*got 1"):
        bootstrap(score(pairs(1), Protocol()))


def test_tables_of_intervals_and_comparisons():
    ours, theirs = (score(pairs(noise=noise), Protocol()) for noise in (0.1, 0.3))
    rows, line = bootstrap_rows({"ours": ours})
    text = format_table(rows, footer=[line])
    interval = bootstrap(ours)["abs_rel"]
    assert f"{interval.value:.4f} [{interval.low:.4f}, {interval.high:.4f}]" in text
    assert text.endswith("[low, high]: 95% of 10,000 draws of the images with replacement")
    rows, lines = comparison_rows(("a", "b"), (ours, theirs), compare_paired(ours, theirs))
    assert [label for label, _ in rows] == ["a", "b", "difference", "p"]
    assert rows[2][1]["rmse"].value == theirs.metrics["rmse"] - ours.metrics["rmse"]
    assert len(lines) == 2
