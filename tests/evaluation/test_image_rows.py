"""Per-image results as text, and back to the same digits."""

import json

import numpy as np
import pytest

from jaxdepth.errors import DataError
from jaxdepth.evaluation import (
    PRESETS,
    Header,
    Protocol,
    Scorer,
    format_lines,
    parse_results,
    read_results,
)

LABELS = ("f, coarse", "u")


def scored(protocol, *, edges=False, count=4):
    """Scorers of two maps on images of which one has no ground truth."""
    rng = np.random.default_rng(0)
    scorers = {label: Scorer(protocol, edges=edges) for label in LABELS}
    for i in range(count):
        target = np.where(rng.random((12, 16)) < 0.2 * i, 0, rng.uniform(0.5, 12, (12, 16)))
        if i == 1:
            target[:] = 0
        for scorer in scorers.values():
            prediction = target * np.exp(rng.normal(0.1, 0.3, target.shape))
            prediction[0, :2] = np.nan
            scorer.add(f'kitchen/"{i}", left.png', prediction, target)
    return scorers


def per_image(scorers):
    columns = zip(*(scorer.images for scorer in scorers.values()), strict=True)
    return [dict(zip(LABELS, column, strict=True)) for column in columns]


@pytest.mark.parametrize(
    ("protocol", "edges"),
    [
        (Protocol(max_depth=10), False),
        (Protocol(average="images", crop=(2, 9, 3, 14)), True),
        (Protocol(clip=None), False),  # infinite and NaN sums
    ],
)
def test_the_table_is_recomputed_to_the_same_digits(tmp_path, protocol, edges):
    scorers = scored(protocol, edges=edges)
    header = Header(protocol, LABELS, images=4, edges=edges, about={"step": 3})
    file = tmp_path / "test-12345678.csv"
    lines = format_lines(header, per_image(scorers))
    file.write_text(str(header) + lines)
    read, scores = read_results(file)
    assert read == header
    assert list(scores) == list(LABELS)
    for label, scorer in scorers.items():
        expected = scorer.scores()
        np.testing.assert_equal(dict(scores[label].metrics), dict(expected.metrics))
        for field in ("images", "empty_images", "pixels", "missing_pixels", "clamped_pixels"):
            assert getattr(scores[label], field) == getattr(expected, field)
        assert scores[label].placements == expected.placements
        np.testing.assert_equal(scores[label].per_image, expected.per_image)


def test_a_spreadsheet_can_compute_the_metrics_of_an_image():
    scorers = scored(Protocol(max_depth=10))
    header = Header(Protocol(max_depth=10), LABELS, images=4)
    first = format_lines(header, per_image(scorers)).splitlines()[0]
    numbers = first.split('left.png",')[1].split(",")[3:]
    sums = dict(zip(header.columns[5:], map(float, numbers), strict=True))
    metrics = scorers[LABELS[0]].images[0].metrics
    assert sums["sum_abs_rel"] / sums["pixels"] == metrics["abs_rel"]
    assert np.sqrt(sums["sum_square"] / sums["pixels"]) == metrics["rmse"]


def test_every_cut_leaves_whole_images():
    header = Header(Protocol(), LABELS, images=3)
    images = per_image(scored(Protocol(), count=3))
    text = str(header) + format_lines(header, images)
    ends = [len(str(header)) + len(format_lines(header, images[:n])) for n in range(4)]
    for cut in range(ends[0], len(text) + 1):
        found, of, used = parse_results(text[:cut])
        n = sum(end <= cut for end in ends) - 1
        assert found == header
        assert used == ends[n]
        assert [len(scores) for scores in of.values()] == [n, n]


def test_what_follows_damage_counts_as_not_there():
    header = Header(Protocol(), LABELS, images=3)
    lines = format_lines(header, per_image(scored(Protocol(), count=3))).splitlines(keepends=True)
    lines[3] = "\0" * 40 + "\n"
    _, images, used = parse_results(str(header) + "".join(lines))
    assert [len(of) for of in images.values()] == [1, 1]
    assert used == len(str(header)) + len("".join(lines[:2]))


@pytest.mark.parametrize("name", PRESETS)
def test_a_protocol_comes_back_from_its_header(name):
    text = str(Header(PRESETS[name], LABELS, images=1))
    protocol = Header.parse(text).protocol
    assert protocol == PRESETS[name]
    assert (protocol.fingerprint, str(protocol), protocol.note) == (
        PRESETS[name].fingerprint,
        str(PRESETS[name]),
        PRESETS[name].note,
    )
    assert json.loads(text.splitlines()[0][2:])["protocol_hash"] == protocol.fingerprint


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "a,b\n",
        "# {}\na,b\n",
        str(Header(Protocol(), LABELS, 1)).replace("sum_abs_rel", "abs_rel"),
        str(Header(Protocol(), LABELS, 1)).replace('"crop"', '"corp"'),
        str(Header(Protocol(), LABELS, 1)),  # no image of one
    ],
)
def test_other_files_are_named(tmp_path, text):
    file = tmp_path / "a.csv"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DataError, match=r"a\.csv"):
        read_results(file)
