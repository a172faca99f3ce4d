"""The printed table."""

import numpy as np
import pytest

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import Placement, Protocol, footer_lines, format_table, mean_rows, score

PAPER = {  # Kim et al., table I, the column of their method; it has no log10
    "delta1": 0.825,
    "delta2": 0.976,
    "delta3": 0.993,
    "abs_rel": 0.117,
    "sq_rel": 0.109,
    "rmse": 0.525,
    "rmse_log": 0.172,
}


def test_columns_are_in_the_papers_order_and_aligned():
    ours = dict.fromkeys(PAPER, 0.5) | {"log10": 0.04567891, "silog": 15.0, "rmse": 12.0}
    assert format_table([("published", PAPER), ("ours", ours)]).splitlines() == [
        "               δ1      δ2      δ3  abs rel  sqr rel  RMS(lin)  RMS(log)   log10",
        "published  0.8250  0.9760  0.9930   0.1170   0.1090    0.5250    0.1720       -",
        "ours       0.5000  0.5000  0.5000   0.5000   0.5000   12.0000    0.5000  0.0457",
    ]


def test_silog_is_a_last_column_if_asked():
    heading, row = format_table([("ours", PAPER | {"silog": 15.25})], silog=True).splitlines()
    assert heading.endswith("log10    SIlog")
    assert row.endswith("      -  15.2500")


def test_more_decimals():
    assert "0.825000" in format_table([("ours", PAPER)], decimals=6)


def test_values_that_are_no_numbers_are_shown():
    text = format_table([("ours", PAPER | {"rmse": float("nan"), "rmse_log": np.float64("inf")})])
    assert text.splitlines()[1].split() == [
        *("ours", "0.8250", "0.9760", "0.9930", "0.1170", "0.1090", "nan", "inf", "-")
    ]


def test_the_footer_states_how_the_scores_came_about():
    target = np.full((12, 16), 2.0)
    prediction = np.full((6, 8), 2.0)
    prediction[2, 3] = 50
    examples = [("a", prediction, target), ("b", target, target), ("c", target, 0 * target)]
    protocol = Protocol(crop=(2, 9, 3, 14), average="images", max_depth=10, resize=True)
    scores = score(examples, protocol)
    lines = footer_lines(scores)
    assert lines == [
        "protocol: averaged over images; crop 2:9,3:14 (rows, columns); "
        "0.001 m < ground truth < 10 m, predictions clamped to [0.001, 10] m",
        "counted: 2 images, 154 pixels",
        "left out: 1 images without valid ground truth",
        "predictions: 2 of the ground truth's size, cropped like it",
        "predictions: 1 resized bilinearly to the ground truth's size, then cropped like it",
        f"clamped: {scores.clamped_pixels} pixels predicted outside the range",
    ]
    assert scores.placements == {Placement.CROPPED: 2, Placement.RESIZED_CROPPED: 1}
    table = format_table([("ours", scores.metrics)], footer=lines)
    assert table.splitlines()[2:] == lines


def test_the_footer_is_short_where_there_is_nothing_to_say():
    lines = footer_lines(score([("a", *np.ones((2, 1000, 2000)))], Protocol()))
    assert lines == [
        "protocol: pooled over all pixels; full frame; "
        "ground truth > 0.001 m, predictions clamped to at least 0.001 m",
        "counted: 1 images, 2,000,000 pixels",
        "predictions: 1 of the ground truth's size",
    ]


def test_missing_predictions_are_stated():
    prediction = np.ones((4, 4))
    prediction[0] = np.nan
    lines = footer_lines(score([("a", prediction, np.ones((4, 4)))], Protocol()))
    assert lines[-1] == (
        "missing: 4 pixels without a positive finite prediction, scored as an end of the range"
    )


def test_the_text_is_the_same_every_time():
    rng = np.random.default_rng(0)
    examples = [(str(i), rng.uniform(1, 5, (8, 8)), rng.uniform(1, 5, (8, 8))) for i in range(3)]
    first, second = (score(examples, Protocol()) for _ in range(2))
    assert format_table([("m", first.metrics)], footer=footer_lines(first)) == format_table(
        [("m", dict(reversed(second.metrics.items())))], footer=footer_lines(second)
    )


def test_mean_and_deviation_over_runs():
    tables = [
        [("a", {"abs_rel": value, "rmse": 1.0}), ("b", {"abs_rel": 0.5, "rmse": 2 * value})]
        for value in (0.1, 0.2, 0.3)
    ]
    (_, a), (_, b) = mean_rows(tables)
    assert a["abs_rel"] == pytest.approx((0.2, 0.1))  # of a sample: divided by n − 1
    assert a["rmse"] == (1.0, 0.0)
    assert b["rmse"] == pytest.approx((0.4, 0.2))
    assert "0.2000 ± 0.1000" in format_table(mean_rows(tables))


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        ([[("a", {"rmse": 1.0})]], "two runs or more, got 1"),
        ([[("a", {"rmse": 1.0})], [("b", {"rmse": 1.0})]], "same rows, got a and b"),
    ],
)
def test_a_mean_of_tables_that_do_not_match_is_refused(tables, message):
    with pytest.raises(ConfigError, match=message):
        mean_rows(tables)
