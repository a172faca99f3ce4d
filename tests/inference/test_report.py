"""`evaluate.py --report`: of saved predictions, of a run, of a run on photographs."""

import json
import re
import shutil
from functools import partial

import numpy as np
import pytest
from PIL import Image

import evaluate
from jaxdepth.inference.report import training_charts
from tests.scripts import Scripts


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("truth", "prediction", "rgb"):
        (tmp_path / name).mkdir()
    for i in range(3):
        depth = rng.uniform(1, 4, (24, 32)).astype(np.float32)
        np.save(tmp_path / "truth" / f"{i}.npy", depth)
        np.save(tmp_path / "prediction" / f"{i}.npy", depth + np.float32(0.1 * i))
        image = rng.integers(0, 256, (48, 64, 3), np.uint8)
        Image.fromarray(image).save(tmp_path / "rgb" / f"{i}.png")
    return tmp_path


def saved(folders):
    return [
        f"--predictions={folders / 'prediction'}",
        "--prediction_scale=1",
        f"--depth={folders / 'truth'}",
        "--depth_scale=1",
    ]


def clouds(page):
    return json.loads(re.search(r'id="cloud-data">(.*?)</script>', page, re.S)[1])


def test_of_saved_predictions(folders):
    call = partial(Scripts(folders).call, evaluate.main)
    out = folders / "new" / "report"
    table = call(*saved(folders), f"--report={out}", "--crop=0:20,4:32")
    assert f"report: {out / 'index.html'}" in table
    assert [file.name for file in out.iterdir()] == ["index.html"]
    page = (out / "index.html").read_text()
    for number in table.splitlines()[1].split()[-8:]:
        assert f">{number}<" in page
    assert re.search(r"protocol hash: (\w+)", table)[1] in page
    assert "a Kinect&#39;s view of 63.3° is assumed" in page
    assert page.count("<article") == 3
    assert 'alt="Image of' not in page

    call(*saved(folders), f"--report={out}", "--crop=0:20,4:32", "--intrinsics=30,31,15,11")
    page = (out / "index.html").read_text()
    assert "is assumed" not in page
    assert {tuple(cloud["intrinsics"]) for cloud in clouds(page)} == {(30, 31, 11, 11)}


def test_of_a_run_with_its_training_and_studies(finished, scripts, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    (run / "studies").mkdir()
    Image.new("RGB", (4, 3), "red").save(run / "studies" / "iterations.png")
    out = tmp_path / "report"
    table = scripts.call(
        evaluate.main, f"--workdir={run}", "--split=test[:3]", f"--report={out}",
        "--report_metric=delta1", "--geometry",
    )  # fmt: skip
    assert "report: " in table
    page = (out / "index.html").read_text()
    assert page.count("<article") == page.count('alt="Image of ') == 3
    assert "Best by δ1" in page
    assert "integrated u" in page
    assert "DBE acc" in page
    assert "is assumed" not in page  # rooms know their camera
    assert ">pretrain_global</li>" in page
    assert 'alt="Plot of the study iterations"' in page


def test_of_a_run_on_photographs(finished, scripts, folders):
    out = folders / "report"
    scripts.call(
        evaluate.main, f"--workdir={finished}", f"--rgb={folders / 'rgb'}",
        f"--depth={folders / 'truth'}", "--depth_scale=1", f"--report={out}",
    )  # fmt: skip
    page = (out / "index.html").read_text()
    assert page.count('alt="Image of ') == 3
    assert "is assumed" in page


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--report=x", "--sensitivity"], "of one table"),
        (["--report=x", "--bootstrap"], "of one table"),
        (["--report=x", "--out=y"], "score all images anew"),
        (["--report=x", "--fresh"], "score all images anew"),
        (["--report_metric=rmse"], "needs --report=DIR"),
        (["--report=x", "--report_metric=beauty"], "abs_rel, sq_rel"),
    ],
)
def test_what_makes_no_sense_is_refused_and_nothing_written(folders, monkeypatch, more, message):
    monkeypatch.chdir(folders)
    assert message in Scripts(folders).call(evaluate.main, *saved(folders), *more, status=2)
    assert not (folders / "x").exists()


def test_a_report_of_several_runs_is_refused(finished, scripts, tmp_path):
    other = shutil.copytree(finished, tmp_path / "other")
    runs = [f"--workdir={run}" for run in (finished, other)]
    message = scripts.call(evaluate.main, *runs, f"--report={tmp_path / 'x'}", status=2)
    assert "of one run, got 2" in message


def test_long_training_is_averaged_and_other_records_are_no_points():
    records = [{"step": i, "stage": "joint", "log10": 1 / i, "loss": 2.0} for i in range(1, 1001)]
    records.append({"step": 1000, "stage": "validation u", "during": "joint", "log10": 0.1})
    records.append({"step": 1000, "stage": "select_lam", "lam": 0.1})
    errors, losses = training_charts(records)
    assert [label for label, *_ in errors["labels"]] == ["joint", "validation u"]
    assert [label for label, *_ in losses["labels"]] == ["joint"]
    assert 60 <= errors["svg"].count(",") <= 90
    assert training_charts([]) == [None, None]
