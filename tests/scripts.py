"""The scripts as users run them, on a tiny config."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from jaxdepth.errors import report

ROOT = Path(__file__).parents[1]
VARIANT = "32x48_24_8_8"
CONFIG = ("--config=configs/rooms.py",)
TINY = (
    f"--config.data.variant={VARIANT}",
    "--config.data.image_size=(32,32)",
    "--config.model.width=0.0625",
    "--config.model.local_width=0.0625",
    "--config.model.discriminator_width=0.0625",
    "--config.model.num_iters=2",
    "--config.pretrain_global.epochs=0.5",
    "--config.pretrain_local.epochs=0.5",
    "--config.pretrain_local.patch_size=(16,16)",
    "--config.joint.epochs=0.75",
    *(f"--config.{stage}.batch_size=4" for stage in ("pretrain_global", "pretrain_local", "joint")),
    "--config.checkpoint_every=2",
    "--config.log_every=1",
)
"""3 + 3 + 1 + 5 steps."""


class Scripts:
    """Runs the scripts: in this process, or in one of their own that signals can reach.

    Attributes:
        data_dir: where the tiny dataset is.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        self.data_dir = str(folder / "data")
        self._environment = os.environ | {
            "XLA_FLAGS": "",  # one device
            "JAX_PLATFORMS": "cpu",
            "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        }

    def train_arguments(self, workdir: Path, *overrides: str) -> list[str]:
        data_dir = f"--config.data.data_dir={self.data_dir}"
        return [*CONFIG, f"--workdir={workdir}", *TINY, data_dir, *overrides]

    def start(self, script: str, *arguments: str, cwd: Path = ROOT) -> subprocess.Popen:
        """Starts a script in a process of its own."""
        return subprocess.Popen(
            [sys.executable, str(ROOT / script), *arguments],
            cwd=cwd,
            env=self._environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, script: str, *arguments: str, status: int = 0, cwd: Path = ROOT
    ) -> tuple[str, str]:
        """Output and errors of a script in a process of its own, which must end with `status`."""
        process = self.start(script, *arguments, cwd=cwd)
        out, err = process.communicate(timeout=600)
        assert process.returncode == status, err
        assert "Traceback" not in err, err
        return out, err

    def call(self, main: Callable[[list[str]], int], *arguments: str, status: int = 0) -> str:
        """What a script's `main` prints in this process, which must end with `status`.

        Of a failure, the last line of its errors.
        """
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            got = report(main, list(arguments))
        assert got == status, err.getvalue()
        if status == 0:
            return out.getvalue()
        assert out.getvalue() == ""
        return err.getvalue().partition("error: ")[2]
