"""`evaluate.py --study`: its numbers against ordinary evaluations and the operators themselves."""

import csv
import json
import re
import shutil
import sys
from functools import partial

import jax.numpy as jnp
import numpy as np
import pytest
from matplotlib.figure import Figure
from ml_collections import ConfigDict, FrozenConfigDict

import evaluate
from jaxdepth.data.pipeline import examples_in_order, frame_image
from jaxdepth.errors import ConfigError, DataError, WorkdirError
from jaxdepth.evaluation import TABLE_COLUMNS
from jaxdepth.experiment import (
    Weights,
    Workdir,
    build_model,
    build_source,
    init_variables,
    load_config,
    load_weights,
    to_float,
)
from jaxdepth.inference import mean_convergence, read_lam, score_run, studies
from jaxdepth.ops import integration_energy
from tests.scripts import ROOT

OWN = 2  # iterations of the run
WEIGHT = 1.25


@pytest.fixture
def call(scripts):
    """What `evaluate.py` prints."""
    return partial(scripts.call, evaluate.main)


@pytest.fixture
def figures(monkeypatch):
    """The figures that are written."""
    written = []

    def savefig(figure, *arguments, **options):
        written.append(figure)
        original(figure, *arguments, **options)

    original = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", savefig)
    return written


def changed(run, **model):
    """A run's config with other settings of the model."""
    config = ConfigDict(Workdir(run).config())
    config.model.update(model)
    return FrozenConfigDict(config)


def copied(run, to, **model):
    """A copy of a run that says it was trained with other settings of the model."""
    shutil.copytree(run, to)
    config = json.loads((to / "config.json").read_text())
    config["model"] |= model
    (to / "config.json").write_text(json.dumps(config))
    return to


def confident(config):
    """Parameters of a confidence that is `WEIGHT` everywhere."""
    params = init_variables(config)["params"]["confidence"]
    bias = jnp.full_like(params["logit"]["bias"], np.log(WEIGHT / (2 - WEIGHT)))
    return params | {"logit": params["logit"] | {"bias": bias}}


def read(file):
    with open(file, newline="") as lines:
        return list(csv.DictReader(lines))


def evaluated(run, num_iters, **changes):
    """The metrics of u by the ordinary evaluation of a run with so many iterations."""
    config = changed(run, num_iters=num_iters)
    examples = examples_in_order(build_source(config, "test"))
    rows, _ = score_run(Workdir(run), config, examples, changes)
    return dict(rows)["integrated u"]


def test_accuracy_by_iterations(call, finished, tmp_path, figures):
    out = call(
        "--study=iterations",
        f"--workdir={finished}",
        "--num_iters=4,1",
        "--max_depth=3",
        f"--out={tmp_path / 'out'}",
    )
    assert f"written to {tmp_path / 'out' / 'iterations'}.png and .csv" in out
    assert "K = 2 (trained)" in out
    assert "< 3 m" in out
    rows = read(tmp_path / "out" / "iterations.csv")
    assert [row["num_iters"] for row in rows] == ["1", "2", "4"]
    assert {row["trained_num_iters"] for row in rows} == {str(OWN)}
    for row in rows:
        expected = evaluated(finished, int(row["num_iters"]), max_depth=3)
        for name in TABLE_COLUMNS:
            np.testing.assert_allclose(float(row[name]), expected[name], rtol=1e-6)
    assert rows[0]["rmse"] != rows[2]["rmse"]
    assert figures[0].axes[0].get_legend_handles_labels()[1] == ["finished", "K at training"]
    assert (tmp_path / "out" / "iterations.png").read_bytes().startswith(b"\x89PNG")


def test_runs_of_different_iterations_make_a_further_curve(call, finished, tmp_path, figures):
    runs = [finished, copied(finished, tmp_path / "k3", num_iters=3)]
    arguments = ["--study=iterations", "--num_iters=1", f"--out={tmp_path / 'out'}"]
    call(*arguments, *(f"--workdir={run}" for run in runs))
    rows = read(tmp_path / "out" / "iterations.csv")
    assert [(row["run"], row["trained_num_iters"], row["num_iters"]) for row in rows] == [
        ("finished", "2", "1"),
        ("finished", "2", "2"),
        ("k3", "3", "1"),
        ("k3", "3", "3"),
    ]
    (figure,) = figures
    for axes, name in zip(figure.axes, ("rmse", "abs_rel", "delta1"), strict=True):
        lines = {line.get_label(): line.get_xydata() for line in axes.get_lines()}
        for label in ("finished", "k3"):
            own = [(int(r["num_iters"]), float(r[name])) for r in rows if r["run"] == label]
            np.testing.assert_array_equal(lines[label], own)
        training = [(k, float(rows[i][name])) for k, i in ((2, 1), (3, 3))]
        np.testing.assert_array_equal(lines["each at its own K"], training)


@pytest.mark.parametrize("model", [{}, {"boundary": "periodic", "confidence": True}])
def test_convergence_is_that_of_models_with_fewer_iterations(finished, model):
    config = ConfigDict(changed(finished, **model))
    config.evaluation.batch_size = 3  # of 8 images
    config = FrozenConfigDict(config)
    run = Workdir(finished)
    variables = load_weights(run, run.config()).variables
    if config.model.confidence:
        variables["params"]["confidence"] = confident(config)
    source = build_source(config, "test")
    means = mean_convergence(config, variables, source, num_iters=4)

    size = config.data.image_size
    images = [frame_image(example.image, size) for example in examples_in_order(source)]
    images = to_float(jnp.stack(images))
    by_k = [
        build_model(changed(finished, num_iters=k, **model)).apply(variables, images)
        for k in range(1, 5)
    ]
    f, g = by_k[0].global_depth, by_k[0].gradients
    u = np.stack([f, *(p.depth for p in by_k)]).astype(np.float64)
    changes = np.abs(np.diff(u, axis=0)).sum((-2, -1)).mean(1)
    np.testing.assert_allclose(means.change, changes, rtol=1e-3)
    energy = partial(
        integration_energy,
        lam=jnp.exp(variables["params"]["integration"]["log_lam"]),
        boundary=config.model.boundary,
        gradient_weight=jnp.full(f.shape, WEIGHT) if config.model.confidence else None,
    )
    energies = [energy(p.depth, f, g).mean() for p in by_k]
    np.testing.assert_allclose(means.energy, energies, rtol=1e-4)
    assert means.primal_residual.shape == means.dual_residual.shape == (4,)


def test_a_study_of_convergence_is_written(call, finished, tmp_path, figures):
    run = copied(finished, tmp_path / "run")
    out = call("--study=convergence", f"--workdir={run}", "--num_iters=4", "--split=validation")
    config = Workdir(run).config()
    variables = load_weights(Workdir(run), config).variables
    means = mean_convergence(config, variables, build_source(config, "validation"), num_iters=4)
    rows = read(run / "studies" / "convergence.csv")
    assert [row["k"] for row in rows] == ["1", "2", "3", "4"]
    for name, values in means._asdict().items():
        np.testing.assert_allclose([float(row[name]) for row in rows], values, rtol=1e-6)
    assert f"{means.change[OWN - 1]:.4g} m at k = 2, {means.change[3]:.4g} m at k = 4" in out
    assert "validation split" in out
    plotted = figures[0].axes[0].get_lines()[0].get_ydata()
    np.testing.assert_array_equal(plotted, [float(row["change"]) for row in rows])


def test_the_learned_lam(call, finished, tmp_path):
    run = copied(finished, tmp_path / "run")
    out = call("--study=lam", f"--workdir={run}")
    rows = read(run / "studies" / "lam.csv")
    assert [(row["step"], row["stage"]) for row in rows] == [
        ("7", "select_lam"),
        *((str(step), "joint") for step in range(8, 13)),
    ]
    logged = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    by_step = {r["step"]: r["lam"] for r in logged if "lam" in r}
    assert {int(row["step"]): float(row["lam"]) for row in rows}.items() <= by_step.items()
    assert f"run: {by_step[7]:.4g} at step 7, {by_step[12]:.4g} at 12" in out
    # The first joint step's is the one chosen, before its update.
    np.testing.assert_allclose(float(rows[1]["lam"]), by_step[7], rtol=1e-6)


def test_a_run_that_learned_no_lam_is_named(tmp_path):
    file = tmp_path / "metrics.jsonl"
    file.write_text('{"step": 1, "stage": "pretrain_global", "loss": 1.0, "lam": 0.01}\n')
    with pytest.raises(DataError, match=r"metrics\.jsonl has no λ of stage select_lam or joint"):
        read_lam(file)


@pytest.mark.parametrize("study", ["iterations", "convergence", "lam"])
@pytest.mark.parametrize(
    ("variant", "why"),
    [("global_only", "model.integrate=False"), ("two_stream", "system two_stream")],
)
def test_a_run_without_integration_is_named(call, tmp_path, study, variant, why):
    run = Workdir(tmp_path / "run")
    run.claim(load_config(f"{ROOT}/configs/rooms.py:{variant}"))
    err = call(f"--study={study}", f"--workdir={run.path}", status=2)
    assert f"{run.path} has none ({why})" in err
    assert err.count("\n") == 1
    assert not run.studies.exists()


def test_a_run_that_has_not_come_to_the_integration_is_named(finished, tmp_path, monkeypatch):
    early = Weights({}, step=3, names=("global f",))
    monkeypatch.setattr(studies, "load_weights", lambda run, config: early)
    runs = [(Workdir(finished), Workdir(finished).config())]
    with pytest.raises(WorkdirError, match=r"not trained .* step 3: let `python train\.py`"):
        studies.study_iterations(runs, tmp_path)


def test_a_plot_that_fails_leaves_no_file_and_keeps_the_old_ones(
    call, finished, tmp_path, monkeypatch
):
    def fail(figure, file, **options):
        file.write(b"\x89PNG")
        raise OSError("no space left")

    arguments = ["--study=lam", f"--workdir={finished}", f"--out={tmp_path / 'out'}"]
    call(*arguments)
    before = {p: p.read_bytes() for p in (tmp_path / "out").iterdir()}
    monkeypatch.setattr(Figure, "savefig", fail)
    assert "no space left" in call(*arguments, status=1)
    assert {p: p.read_bytes() for p in (tmp_path / "out").iterdir()} == before


def test_without_matplotlib_nothing_is_begun(finished, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    runs = [(Workdir(finished), Workdir(finished).config())]
    with pytest.raises(ConfigError, match=r'pip install "jaxdepth\[plots\]"'):
        studies.study_convergence(runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--num_iters=3"], "they need --study"),
        (["--study=iterations", "--num_iters=1,0"], "whole numbers above 0.*got '1,0'"),
        (["--study=iterations", "--num_iters=ten"], "whole numbers above 0.*got 'ten'"),
        (["--study=convergence", "--num_iters=5,9"], "makes one number.*got --num_iters=5,9"),
        (["--study=convergence", "--average=images"], "--average and the rest of the protocol"),
        (["--study=lam", "--split=test"], "leave out --split and --num_iters"),
        (["--study=iterations", "--curves=c.png"], "leave out --curves"),
        (["--study=iterations", "--mean"], "leave out --curves"),
    ],
)
def test_mistaken_arguments_are_explained(call, finished, arguments, message):
    assert re.search(message, call(f"--workdir={finished}", *arguments, status=2))
    assert not (finished / "studies").exists()
