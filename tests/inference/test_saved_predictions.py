"""`evaluate.py --predictions` of several folders: one table, and image by image."""

import json
from functools import partial

import numpy as np
import pytest
from PIL import Image

import evaluate
from jaxdepth.evaluation import Protocol, bootstrap, compare_paired, score
from tests.scripts import Scripts

SIZE = (6, 8)


@pytest.fixture
def maps(tmp_path):
    """Depth in millimetres and two people's predictions of it, in folders of one name, too."""
    rng = np.random.default_rng(0)
    depth = rng.integers(1000, 5000, (5, *SIZE))
    found = {"depth": depth}
    for name, error in (("a/out", 0.1), ("b/out", 0.2)):
        found[name] = depth * np.exp(rng.normal(0, error, depth.shape))
    for name, values in found.items():
        (tmp_path / name).mkdir(parents=True)
        found[name] = values.astype(np.uint16)
        for i, value in enumerate(found[name]):
            Image.fromarray(value).save(tmp_path / name / f"{i}.png")
    return found


@pytest.fixture
def call(tmp_path):
    folders = [f"--predictions={tmp_path / name / 'out'}" for name in "ab"]
    files = ("--prediction_scale=1000", f"--depth={tmp_path / 'depth'}", "--depth_scale=1000")
    return partial(Scripts(tmp_path).call, evaluate.main, *folders, *files)


def scores_of(maps, name):
    pairs = zip(maps[name] / 1000, maps["depth"] / 1000, strict=True)
    return score([(str(i), *pair) for i, pair in enumerate(pairs)], Protocol())


def test_a_row_for_each_folder(tmp_path, maps, call):
    (table,) = json.loads(call("--bootstrap", "--format=json", f"--out={tmp_path / 'results'}"))
    assert [row["label"] for row in table["rows"]] == [str(tmp_path / n / "out") for n in "ab"]
    for row, name in zip(table["rows"], ("a/out", "b/out"), strict=True):
        expected = bootstrap(scores_of(maps, name))["rmse"]
        assert row["metrics"]["rmse"] == pytest.approx(expected._asdict(), rel=1e-6)
    assert len(list((tmp_path / "results").iterdir())) == 2


def test_two_folders_compared(tmp_path, maps, call):
    (table,) = json.loads(call("--compare", "--format=json"))
    expected = compare_paired(*(scores_of(maps, name) for name in ("a/out", "b/out")))["abs_rel"]
    *_, difference, p = (row["metrics"]["abs_rel"] for row in table["rows"])
    assert difference == pytest.approx(expected.difference._asdict(), rel=1e-6)
    assert p == pytest.approx(expected.p_value)
    assert p < 0.1
    assert difference["low"] > 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--compare", "--predictions=c"], "of two folders of predictions, got 3"),
        (["--sensitivity"], "of one folder of predictions, got 2"),
        (["--report=page"], "of one folder of predictions, got 2"),
        (["--mean"], "leave out"),
        (["--compare", "--bootstrap"], "--compare has intervals of its own"),
    ],
)
def test_what_several_folders_cannot_be_is_said(maps, call, more, message):
    assert message in call(*more, status=2)


def test_a_folder_named_twice_is_refused(tmp_path, maps, call):
    message = call("--compare", f"--predictions={tmp_path / 'b' / '..' / 'b' / 'out'}", status=2)
    assert "is named 2 times" in message


def test_what_is_not_common_to_all_folders_is_said_of_one(tmp_path, maps, call):
    Image.fromarray(np.zeros(SIZE, np.uint16)).save(tmp_path / "b" / "out" / "2.png")
    lines = call().splitlines()
    assert f"{tmp_path / 'b' / 'out'}: missing: 48 pixels" in "\n".join(lines)
    assert sum("counted: 5 images" in line for line in lines) == 1


def test_folders_of_other_images_are_refused(tmp_path, maps, call):
    (tmp_path / "b" / "out" / "3.png").unlink()
    message = call("--compare", status=1)
    assert "1 are in one of" in message
    assert "such as 3" in message
