"""Checkpoints: exact, complete or absent, and loud when damaged."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.errors import CheckpointError
from jaxdepth.experiment import Checkpoints


class State(NamedTuple):
    key: jax.Array
    moments: tuple
    nothing: None = None


VARIABLES = {"params": {"net": {"kernel": np.random.default_rng(0).normal(size=(64, 65)) * 1.0}}}
VARIABLES = jax.tree.map(lambda x: x.astype(np.float32), VARIABLES)
TRAINING = {"state": State(jax.random.key_data(jax.random.key(3)), (jnp.int32(4), {"a": 1 / 3}))}
TRAINING = jax.tree.map(np.asarray, TRAINING)


@pytest.fixture
def folder(tmp_path):
    checkpoints = Checkpoints(tmp_path / "checkpoints")
    for step in (3, 7):
        checkpoints.save(
            step, variables=VARIABLES, training=TRAINING, progress={"stage": 1, "step": step}
        )
    checkpoints.close()
    return tmp_path / "checkpoints"


def test_round_trip_is_exact(folder):
    checkpoints = Checkpoints(folder)
    assert checkpoints.latest() == 7
    assert checkpoints.progress(7)["stage"] == 1
    for name, item in (("variables", VARIABLES), ("training", TRAINING)):
        restored = checkpoints.restore(7, name, item)
        assert jax.tree.structure(restored) == jax.tree.structure(item)
        jax.tree.map(np.testing.assert_array_equal, restored, item)
    checkpoints.close()


def test_there_is_none_before_the_first(tmp_path):
    checkpoints = Checkpoints(tmp_path / "none")
    assert checkpoints.latest() is None
    assert not (tmp_path / "none").exists()


def test_only_the_newest_are_kept(folder):
    checkpoints = Checkpoints(folder, max_to_keep=2)
    checkpoints.save(9, variables=VARIABLES, training=TRAINING, progress={})
    checkpoints.close()
    assert sorted(p.name for p in folder.iterdir() if p.name.isdigit()) == ["7", "9"]


@pytest.mark.parametrize("damage", ["flip", "cut", "remove"])
def test_every_damaged_file_is_noticed(folder, damage, capfd):
    step = folder / "7"
    files = [p for p in step.rglob("*") if p.is_file() and "variables" in p.parts]
    largest = max(files, key=lambda p: p.stat().st_size)
    content = bytearray(largest.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 0xFF
        largest.write_bytes(content)
    elif damage == "cut":
        largest.write_bytes(content[: len(content) // 2])
    else:
        largest.unlink()
    checkpoints = Checkpoints(folder)
    with pytest.raises(CheckpointError, match=r"checkpoints/7 cannot be used") as caught:
        checkpoints.restore(7, "variables", VARIABLES)
    assert "Remove that folder" in str(caught.value)
    assert "Traceback" not in capfd.readouterr().err
    checkpoints.restore(3, "variables", VARIABLES)
    checkpoints.close()


def test_another_models_checkpoint_is_refused_with_a_name(folder):
    other = {"params": {"net": {"kernel": np.zeros((64, 66), np.float32)}}}
    checkpoints = Checkpoints(folder)
    with pytest.raises(CheckpointError, match=r"\['kernel'\], float32\[64, 65\] there"):
        checkpoints.restore(7, "variables", other)
    checkpoints.close()
