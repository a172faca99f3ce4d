"""The scores near depth edges, and their columns."""

import numpy as np
import pytest

from jaxdepth.evaluation import Protocol, Scorer, footer_lines, format_table, score
from jaxdepth.metrics import depth_metrics


def stair(size=(12, 30), column=15):
    """Depth of 1 m, then of 3 m from a column on."""
    depth = np.ones(size)
    depth[:, column:] = 3
    return depth


def test_only_pixels_near_the_step_count():
    target = stair()
    prediction = target + 0.2
    prediction[:, 12:18] += 0.4
    scores = score([("a", prediction, target)], Protocol(), edges=True)
    np.testing.assert_allclose(scores.metrics["edge_mae"], 0.6)
    np.testing.assert_allclose(scores.metrics["edge_abs_rel"], (0.6 + 0.2) / 2)
    np.testing.assert_allclose(scores.metrics["mae"], (6 * 0.6 + 24 * 0.2) / 30)
    assert scores.edge_pixels == 12 * 6
    assert scores.per_image[0].metrics == scores.metrics


def test_without_being_asked_for_there_are_none():
    examples = [("a", stair(), stair())]
    plain, edges = score(examples, Protocol()), score(examples, Protocol(), edges=True)
    assert plain.edge_pixels is None
    assert edges.metrics == plain.metrics | {"edge_mae": 0, "edge_abs_rel": 0}


@pytest.mark.parametrize("average", ["pixels", "images"])
def test_images_without_edges_are_in_no_average(average):
    flat = np.full((12, 30), 2.0)
    examples = [
        ("flat", 2 * flat, flat),
        ("one", stair() + 0.5, stair()),
        ("two", 1.5 * np.tile(stair(), 2), np.tile(stair(), 2)),
    ]
    scores = score(examples, Protocol(average=average), edges=True)
    two = depth_metrics(np.array([1.5, 4.5]), np.array([1.0, 3.0]))["mae"]  # half of each depth
    expected = (0.5 + 3 * two) / 4 if average == "pixels" else (0.5 + two) / 2
    np.testing.assert_allclose(scores.metrics["edge_mae"], expected)
    assert scores.images == 3
    assert np.isnan(scores.per_image[0].metrics["edge_mae"])


def test_edges_are_sought_beyond_the_crop_and_the_range():
    target = stair()
    target[:, 15:] = 50
    # The step lies beyond the range and, at the crop's border, beyond the crop.
    for crop, pixels in ((None, 12 * 3), ((0, 12, 0, 14), 12 * 2), ((0, 12, 0, 12), 0)):
        scores = score([("a", target, target)], Protocol(crop=crop, max_depth=10), edges=True)
        assert scores.edge_pixels == pixels
        assert np.isnan(scores.metrics["edge_mae"]) == (pixels == 0)


def test_predictions_near_edges_are_clamped_and_placed_like_all():
    scorer = Scorer(Protocol(crop=(2, 9, 3, 28), max_depth=10), edges=True)
    scorer.add("covers", np.full((7, 25), np.inf), stair())
    np.testing.assert_allclose(scorer.scores().metrics["edge_mae"], ((10 - 1) + (10 - 3)) / 2)


@pytest.mark.parametrize("dtype", [np.uint16, np.float16, np.float32])
def test_ground_truth_of_any_type(dtype):
    scores = score([("a", stair(), stair().astype(dtype))], Protocol(), edges=True)
    assert scores.metrics["edge_mae"] == 0


def test_columns_and_footer():
    scores = score([("a", stair() + 0.5, stair())], Protocol(), edges=True)
    rows = [("published", {"delta1": 0.9}), ("ours", scores.metrics)]
    text = format_table(rows, silog=True, edges=True, footer=footer_lines(scores))
    heading, published, ours, *footer = text.splitlines()
    assert heading.endswith("log10    SIlog  edge MAE  edge rel")
    assert published.split()[-3:] == ["-", "-", "-"]
    assert ours.split()[-2:] == ["0.5000", "0.3333"]
    assert (
        "edges: 72 pixels within 3 of a step between depths more than a factor of 1.1 apart"
        in footer
    )
    assert "edge" not in format_table(rows)
