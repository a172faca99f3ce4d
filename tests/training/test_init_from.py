"""Training on a dataset of one's own, from random weights and from another run's."""

import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest

import evaluate
import train
from jaxdepth.data.prepare import OWN_FILES, prepare
from jaxdepth.errors import ConfigError, DataError
from jaxdepth.experiment import Workdir, build_source, load_config
from jaxdepth.training.loop import Trainer
from tests.data.prepare.fabricated import own_folder
from tests.inference.test_scripts import rows_of
from tests.scripts import TINY
from tests.training.test_runs import variables_of

CONFIG = "configs/folder.py:own"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    """Of five pairs to train on and two to test on, and of a single pair."""
    folder = tmp_path_factory.mktemp("own")
    for name, train_count in (("own", 5), ("single", 1)):
        options = {option.name: option.default for option in OWN_FILES.options} | {
            "image": "{split}/rgb/{name}.jpg",
            "depth": "{split}/depth/{name}.png",
            "depth_scale": 1000,
        }
        source = own_folder(folder / "files" / name, train=train_count)
        plan = OWN_FILES.plan(source, verify=True, **options)
        prepare(name, plan, data_dir=folder, progress=False)
    return folder


@pytest.fixture
def overrides(data_dir):
    return (*TINY[1:], f"--config.data.data_dir={data_dir}")


def initial(config, workdir: Path):
    return Trainer(config, Workdir(workdir)).initial


def test_the_last_training_images_validate_where_there_are_no_others(overrides):
    config = load_config(CONFIG, overrides)
    lengths = {split: len(build_source(config, split)) for split in ("train", "validation", "test")}
    assert lengths == {"train": 4, "validation": 1, "test": 2}
    assert build_source(config, "validation")[0].depth[1, 0] == np.float32(1.04)
    named = load_config(CONFIG, [*overrides, "--config.data.validation_split=test"])
    assert (len(build_source(named, "train")), len(build_source(named, "validation"))) == (5, 2)


def test_a_single_pair_cannot_be_divided(overrides):
    with pytest.raises(DataError, match=r"single/train must have images .* got 1: prepare more"):
        build_source(load_config("configs/folder.py:single", overrides), "train")


def test_the_config_needs_a_name():
    with pytest.raises(ConfigError, match=r"folder\.py:NAME"):
        load_config("configs/folder.py")


def test_a_run_goes_on_from_anothers_weights(scripts, finished, overrides, tmp_path):
    source, workdir = tmp_path / "source", tmp_path / "run"
    shutil.copytree(finished, source)
    overrides = (*overrides, f"--config.init_from={source}")
    _, theirs = variables_of(finished)
    ours = initial(load_config(CONFIG, overrides), tmp_path / "none")
    assert jax.tree.structure(ours) == jax.tree.structure(theirs)
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)

    arguments = (f"--config={CONFIG}", f"--workdir={workdir}", *overrides)
    scripts.call(train.main, *arguments)
    assert json.loads((workdir / "config.json").read_text())["init_from"] == str(source)
    assert "integrated u" in rows_of(scripts.call(evaluate.main, f"--workdir={workdir}"))
    last, expected = variables_of(workdir)
    moved = jax.tree.map(lambda a, b: bool(np.any(a != b)), theirs, expected)
    assert any(jax.tree.leaves(moved["params"]))

    # From its last checkpoint but one it ends the same; the other run is not needed any more.
    shutil.rmtree(source)
    shutil.rmtree(workdir / "checkpoints" / str(last))
    (workdir / "finished.json").unlink()
    scripts.call(train.main, *arguments)
    again, resumed = variables_of(workdir)
    assert again == last
    jax.tree.map(np.testing.assert_array_equal, resumed, expected)


@pytest.mark.parametrize(
    ("override", "listed"),
    [
        (
            "--config.model.width=0.125",
            ["model.width: 0.0625 there, 0.125 here", "['global_net']", "more arrays"],
        ),
        ("--config.model.convention=keras", ["model.convention: torch there, keras here"]),
        (
            "--config.model.confidence=True",
            ["model.confidence: False there, True here", "['confidence']", "absent there"],
        ),
    ],
)
def test_a_run_of_another_architecture_is_refused(
    scripts, finished, overrides, tmp_path, override, listed
):
    arguments = [*overrides, override, f"--config.init_from={finished}"]
    workdir = tmp_path / "run"
    err = scripts.call(
        train.main, f"--config={CONFIG}", f"--workdir={workdir}", *arguments, status=1
    )
    for text in listed:
        assert text in err
    assert not (workdir / "config.json").exists()


def test_what_weights_cannot_be_taken_from(scripts, finished, overrides, tmp_path):
    unfinished = tmp_path / "unfinished"
    shutil.copytree(finished, unfinished)
    (unfinished / "finished.json").unlink()
    for init_from, more, status, message in (
        (unfinished, (), 1, "must be a finished run"),
        (tmp_path / "gone", (), 1, "or name another by --config.init_from=DIR"),
        (finished, ("--config.model.base_weights=w.npz",), 2, "base_weights must be empty"),
    ):
        err = scripts.call(
            train.main, f"--config={CONFIG}", f"--workdir={tmp_path / 'run'}", *overrides, *more,
            f"--config.init_from={init_from}", status=status)  # fmt: skip
        assert message in err
