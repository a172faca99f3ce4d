"""Fixtures shared by all tests."""

import os

# Four virtual devices, so that data parallelism is tested on any machine; set before jax starts.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=4"
).strip()
os.environ.setdefault("JAX_PLATFORMS", "cpu")

from pathlib import Path

import jax
import pytest

from tests.scripts import VARIANT, Scripts

jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture
def x64():
    """64-bit arrays inside the test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real RGB-D files that `JAXDEPTH_REAL_DATA` names."""
    root = os.environ.get("JAXDEPTH_REAL_DATA")
    if not root or not Path(root).is_dir():
        pytest.skip("JAXDEPTH_REAL_DATA does not name a folder of real RGB-D files")
    return Path(root)


@pytest.fixture(scope="session")
def scripts(tmp_path_factory) -> Scripts:
    from jaxdepth.data.sources import open_source  # after the type-checking import hook

    folder = tmp_path_factory.mktemp("scripts")
    scripts = Scripts(folder)
    open_source("rooms", "train", variant=VARIANT, data_dir=scripts.data_dir)
    return scripts


@pytest.fixture(scope="session")
def finished(scripts) -> Path:
    """A run that was never interrupted."""
    workdir = scripts.folder / "finished"
    scripts.run("train.py", *scripts.train_arguments(workdir))
    return workdir
