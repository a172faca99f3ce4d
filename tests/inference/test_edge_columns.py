"""`evaluate.py --edges`."""

from functools import partial

import numpy as np

import evaluate
from tests.scripts import Scripts


def test_edge_columns_of_saved_predictions(tmp_path):
    call = partial(Scripts(tmp_path).call, evaluate.main)
    depth = np.ones((12, 20), np.float32)
    depth[:, 10:] = 2
    for name, values in (("truth", depth), ("prediction", depth + np.float32(0.25))):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "0.npy", values)
    arguments = [
        f"--predictions={tmp_path / 'prediction'}",
        "--prediction_scale=1",
        f"--depth={tmp_path / 'truth'}",
        "--depth_scale=1",
    ]
    heading, row, *footer = call(*arguments, "--edges").splitlines()
    assert heading.endswith("log10  edge MAE  edge rel")
    assert row.split()[-2:] == ["0.2500", "0.1875"]
    assert any("edges: 72 pixels" in line for line in footer)
    assert "edge MAE" not in call(*arguments)
