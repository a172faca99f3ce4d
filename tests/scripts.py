"""The scripts as users run them, on a tiny config."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VARIANT = "32x48_24_8_8"
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
    """Runs the scripts in processes of their own, on one device, compiling each program once."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.environment = os.environ | {
            "XLA_FLAGS": "",
            "JAX_PLATFORMS": "cpu",
            "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
            "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
            "TFDS_DATA_DIR": str(folder / "data"),
        }

    def start(self, *arguments: str, cwd: Path = ROOT) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=cwd,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str, status: int = 0, cwd: Path = ROOT) -> tuple[str, str]:
        """Standard output and error of a script that must end with `status`, in plain words."""
        process = self.start(*arguments, cwd=cwd)
        out, err = process.communicate(timeout=600)
        assert process.returncode == status, err
        assert "Traceback" not in err, err
        return out, err

    def train(self, workdir: Path, *overrides: str, status: int = 0) -> tuple[str, str]:
        return self.run(*train_arguments(workdir, *overrides), status=status)


def train_arguments(workdir: Path, *overrides: str) -> list[str]:
    return ["train.py", "--config=configs/rooms.py", f"--workdir={workdir}", *TINY, *overrides]
