"""Intervals over runs against Student's own, and against truths that are known."""

import numpy as np
import pytest
import scipy.stats

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import (
    Protocol,
    bootstrap,
    difference_over_runs,
    interval_over_runs,
    runs_line,
    runs_row,
    score,
)

PROTOCOL = Protocol(average="images")


def run(errors, protocol=PROTOCOL, *, truth=2.0):
    """Scores of images of which each has one relative error throughout."""
    pairs = [
        (str(i), np.full((2, 3), truth * (1 + error)), np.full((2, 3), truth))
        for i, error in enumerate(errors)
    ]
    return score(pairs, protocol)


def test_of_runs_that_agree_in_each_image_only_the_runs_spread_is_left():
    levels = [0.1, 0.12, 0.17]
    found = interval_over_runs([run([level] * 5) for level in levels])["abs_rel"]
    low, high = scipy.stats.t.interval(0.95, 2, loc=np.mean(levels), scale=scipy.stats.sem(levels))
    np.testing.assert_allclose(found, (np.mean(levels), low, high), rtol=1e-9)


def test_of_equal_runs_only_the_images_spread_is_left():
    errors = np.random.default_rng(0).uniform(0.05, 0.3, 80)
    one = run(errors)
    found = interval_over_runs([one] * 3)["abs_rel"]
    low, high = scipy.stats.t.interval(
        0.95, 79, loc=errors.mean(), scale=errors.std() / np.sqrt(len(errors))
    )
    np.testing.assert_allclose(found, (errors.mean(), low, high), rtol=0.01)
    alone = bootstrap(one)["abs_rel"]
    np.testing.assert_allclose(found, alone, rtol=0.02)
    assert runs_row([one]) == bootstrap(one)
    assert runs_row([one] * 3) == interval_over_runs([one] * 3)


def test_the_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(1)
    inside, experiments = 0, 200
    for _ in range(experiments):
        images, levels = rng.normal(0, 0.03, 30), rng.normal(0.3, 0.01, 3)
        runs = [run(level + images) for level in levels]
        _, low, high = interval_over_runs(runs, draws=200)["abs_rel"]
        inside += low <= 0.3 <= high
    assert 0.9 < inside / experiments <= 1


def test_differences_are_of_pairs():
    images = np.random.default_rng(2).uniform(0.1, 0.4, 20)
    levels, gains = [0, 0.1, 0.05], [0.02, 0.021, 0.019]
    first = [run(images + level) for level in levels]
    second = [run(images + a - b) for a, b in zip(levels, gains, strict=True)]
    mean, low, high = difference_over_runs(first, second)["abs_rel"]
    assert mean == pytest.approx(-0.02)
    assert -0.03 < low < -0.02 < high < -0.01  # the runs alone spread by five times as much
    one = runs_row(second[:1], first[:1])["abs_rel"]
    assert one.value == pytest.approx(-0.02)


def test_a_metric_without_any_spread_is_certain():
    found = interval_over_runs([run([0.1] * 4)] * 2)
    assert found["delta1"] == (1, 1, 1)


def test_what_cannot_be_averaged_is_refused():
    one = run([0.1, 0.2, 0.3])
    with pytest.raises(ConfigError, match="two or more, got 1"):
        interval_over_runs([one])
    with pytest.raises(ConfigError, match="as many runs each, got 2 and 3"):
        difference_over_runs([one] * 2, [one] * 3)
    with pytest.raises(ConfigError, match="3 and 2 images"):
        interval_over_runs([one, run([0.1, 0.2])])
    with pytest.raises(ConfigError, match="average"):
        interval_over_runs([one, run([0.1, 0.2, 0.3], Protocol(average="pixels"))])
    with pytest.raises(ConfigError, match="3 and 2 images"):
        difference_over_runs([run([0.1, 0.2])] * 2, [one] * 2)


def test_only_what_all_runs_have_is_averaged():
    pairs = [(str(i), np.full((9, 9), 2.0), np.full((9, 9), 2.1)) for i in range(3)]
    plain, edges = score(pairs, PROTOCOL), score(pairs, PROTOCOL, edges=True)
    assert "edge_mae" not in interval_over_runs([plain, edges])
    assert interval_over_runs([edges, plain]) == interval_over_runs([plain, plain])
    assert "edge_mae" not in difference_over_runs([edges, plain], [edges, edges])
    other = score([(f"x{name}", *rest) for name, *rest in pairs], PROTOCOL)
    with pytest.raises(ConfigError, match="other names"):
        interval_over_runs([plain, other])


def test_what_is_infinite_has_no_interval():
    protocol = Protocol(clip=None)
    zero = score([(str(i), np.zeros((2, 3)), np.ones((2, 3))) for i in range(3)], protocol)
    found = interval_over_runs([zero, run([0.1, 0.2, 0.3], protocol, truth=1.0)])
    assert np.isnan(found["log10"].low)
    assert np.isfinite(found["abs_rel"]).all()


def test_the_line_below_says_what_the_interval_is_of():
    assert "draws of the images" in runs_line(1)
    assert "Student" not in runs_line(1)
    assert "3 runs: 95% of Student's t" in runs_line(3)
