"""What a report sums up, and its charts."""

import numpy as np
import pytest

from jaxdepth.evaluation import Protocol, Scorer, compare_image
from jaxdepth.evaluation.report import Collector, Series, line_chart
from jaxdepth.evaluation.report.charts import ticks


def collected(*pairs, metric="abs_rel"):
    collector, scorer = Collector(metric), Scorer(Protocol())
    for i, (prediction, target) in enumerate(pairs):
        scorer.add(str(i), prediction, target)
        compared = compare_image(Protocol(), prediction, target, name=str(i))
        collector.add(scorer.images[-1], compared)
    return collector


def test_errors_by_depth_are_those_of_the_pixels_there():
    rng = np.random.default_rng(0)
    pairs = [(rng.uniform(0.5, 9, (20, 30)), rng.uniform(0.5, 7.9, (20, 30))) for _ in range(3)]
    pairs[1][1][:5] = 0
    by_depth = collected(*pairs).error_by_depth(bins=8)
    p, g = (np.concatenate([pair[i].ravel() for pair in pairs]) for i in (0, 1))
    p, g = p[g > 0], g[g > 0]
    np.testing.assert_allclose(by_depth["depth"], np.arange(0.5, 8))
    bins = g.astype(int)
    for k in range(8):
        np.testing.assert_allclose(by_depth["pixels"][k], np.mean(bins == k))
        np.testing.assert_allclose(by_depth["error"][k], np.abs(p - g)[bins == k].mean())
        np.testing.assert_allclose(by_depth["bias"][k], (p - g)[bins == k].mean())


def test_the_map_of_mean_errors_leaves_out_what_does_not_count():
    target = np.full((4, 6), 2.0)
    holed = target.copy()
    holed[0] = 0
    holed[:, 0] = np.nan
    nothing = target.copy()
    nothing[1:], nothing[:, 1:] = 0, 0
    error_map = collected((target + 1, holed), (target - 0.5, target)).mean_error_map()
    np.testing.assert_allclose(error_map[0], 0.5)
    np.testing.assert_allclose(error_map[:, 0], 0.5)
    np.testing.assert_allclose(error_map[1:, 1:], 0.75)
    alone = collected((target, nothing)).mean_error_map()
    assert np.isnan(alone).sum() == 23


@pytest.mark.parametrize("metric", ["abs_rel", "delta1"])
def test_the_best_and_the_worst_are_kept_whatever_their_order(metric):
    rng = np.random.default_rng(1)
    target = rng.uniform(1, 5, (8, 9))
    pairs = [(target * rng.uniform(1, 1 + 0.02 * i, (8, 9)), target) for i in rng.permutation(50)]
    collector = collected(*pairs, metric=metric)
    values = sorted((m[metric] for _, m in collector.scored), reverse=metric == "delta1")
    shown = [image.metrics[metric] for image in collector.shown]
    assert shown == [*values[:10], *values[-10:]]
    for image in collector.shown:
        assert collector.scored[image.index] == (image.name, image.metrics)


def test_images_without_a_pixel_are_left_out():
    depth = np.full((4, 5), 2.0)
    assert [n for n, _ in collected((depth, 0 * depth), (depth, depth)).scored] == ["1"]


def test_ticks_are_round_and_hold_the_values():
    assert ticks(0, 1, 5) == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert ticks(-3e-4, 5e-4, 4) == [-0.0004, -0.0002, 0, 0.0002, 0.0004, 0.0006]
    assert ticks(2, 2, 5)[0] < 2 < ticks(2, 2, 5)[-1]
    assert 4 <= len(ticks(876, 123_456, 6)) <= 9


def test_charts_leave_out_what_is_not_finite_and_escape_text():
    nothing = Series("none", [1.0], [np.nan])
    assert line_chart([nothing], title="t", x="x", y="y") is None
    line = Series("a<b", [0, 1, 2, 3], [1, np.inf, 3, 2])
    chart = line_chart([nothing, line], title="t<", x="x&", y="y")
    assert chart["labels"] == [("a<b", 1, False)]
    assert chart["svg"].count(",") == 3  # points
    assert "t&lt;" in chart["svg"]
    assert "x&amp;" in chart["svg"]
