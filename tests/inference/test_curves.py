"""`evaluate.py --curves`, on records as training writes them."""

import json
from functools import partial

import numpy as np
import pytest

import evaluate
from jaxdepth.errors import ConfigError, DataError
from jaxdepth.evaluation import average_bins
from jaxdepth.experiment import Workdir, load_config
from jaxdepth.inference import read_curve
from tests.scripts import ROOT, Scripts

EPOCH = 40  # steps


def training(stage, first, count, error=0.1):
    """Records of every second step of a stage, and of its last."""
    return [
        {"step": first + s, "stage": stage, "loss": 1.0, "epoch": s / EPOCH, "log10": error / s}
        for s in range(1, count + 1)
        if s % 2 == 0 or s == count
    ]


def validation(stage, stage_step, first, name, error):
    return {
        "step": first + stage_step,
        "stage": f"validation {name}",
        "during": stage,
        "epoch": stage_step / EPOCH,
        "log10": error,
        "abs_rel": 0.2,
    }


def whole_run():
    """A global stage, a local one without depth, the choice of λ, and joint training."""
    local = [{k: r[k] for k in ("step", "stage", "loss")} for r in training("local", 80, 10)]
    return [
        *training("pretrain_global", 0, 80),
        validation("pretrain_global", 40, 0, "global_depth", 0.09),
        validation("pretrain_global", 80, 0, "global_depth", 0.08),
        *local,
        validation("local", 10, 80, "depth", 0.5),
        {"step": 91, "stage": "select_lam", "during": "select_lam", "lam": 0.1},
        validation("select_lam", 1, 90, "depth", 0.4),
        *training("joint", 91, 41, error=0.2),
        *[
            validation("joint", step, 91, name, error + 1 / step)
            for step in (20, 41)
            for name, error in (("global_depth", 0.07), ("depth", 0.05))
        ],
    ]


def write(folder, records):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(r) + "\n" for r in records))
    return folder / "metrics.jsonl"


@pytest.fixture
def call(tmp_path):
    """What `evaluate.py` prints."""
    return partial(Scripts(tmp_path).call, evaluate.main)


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Two finished runs under runs/, one that is not, in the current folder."""
    monkeypatch.chdir(tmp_path)
    config = load_config(str(ROOT / "configs/rooms.py"), [])
    for name in ("a", "b", "unfinished"):
        run = Workdir(tmp_path / "runs" / name)
        run.claim(config)
        write(run.path, whole_run())
        if name != "unfinished":
            run.finish({"steps": 132})
    return tmp_path / "runs"


def test_the_first_stage_that_predicts_depth_is_read(tmp_path):
    curve = read_curve(write(tmp_path, whole_run()), label="run")
    assert (curve.label, curve.stage) == ("run", "pretrain_global")
    steps = np.arange(2, 81, 2)
    expected = average_bins(steps / EPOCH, 0.1 / steps)
    np.testing.assert_allclose(curve.train_epochs, expected[0])
    np.testing.assert_allclose(curve.train_errors, expected[1])
    assert len(curve.train_epochs) == 20
    np.testing.assert_allclose(curve.validation_epochs, [1, 2])
    np.testing.assert_allclose(curve.validation_errors, [0.09, 0.08])


def test_another_stage_has_its_own_validations_of_the_best_map_or_of_any(tmp_path):
    file = write(tmp_path, whole_run())
    for depth_map, name, error in ((None, "depth", 0.05), ("global_depth", "global_depth", 0.07)):
        curve = read_curve(file, stage="joint", depth_map=depth_map, label="run")
        assert (curve.stage, curve.depth_map) == ("joint", name)
        np.testing.assert_allclose(curve.validation_epochs, [20 / EPOCH, 41 / EPOCH])
        np.testing.assert_allclose(curve.validation_errors, [error + 1 / 20, error + 1 / 41])
        np.testing.assert_allclose(curve.train_epochs[-1], 41 / EPOCH)
    with pytest.raises(ConfigError, match=r"--map must be one.*global_depth, depth, got x"):
        read_curve(file, stage="joint", depth_map="x", label="run")


def test_a_run_under_way_is_read_up_to_its_last_whole_line(tmp_path):
    records = [
        *training("pretrain_global", 0, 40),
        validation("pretrain_global", 41, 0, "global_depth", 0.1),
    ]
    file = write(tmp_path, records)
    file.write_text(file.read_text() + '{"step": 42, "st')
    curve = read_curve(file, label="run")
    np.testing.assert_allclose(curve.validation_epochs, [41 / EPOCH])


@pytest.mark.parametrize(
    ("records", "stage", "error", "message"),
    [
        (whole_run(), "fusion", ConfigError, "--stage must be one.*pretrain_global, joint, got f"),
        (whole_run(), "local", DataError, "no training error `log10` in stage local: .*joint"),
        (training("g", 0, 8), None, DataError, r"in stage g: .*--config\.evaluation\.every=STEPS"),
        ([{"step": 1, "stage": "g", "loss": 1}], None, DataError, "no training step.*train it"),
        ([], None, DataError, "no training step"),
        ([{"step": 1}], None, DataError, "line 1 is damaged"),
        ([3], None, DataError, "line 1 is damaged"),
    ],
)
def test_what_a_run_did_not_record_is_named(tmp_path, records, stage, error, message):
    file = write(tmp_path, records)
    with pytest.raises(error, match=message) as caught:
        read_curve(file, stage=stage, label="run")
    assert str(file) in str(caught.value)


def test_a_run_without_records_is_named(tmp_path):
    with pytest.raises(DataError, match=r"metrics\.jsonl is missing"):
        read_curve(tmp_path / "metrics.jsonl", label="run")


def test_every_finished_run_by_default(call, runs):
    out = call("--curves=curves.png")
    assert [line.split()[:4] for line in out.splitlines()[2:4]] == [
        ["a", "pretrain_global", "global_depth", "2.00"],
        ["b", "pretrain_global", "global_depth", "2.00"],
    ]
    assert (runs.parent / "curves.png").read_bytes().startswith(b"\x89PNG")


def test_chosen_runs_and_stage(call, runs):
    (runs.parent / "other").mkdir()
    (runs / "b").rename(runs.parent / "other" / "a")
    out = call("--curves=c.svg", "--workdir=other/a", "--workdir=runs/unfinished", "--stage=joint")
    assert "other" not in out
    assert [line.split()[5] for line in out.splitlines()[2:4]] == ["0.0744", "0.0744"]
    # Of one name, they are told apart by their folders.
    out = call("--curves=c.svg", "--workdir=other/a", "--workdir=runs/a")
    assert [line.split()[0] for line in out.splitlines()[2:4]] == ["other/a", "runs/a"]


def test_a_single_validation_is_told(call, runs):
    write(runs / "b", [*training("g", 0, 8), validation("g", 8, 0, "global_depth", 0.1)])
    out = call("--curves=c.png", "--workdir=runs/b")
    assert "b was validated once: --config.evaluation.every=STEPS" in out


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--curves=c.bmp"], 2, "must name a .png, .pdf, .svg file, got c.bmp"),
        (["--curves=c.png", "--silog"], 2, "--curves plots what training recorded"),
        (["--curves=c.png", "--split=test"], 2, "--curves plots what training recorded"),
        (["--stage=joint"], 2, "they need --curves"),
        (["--map=u"], 2, "they need --curves"),
        (["--curves=c.png", "--workdir=nowhere"], 1, "nowhere is not a run"),
        (["--config=x.py", "--workdir=a", "--workdir=b"], 2, "at most one --workdir, got 2"),
        (["--curves=nowhere/c.png"], 1, "nowhere/c.png"),
    ],
)
def test_mistaken_arguments_are_explained(call, runs, arguments, status, message):
    assert message in call(*arguments, status=status)
    assert not list(runs.parent.glob("c.*"))
