"""A run's folder: claimed by one config, by one process."""

import json

import pytest

from jaxdepth.errors import WorkdirError
from jaxdepth.experiment import Workdir, load_config


def config(*overrides: str):
    return load_config("configs/rooms.py", overrides)


def test_the_same_config_may_go_on(tmp_path):
    Workdir(tmp_path / "run").claim(config())
    Workdir(tmp_path / "run").claim(config())
    assert Workdir(tmp_path / "run").config() == config()


def test_another_config_is_refused_with_the_differing_keys(tmp_path):
    Workdir(tmp_path).claim(config())
    before = (tmp_path / "config.json").read_bytes()
    with pytest.raises(WorkdirError) as caught:
        Workdir(tmp_path).claim(config("--config.seed=1", "--config.joint.eta=0"))
    message = str(caught.value)
    assert "seed: 0 there, 1 now" in message
    assert "joint.eta: 0.001 there, 0.0 now" in message
    assert "learning_rate" not in message
    assert (tmp_path / "config.json").read_bytes() == before


def test_keys_that_do_not_change_the_outcome_may_differ(tmp_path):
    Workdir(tmp_path).claim(config())
    Workdir(tmp_path).claim(config("--config.data.num_threads=1", "--config.log_every=3"))


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(WorkdirError, match="not a run"):
        Workdir(tmp_path).claim(config())


def test_a_damaged_config_names_its_file(tmp_path):
    Workdir(tmp_path).claim(config())
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(WorkdirError, match=r"config\.json is damaged"):
        Workdir(tmp_path).config()


def test_two_processes_cannot_train_in_one_folder(tmp_path):
    run = Workdir(tmp_path)
    with run.lock(), pytest.raises(WorkdirError, match="another process"), Workdir(tmp_path).lock():
        pass
    with Workdir(tmp_path).lock():
        pass


def test_a_run_of_an_older_version_has_the_defaults_of_what_is_new(tmp_path):
    Workdir(tmp_path).claim(config())
    file = tmp_path / "config.json"
    older = json.loads(file.read_text())
    del older["model"]["penalty"], older["image_set"], older["finetune"]
    file.write_text(json.dumps(older))
    assert Workdir(tmp_path).config() == config()
    Workdir(tmp_path).claim(config())
    with pytest.raises(WorkdirError, match=r"model\.penalty: anisotropic there, huber now"):
        Workdir(tmp_path).claim(config("--config.model.penalty=huber"))
