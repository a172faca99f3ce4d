"""`evaluate.py --format` and `--out=FILE`."""

import json
import sys
from functools import partial

import numpy as np
import pytest
from PIL import Image

import evaluate
from jaxdepth.evaluation import FORMATS, Table
from jaxdepth.inference import present
from tests.scripts import Scripts


@pytest.fixture
def call(tmp_path):
    """What `evaluate.py` prints of two saved predictions that are a tenth too near."""
    for name, value in (("prediction", 1800), ("depth", 2000)):
        (tmp_path / name).mkdir()
        for i in range(2):
            depth = np.full((6, 8), value + i, np.uint16)
            Image.fromarray(depth).save(tmp_path / name / f"{i}.png")
    return partial(
        Scripts(tmp_path).call,
        evaluate.main,
        f"--predictions={tmp_path / 'prediction'}",
        "--prediction_scale=1000",
        f"--depth={tmp_path / 'depth'}",
        "--depth_scale=1000",
    )


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("markdown", ".md"), ("latex", ".tex"), ("csv", ".csv"), ("json", ".json")],
)
def test_a_document_is_printed_or_written(call, tmp_path, name, suffix):
    plain = call()
    printed = call(f"--format={name}")
    file = tmp_path / "new" / f"table{suffix}"
    assert call(f"--out={file}") == plain
    assert file.read_text() == printed
    assert "44136fa3" in printed
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_a_document_of_several_protocols(call):
    out = call("--format=json", "--protocol=make3d/laina2016,kitti/garg80")
    (table,) = json.loads(out)
    assert len(table["protocols"]) == 2


def test_an_unknown_format_lists_the_known_ones(call, capsys):
    with pytest.raises(SystemExit):
        evaluate.main(["--format=html"])
    assert "markdown" in capsys.readouterr().err


@pytest.mark.parametrize("argument", ["--format=csv", "--out=a.json"])
@pytest.mark.parametrize("other", ["--study=lam", "--curves=a.png"])
def test_curves_and_studies_are_no_tables(argument, other, tmp_path):
    err = Scripts(tmp_path).call(evaluate.main, argument, other, status=2)
    assert "are of tables" in err


def test_a_terminal_gets_bold_numbers_and_a_pipe_none(monkeypatch, capsys):
    table = Table([("a", {"rmse": 1.0}), ("b", {"rmse": 2.0})])
    present([table])
    assert capsys.readouterr().out == f"{table}\n\n"
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    present([table])
    out = capsys.readouterr().out
    assert "\x1b[1m  1.0000\x1b[0m" in out
    assert "\x1b[1m  2.0000" not in out


def test_every_format_of_the_flag_is_there():
    assert set(FORMATS) == {"markdown", "latex", "csv", "json"}


def test_several_processes_are_refused(call, monkeypatch):
    monkeypatch.setattr("jax.process_count", lambda: 2)
    assert "one process, got 2" in call(status=2)
