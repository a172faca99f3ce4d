"""Whole runs, in processes of their own: what they leave behind, interrupted in every way."""

import json
import os
import random
import signal
import time
from pathlib import Path

import jax
import numpy as np

import train
from jaxdepth.data.images import read_image
from jaxdepth.experiment import Checkpoints, Workdir, init_variables

TOTAL_STEPS = 12


def variables_of(workdir: Path):
    run = Workdir(workdir)
    checkpoints = Checkpoints(run.checkpoints)
    template = jax.eval_shape(lambda: init_variables(run.config()))
    step = checkpoints.latest()
    variables = checkpoints.restore(step, "variables", template)
    checkpoints.close()
    return step, variables


def metrics_of(workdir: Path) -> list[dict]:
    return [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]


def assert_ends_like(workdir: Path, finished: Path):
    """Bit-identical parameters and statistics, and every step logged once."""
    (step, ours), (expected_step, theirs) = variables_of(workdir), variables_of(finished)
    assert step == expected_step == TOTAL_STEPS
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)
    steps = [(m["step"], m["loss"]) for m in metrics_of(workdir) if "loss" in m]
    assert steps == [(m["step"], m["loss"]) for m in metrics_of(finished) if "loss" in m]
    assert [s for s, _ in steps] == [1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12]


def test_a_run_leaves_its_record(finished):
    names = {p.name for p in finished.iterdir()}
    assert {
        "config.json",
        "metrics.jsonl",
        "checkpoints",
        "samples",
        "finished.json",
        "mean_depth.npy",
    } <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    config = json.loads((finished / "config.json").read_text())
    assert config["model"]["width"] == 0.0625
    records = metrics_of(finished)
    assert {r["stage"] for r in records if "loss" in r} == {
        "pretrain_global", "pretrain_local", "joint"}  # fmt: skip
    assert any(r["stage"] == "select_lam" for r in records)
    assert all(np.isfinite(v) for r in records for v in r.values() if isinstance(v, float))
    assert records[-1]["stage"] == "validation integrated u"
    assert records[-1]["during"] == "joint"
    for picture in (finished / "samples").iterdir():
        assert read_image(picture).shape[0] == 4 * (32 + 2)


def test_run_again_a_finished_run_changes_nothing(scripts, finished):
    before = {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()}
    _, err = scripts.run("train.py", *scripts.train_arguments(finished))
    assert "trained 12 steps" in err
    assert {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()} == before


def test_killed_at_any_step_it_ends_bit_identical(scripts, finished, tmp_path):
    """SIGKILL after each of two random steps; then the same command to the end."""
    steps = sorted(random.sample(range(1, TOTAL_STEPS), 2))
    for step in steps:
        process = scripts.start("train.py", *scripts.train_arguments(tmp_path))
        wait_for_step(process, tmp_path, step)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL
    scripts.run("train.py", *scripts.train_arguments(tmp_path))
    assert_ends_like(tmp_path, finished)


def test_signals_save_first(scripts, finished, tmp_path):
    arguments = scripts.train_arguments(tmp_path, "--config.checkpoint_every=1000")
    for signum, step in ((signal.SIGTERM, 1), (signal.SIGINT, 9)):
        process = scripts.start("train.py", *arguments)
        wait_for_step(process, tmp_path, step)
        process.send_signal(signum)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 128 + signum, err
        assert "Run the same command again to go on" in err
        assert "Traceback" not in err
        saved, _ = variables_of(tmp_path)
        assert saved == max(m["step"] for m in metrics_of(tmp_path))
    scripts.run("train.py", *arguments)
    assert_ends_like(tmp_path, finished)


def test_a_loss_that_is_not_finite_stops_the_run(scripts, tmp_path):
    settings = ("optimizer=sgd", "schedule=constant", "warmup_steps=0", "epochs=2",
                "learning_rate=1e30")  # fmt: skip
    overrides = [f"--config.pretrain_global.{setting}" for setting in settings]
    _, err = scripts.run("train.py", *scripts.train_arguments(tmp_path, *overrides), status=1)
    message = err.partition("error: ")[2]
    assert "not finite at step" in message
    assert "(pretrain_global)" in message
    assert "rooms/train[" in message
    step = int(message.split("at step ")[1].split()[0])
    assert all(int(p.name) < step for p in (tmp_path / "checkpoints").glob("[0-9]*"))


def test_another_config_is_refused_and_nothing_is_overwritten(scripts, finished):
    before = {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()}
    arguments = scripts.train_arguments(finished, "--config.joint.learning_rate=0.5")
    err = scripts.call(train.main, *arguments, status=1)
    assert "joint.learning_rate: 0.001 there, 0.5 now" in err
    assert before == {p: p.read_bytes() for p in finished.rglob("*") if p.is_file()}


def test_unknown_keys_and_variants_are_named(scripts, tmp_path):
    arguments = scripts.train_arguments(tmp_path / "a", "--config.joint.lr=1")
    assert "no config key 'joint.lr'" in scripts.call(train.main, *arguments, status=2)
    err = scripts.call(train.main, "--config=configs/rooms.py:fast", status=2)
    assert "no variant 'fast'" in err
    assert not (tmp_path / "a").exists()


def test_a_crop_that_does_not_fit_is_refused_before_training(scripts, tmp_path):
    arguments = scripts.train_arguments(tmp_path, "--config.evaluation.crop=0:400,0:4")
    err = scripts.call(train.main, *arguments, status=2)
    assert "evaluation.crop must lie within the depth maps, 32x48, got 0:400,0:4" in err
    assert not (tmp_path / "config.json").exists()


def test_missing_nyu_says_how_to_get_it(scripts, tmp_path):
    err = scripts.call(
        train.main, "--config=configs/nyu.py", f"--workdir={tmp_path / 'w'}",
        f"--config.data.data_dir={tmp_path / 'none'}", status=1)  # fmt: skip
    assert "tfds build nyu_depth_v2 --file_format=array_record" in err
    assert str(tmp_path / "none") in err


def wait_for_step(process, workdir: Path, step: int):
    """Until the run has logged a step."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        if (workdir / "metrics.jsonl").exists() and os.path.getsize(workdir / "metrics.jsonl"):
            lines = (workdir / "metrics.jsonl").read_text().splitlines()
            complete = [json.loads(x) for x in lines if x.endswith("}")]
            if complete and complete[-1]["step"] >= step:
                return
        time.sleep(0.02)
    raise TimeoutError(f"step {step} was not reached")
