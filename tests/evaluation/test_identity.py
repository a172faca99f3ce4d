"""A protocol is a value with a hash; rows of different ones do not stand in one table unasked."""

import dataclasses
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

from jaxdepth.errors import ConfigError, DataError
from jaxdepth.evaluation import (
    PRESETS,
    Crop,
    Placement,
    Protocol,
    align,
    compare,
    differences,
    format_table,
    identity_lines,
    require_same_protocol,
    score,
)

CHANGED = {
    "crop": (0, 5, 0, 5),
    "average": "images",
    "min_depth": 0.5,
    "max_depth": 20,
    "dataset": "x",
    "split": "x",
    "ground_truth": "x",
    "truth_size": (460, 345),
    "within": "kb",
    "min_included": True,
    "max_included": True,
    "max_capped": True,
    "interpolation": "nearest",
    "align_corners": True,
    "resize_in": "disparity",
    "covers": "kb",
    "stretch": "covers",
    "border": "cross-bilateral",
    "mirrored": True,
    "clip": (0.1, 10),
    "clip_first": True,
    "alignment": "median",
    "swapped": True,
    "log10_rmse": True,
}
"""Field → another value, for every field that changes a number."""

FREE = {"name": "x", "note": "x", "resize": True}

HASHES = {
    "nyu/kim2018": "619f062f",
    "nyu/li2017": "de35e622",
    "nyu/laina2016": "e9602010",
    "nyu/bts": "817cfe78",
    "nyu/adabins": "8b493748",
    "nyu/densedepth": "cefbe963",
    "make3d/kim2018-c1": "6b69848e",
    "make3d/kim2018-c2": "b799616f",
    "make3d/laina2016": "a5ea7e20",
    "make3d/monodepth2": "1f0349c7",
    "kitti/kim2018": "d0029dd3",
    "kitti/garg80": "37113664",
    "kitti/garg50": "7c0ed4f1",
    "kitti/eigen80": "51613714",
    "kitti/eigen50": "51357793",
    "kitti/monodepth2": "84962eec",
    "kitti/bts": "dbf16c73",
    "kitti/adabins": "69478d5a",
    "diml/kim2018": "e98b6541",
}
"""Never to change: tables that were printed carry them."""


def test_hashes_are_what_they_were():
    assert {name: p.fingerprint for name, p in PRESETS.items()} == HASHES
    assert Protocol().fingerprint == "44136fa3"  # of no field that differs: SHA-256 of "{}"
    text = b'{"crop": "44:471,40:601", "max_depth": 10.0}'
    assert hashlib.sha256(text).hexdigest()[:8] == "3310767e"
    assert Protocol(crop=(44, 471, 40, 601), max_depth=10).fingerprint == "3310767e"


def test_the_hash_is_the_same_in_every_process():
    code = "from jaxdepth.evaluation import PRESETS; print(PRESETS['nyu/bts'].fingerprint)"
    for seed in ("1", "2"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        run = [sys.executable, "-c", code]
        out = subprocess.run(run, capture_output=True, text=True, check=True, env=environment)
        assert out.stdout.strip() == HASHES["nyu/bts"]


def test_every_field_that_changes_a_number_changes_the_hash():
    assert set(CHANGED) | set(FREE) == {f.name for f in dataclasses.fields(Protocol)}
    base = Protocol(max_depth=10, covers=(1, 2, 3, 4))
    seen = {base.fingerprint}
    for field, value in CHANGED.items():
        other = dataclasses.replace(base, **{field: value})
        assert other.fingerprint not in seen, field
        assert list(differences(base, other)) == [field]
        assert str(other) != str(base), field
        seen.add(other.fingerprint)
    assert dataclasses.replace(base, **FREE).fingerprint == base.fingerprint


def test_equal_values_have_one_hash():
    a = Protocol(crop=(1, 2, 3, 4), min_depth=1, max_depth=10, clip=(1, 10), truth_size=(4, 5))
    b = Protocol(crop=Crop(1, 2, 3, 4), min_depth=1.0, max_depth=10.0, clip=(1.0, 10.0))
    assert a.fingerprint == dataclasses.replace(b, truth_size=(4, 5)).fingerprint


def scores_under(**protocols):
    pair = ("a.png", np.full((12, 16), 2.2), np.full((12, 16), 2.0))
    return {label: score([pair], protocol) for label, protocol in protocols.items()}


def test_rows_of_different_protocols_are_refused_and_the_fields_named():
    scores = scores_under(ours=Protocol(crop=(0, 9, 0, 9)), theirs=Protocol(max_depth=10))
    with pytest.raises(ConfigError) as error:
        compare(scores)
    for part in ("ours [", "theirs [", "crop (0:9,0:9 and None)", "max_depth (None and 10)"):
        assert part in str(error.value)
    assert "--across_protocols" in str(error.value)
    for protocol in (s.protocol for s in scores.values()):
        assert protocol.fingerprint in str(error.value)


def test_rows_of_different_protocols_carry_their_hash_if_asked_for():
    scores = scores_under(ours=Protocol(), theirs=Protocol(max_depth=10))
    rows = compare(scores, across=True)
    hashes = [s.protocol.fingerprint for s in scores.values()]
    assert [label for label, _ in rows] == [f"ours [{hashes[0]}]", f"theirs [{hashes[1]}]"]


def test_rows_of_one_protocol_are_compared_whatever_it_is_called():
    scores = scores_under(ours=Protocol(), theirs=Protocol(name="x", note="y", resize=True))
    assert [label for label, _ in compare(scores)] == ["ours", "theirs"]
    require_same_protocol({})


def test_the_lines_below_a_table_name_hash_note_and_images_left_out():
    protocol = Protocol(name="x", note="odd")
    full = np.ones((4, 4))
    pairs = [("a.png", full, full), *((f"{i}.png", full, 0 * full) for i in range(7))]
    scores = score(pairs, protocol)
    assert identity_lines(scores) == [
        f"protocol hash: {protocol.fingerprint}",
        "note: odd",
        "without valid ground truth: 0.png, 1.png, 2.png, 3.png, 4.png and 2 more",
    ]
    table = format_table(compare({"a": scores}), footer=identity_lines(scores))
    assert protocol.fingerprint in table


def test_protocols_in_words():
    assert str(PRESETS["kitti/adabins"]) == (
        "kitti/adabins: averaged over images; crop garg of the part kb of the frame; "
        "0.001 m < ground truth < 80 m, predictions clamped to [0.001, 80] m before they are "
        "resized; kitti, eigen test split, annotated ground truth; predictions resized with "
        "aligned corners; predictions averaged with those of the mirrored images"
    )
    assert "0 m < ground truth ≤ 5 m, predictions clamped to at most 4 m" in str(
        Protocol(min_depth=None, max_depth=5, max_included=True, clip=(None, 4))
    )


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"crop": "grag"}, "one of garg, eigen, kb, got 'grag'"),
        ({"alignment": "mean"}, "alignment must be 'none' or 'median'.*'mean'"),
        ({"interpolation": "cubic"}, "interpolation.*'bilinear' or 'nearest'.*'cubic'"),
        ({"stretch": "covers"}, "stretch='covers' needs covers"),
        ({"max_capped": True}, "max_depth, got None"),
        ({"clip": (5, 2)}, "0 <= low < high.*5, 2"),
        ({"clip": (-1, 2)}, "0 <= low < high.*-1, 2"),
        ({"swapped": True, "clip": None}, "clip it.*got clip=None"),
    ],
)
def test_settings_that_make_no_sense_are_refused(setting, named):
    with pytest.raises(ConfigError, match=named):
        Protocol(**setting)


def test_a_rule_that_does_not_fit_names_the_file():
    with pytest.raises(DataError, match=r"a\.png: the crop kb .*300x1242.*choose a crop"):
        Protocol(crop="kb").place(np.ones((300, 1242)), np.ones((300, 1242)), name="a.png")


@pytest.mark.parametrize(("included", "kept"), [(False, [1]), (True, [0, 1, 2])])
def test_limits_count_or_not(included, kept):
    protocol = Protocol(
        min_depth=1, max_depth=2, min_included=included, max_included=included, max_capped=False
    )
    target = np.array([1, 1.5, 2, 2.5, 0.5, np.nan, np.inf, -np.inf])
    assert np.flatnonzero(protocol.valid(target)).tolist() == kept


def test_a_part_that_a_prediction_covers():
    target = np.arange(1.0, 193.0).reshape(12, 16)
    protocol = Protocol(crop=(0, 8, 0, 8), covers=(2, 9, 3, 14), resize=True)
    p, g, placement = protocol.place(target[2:9, 3:14], target, name="a")
    assert placement is Placement.COVERS_PART
    assert np.isnan(p[:2]).all()
    assert np.isnan(p[:, :3]).all()
    np.testing.assert_array_equal(p[2:, 3:], g[2:, 3:])


@pytest.mark.parametrize("alignment", ["median", "depth", "disparity"])
def test_alignment_undoes_its_transform_and_sees_valid_pixels_alone(alignment):
    rng = np.random.default_rng(0)
    g = rng.uniform(1, 9, (20, 30))
    undone = {"median": 3 * g, "depth": 2 * g + 1, "disparity": 1 / (0.5 / g + 0.1)}[alignment]
    valid = rng.random(g.shape) < 0.8
    noisy_truth = np.where(valid, g, np.nan)
    noisy = np.where(valid, undone, rng.choice([np.nan, 0, -1, np.inf, 7], g.shape))
    aligned = align(noisy, noisy_truth, valid, alignment=alignment)
    np.testing.assert_allclose(aligned[valid], g[valid], rtol=1e-9)
    nothing = np.zeros_like(g)
    assert align(nothing, g, valid, alignment=alignment) is nothing
    constant = align(np.full_like(g, 2.0), g, valid, alignment=alignment)
    centre = {"median": np.median(g[valid]), "depth": g[valid].mean()}
    expected = centre.get(alignment, 1 / np.mean(1 / g[valid]))
    np.testing.assert_allclose(constant, expected)


def test_least_squares_is_the_best_line():
    rng = np.random.default_rng(1)
    p, g = rng.uniform(1, 9, (2, 500))
    valid = np.ones(500, bool)
    a, b = np.linalg.lstsq(np.stack([p, np.ones(500)], axis=1), g, rcond=None)[0]
    np.testing.assert_allclose(align(p, g, valid, alignment="depth"), a * p + b, rtol=1e-9)
    a, b = np.linalg.lstsq(np.stack([1 / p, np.ones(500)], axis=1), 1 / g, rcond=None)[0]
    expected = np.where(a / p + b > 0, 1 / (a / p + b), np.inf)
    np.testing.assert_allclose(align(p, g, valid, alignment="disparity"), expected, rtol=1e-9)
