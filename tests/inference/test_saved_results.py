"""Per-image results of evaluations: always there, continued after a kill, never stale."""

import errno
import json
import os
import shutil
import signal
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import evaluate
from jaxdepth.errors import WorkdirError
from jaxdepth.evaluation import (
    Header,
    Protocol,
    Scorer,
    bootstrap,
    compare_paired,
    format_table,
    read_results,
)
from jaxdepth.inference import SavedResults
from tests.inference.saved import COUNT, HEADER, changed, fill
from tests.scripts import Scripts


@pytest.fixture
def run(finished, tmp_path) -> Path:
    """A copy of the finished run that has no results yet."""
    ignore = shutil.ignore_patterns("evaluations")
    return Path(shutil.copytree(finished, tmp_path / "run", ignore=ignore))


@pytest.fixture
def table(scripts, run, capsys):
    """`evaluate.py` on the run: its output and its errors."""

    def call(*arguments: str, status: int = 0) -> tuple[str, str]:
        got = evaluate.main([f"--workdir={run}", *arguments])
        assert got == status
        return capsys.readouterr()

    return call


def the_file(run: Path) -> Path:
    (file,) = (run / "evaluations").iterdir()
    return file


def interrupted(header: Header, file: Path, upto: int, error: BaseException) -> None:
    """An evaluation that scores some images and ends by an error."""
    with SavedResults(header, file) as results:
        fill(results, upto)
        raise error


def test_the_table_follows_from_the_file_to_the_same_digits(table, run):
    out, _ = table("--edges", "--silog")
    file = the_file(run)
    assert file.name.startswith("test-")
    header, scores = read_results(file)
    rows = [(label, of.metrics) for label, of in scores.items()]
    body = format_table(rows, silog=True, edges=True)
    assert body in out
    assert f"protocol: {header.protocol}" in out
    assert f"protocol hash: {header.protocol.fingerprint}" in out
    assert file.stem == f"test-{header.protocol.fingerprint}-edges"
    progress = json.loads((run / "finished.json").read_text())
    assert header.about["step"] == max(int(p.name) for p in (run / "checkpoints").glob("[0-9]*"))
    assert progress


def test_a_finished_evaluation_is_read_and_not_made_again(table, run, monkeypatch):
    first, err = table()
    assert "scored before" not in err
    monkeypatch.setattr(Scorer, "add", None)  # whoever scores fails
    second, err = table()
    assert second == first
    assert f"{the_file(run)}: 8 of 8 images were scored before (--fresh" in err
    with pytest.raises(TypeError):
        table("--fresh")


@pytest.mark.parametrize("what", ["weights", "config", "mean", "data"])
def test_whatever_changes_a_number_makes_it_anew(table, run, scripts, what):
    first, _ = table()
    if what == "weights":
        newest, *_ = sorted(
            (run / "checkpoints").glob("[0-9]*"), key=lambda p: int(p.name), reverse=True
        )
        shutil.rmtree(newest)
    elif what == "config":
        config = json.loads((run / "config.json").read_text())
        config["model"]["num_iters"] = 5
        (run / "config.json").write_text(json.dumps(config))
    elif what == "mean":
        np.save(run / "mean_depth.npy", 2 * np.load(run / "mean_depth.npy"))
    else:
        for file in Path(scripts.data_dir).rglob("*test*"):
            os.utime(file)
    second, err = table()
    assert "scored before" not in err
    assert (second == first) == (what == "data")
    assert "scored before" in table()[1]


def test_protocols_and_splits_have_files_of_their_own(table, run):
    table("--max_depth=3")
    table("--split=validation")
    table("--max_depth=3", "--split=validation", "--edges")
    stems = sorted(file.stem.split("-")[0] for file in (run / "evaluations").iterdir())
    assert stems == ["test", "validation", "validation"]


def test_killed_again_and_again_it_ends_with_the_same_table(scripts, run):
    """SIGKILL as soon as there are results of a further batch; then the same command to the end."""
    arguments = ("evaluate.py", f"--workdir={run}", "--split=train", "--fresh")
    expected, _ = scripts.run(*arguments)
    saved = the_file(run)
    complete = saved.read_bytes()
    saved.unlink()
    part = saved.with_name(saved.name + ".part")
    process = scripts.start(*arguments[:-1])
    while process.poll() is None and (not part.exists() or part.stat().st_size < 10_000):
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert not saved.exists()
    left = part.read_bytes()
    assert complete.startswith(left)
    part.write_bytes(left[:-17])  # a torn last line
    out, err = scripts.run(*arguments[:-1])
    assert out == expected
    assert "of 24 images were scored before" in err
    assert saved.read_bytes() == complete
    assert not part.exists()


def test_results_of_predictions_are_saved_where_asked(tmp_path):
    for name in ("prediction", "depth"):
        (tmp_path / name).mkdir()
        for i in range(2):
            depth = np.full((6, 8), 1000 + 100 * i, np.uint16)
            Image.fromarray(depth).save(tmp_path / name / f"{i}.png")
    call = partial(
        Scripts(tmp_path).call,
        evaluate.main,
        f"--predictions={tmp_path / 'prediction'}",
        "--prediction_scale=900",
        f"--depth={tmp_path / 'depth'}",
        "--depth_scale=1000",
    )
    expected = call()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["depth", "prediction"]
    assert call(f"--out={tmp_path / 'out'}") == expected
    (file,) = (tmp_path / "out").iterdir()
    assert file.name == "prediction-44136fa3.csv"
    _, scores = read_results(file)
    assert scores["prediction"].metrics["abs_rel"] == pytest.approx(1 / 9)
    Image.fromarray(np.full((6, 8), 3000, np.uint16)).save(tmp_path / "prediction" / "1.png")
    assert call(f"--out={tmp_path / 'out'}") != expected
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_runs_of_one_name_do_not_share_a_file(scripts, finished, tmp_path):
    for folder in ("a", "b"):
        shutil.copytree(finished, tmp_path / folder / "run")
    runs = [f"--workdir={tmp_path / folder / 'run'}" for folder in ("a", "b")]
    scripts.call(evaluate.main, *runs, f"--out={tmp_path / 'out'}")
    assert len(list((tmp_path / "out").glob("*run-test-*.csv"))) == 2


def test_only_what_is_of_the_same_evaluation_is_continued(tmp_path):
    file = tmp_path / "evaluations" / "test-0.csv"
    with pytest.raises(KeyboardInterrupt):
        interrupted(HEADER, file, 4, KeyboardInterrupt())
    for other in (
        changed(HEADER, weights=2),
        changed(HEADER, step=8),
        HEADER._replace(protocol=Protocol(max_depth=3)),
        HEADER._replace(images=COUNT + 1),
    ):
        copy = tmp_path / "copy" / file.name
        shutil.copytree(file.parent, copy.parent, dirs_exist_ok=True)
        with SavedResults(other, copy) as results:
            assert results.restored == 0
    with SavedResults(HEADER, file) as results:
        assert results.restored == 4
        fill(results)
    with SavedResults(HEADER, file, fresh=True) as results:
        assert results.restored == 0
        fill(results)
    with SavedResults(HEADER, file) as results:
        assert results.is_complete


def test_what_is_complete_stays_until_something_complete_replaces_it(tmp_path):
    file = tmp_path / "test-0.csv"
    with SavedResults(HEADER, file) as results:
        fill(results)
    before = file.read_bytes()
    with pytest.raises(WorkdirError):
        interrupted(changed(HEADER, weights=2), file, 3, WorkdirError("bad input"))
    assert [p.name for p in tmp_path.iterdir()] == [file.name]
    assert file.read_bytes() == before


def test_a_torn_file_is_made_anew(tmp_path):
    file = tmp_path / "test-0.csv"
    with SavedResults(HEADER, file) as results:
        fill(results)
    before = file.read_bytes()
    for _ in range(2):
        file.write_bytes(before[:-20])
        with SavedResults(HEADER, file) as results:
            assert results.restored == 0
            fill(results)
        assert file.read_bytes() == before


def test_what_another_process_completed_meanwhile_is_read(tmp_path, monkeypatch):
    file = tmp_path / "test-0.csv"
    begin = SavedResults._begin

    def after_another(results):
        monkeypatch.setattr(SavedResults, "_begin", begin)
        with SavedResults(HEADER, file) as other:
            fill(other)
        begin(results)

    monkeypatch.setattr(SavedResults, "_begin", after_another)
    with SavedResults(HEADER, file) as results:
        assert results.restored == COUNT
    assert [p.name for p in tmp_path.iterdir()] == [file.name]


def test_a_file_system_without_locks_is_named_as_such(tmp_path, monkeypatch):
    def flock(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", flock)
    with (
        pytest.raises(WorkdirError, match=r"cannot be locked \(No locks available\)"),
        SavedResults(HEADER, tmp_path / "test-0.csv"),
    ):
        pass


def test_two_evaluations_do_not_write_to_one_file(tmp_path):
    file = tmp_path / "test-0.csv"
    with SavedResults(HEADER, file) as results:
        fill(results, 2)
        with pytest.raises(WorkdirError, match="written by another"), SavedResults(HEADER, file):
            pass
        fill(results)
    assert read_results(file)[1]["u"].images == COUNT


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    (tmp_path / "evaluations").write_text("")
    with (
        pytest.raises(WorkdirError, match=r"evaluations/test-0\.csv.*--out=DIR"),
        SavedResults(HEADER, tmp_path / "evaluations" / "test-0.csv"),
    ):
        pass


def test_intervals_and_comparisons_are_of_the_saved_results(table, scripts, run, tmp_path):
    out, _ = table("--bootstrap")
    _, scores = read_results(the_file(run))
    interval = bootstrap(scores["integrated u"])["rmse"]
    assert f"{interval.value:.4f} [{interval.low:.4f}, {interval.high:.4f}]" in out
    other = shutil.copytree(run, tmp_path / "other")
    config = json.loads((other / "config.json").read_text())
    config["model"]["num_iters"] = 7
    (other / "config.json").write_text(json.dumps(config))
    out = scripts.call(evaluate.main, "--compare", f"--workdir={run}", f"--workdir={other}")
    (file,) = (other / "evaluations").iterdir()
    pair = scores["integrated u"], read_results(file)[1]["integrated u"]
    compared = compare_paired(*pair)["rmse"]
    (line,) = (line for line in out.splitlines() if line.startswith("difference  "))
    value, low, high = compared.difference
    assert f"{value:.4f} [{low:.4f}, {high:.4f}]" in line
    assert f"{compared.p_value:.4f}" in next(x for x in out.splitlines() if x.startswith("p  "))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--compare", "--workdir=a"], "--compare is of two runs, got 1"),
        (["--compare", "--mean"], "leave out --bootstrap and --mean"),
        (["--bootstrap", "--sensitivity"], "under one protocol"),
        (["--bootstrap", "--study=lam"], "leave out"),
    ],
)
def test_what_makes_no_sense_together_is_refused(scripts, finished, arguments, message):
    arguments = [a.replace("=a", f"={finished}") for a in arguments]
    assert message in scripts.call(evaluate.main, *arguments, status=2)
