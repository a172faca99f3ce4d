"""`evaluate.py --geometry`, and the camera that goes with a folder."""

import shutil
from functools import partial

import numpy as np
import pytest

import evaluate
from jaxdepth.errors import ConfigError
from jaxdepth.inference.camera import parse_camera
from tests.scripts import Scripts


@pytest.fixture
def arguments(tmp_path):
    depth = np.full((12, 20), 2, np.float32)
    depth[:, 10:] = 3
    for name, values in (("truth", depth), ("prediction", depth + np.float32(0.07))):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "0.npy", values)
    return [
        f"--predictions={tmp_path / 'prediction'}",
        "--prediction_scale=1",
        f"--depth={tmp_path / 'truth'}",
        "--depth_scale=1",
    ]


def test_columns_of_saved_predictions(arguments, tmp_path):
    call = partial(Scripts(tmp_path).call, evaluate.main)
    heading, row, *_ = call(*arguments, "--geometry", "--fov=60").splitlines()
    assert heading.endswith("DBE acc  DBE comp  chamfer  F 5 cm  F 10 cm")
    assert row.split()[-2:] == ["0.0000", "1.0000"]  # all points are 7 cm away, or a bit more
    same = call(*arguments, "--geometry", f"--intrinsics={10 * 3**0.5},{10 * 3**0.5},9.5,5.5")
    assert same.splitlines()[1] == row
    assert "chamfer" not in call(*arguments, "--geometry").splitlines()[0]
    assert "DBE" not in call(*arguments)


def test_columns_in_a_document(arguments, tmp_path):
    call = partial(Scripts(tmp_path).call, evaluate.main)
    heading, *_ = call(*arguments, "--geometry", "--fov=60", "--format=markdown").splitlines()
    assert heading.endswith("| DBE acc | DBE comp | chamfer | F 5 cm | F 10 cm |")


def test_they_are_scored_anew_and_leave_saved_results_as_they_are(finished, scripts, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(finished, run)
    call = partial(scripts.call, evaluate.main, f"--workdir={run}", "--split=test[:2]")
    plain = call("--fresh")
    before = {file: file.read_bytes() for file in run.glob("evaluations/*")}
    assert before
    rows = [row.split() for row in call("--geometry").splitlines()[2:5]]
    for row, other in zip(rows, plain.splitlines()[2:5], strict=True):
        assert row[: len(other.split())] == other.split()
    assert {file: file.read_bytes() for file in run.glob("evaluations/*")} == before


def test_columns_of_a_run(finished, scripts):
    out = scripts.call(evaluate.main, f"--workdir={finished}", "--split=test[:2]", "--geometry")
    assert "PE plan   PE ori  chamfer" in out
    assert "mean over 2 images of known intrinsics" in out


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--geometry", "--sensitivity"], "under one protocol"),
        (["--geometry", "--bootstrap"], "without intervals"),
        (["--geometry", "--fresh"], "leave out --fresh"),
        (["--geometry", "--out=x"], "leave out --fresh and --out=DIR"),
        (["--fov=60"], "need --geometry or --report"),
        (["--intrinsics=1,2,3"], "FX,FY,CX,CY"),
        (["--intrinsics=0,2,3,4"], "FX and FY above 0"),
        (["--fov=180"], "below 180 degrees, got 180"),
        (["--fov=60", "--intrinsics=1,2,3,4"], "give one of them"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, tmp_path, more, message):
    assert message in Scripts(tmp_path).call(evaluate.main, *arguments, *more, status=2)


def test_a_camera_without_a_folder_is_refused(tmp_path):
    assert "--depth=DIR" in Scripts(tmp_path).call(evaluate.main, "--fov=60", status=2)


def test_cameras():
    assert parse_camera(None, None) is None
    assert parse_camera("1, 2,3.5,-4", None)((5, 6)) == (1, 2, 3.5, -4)
    assert parse_camera(None, 90)((480, 640))[0] == pytest.approx(320)
    with pytest.raises(ConfigError, match="FX,FY,CX,CY"):
        parse_camera("nan,1,1,1", None)
