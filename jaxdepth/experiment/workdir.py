"""A run's folder: which config made it, whether it is finished, who is writing to it."""

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from ml_collections import FrozenConfigDict

from jaxdepth.errors import WorkdirError
from jaxdepth.experiment.config import flatten, from_json, to_json
from jaxdepth.experiment.defaults import default_config

CONFIG_FILE = "config.json"
FINISHED_FILE = "finished.json"
LOCK_FILE = ".lock"

_FREE_TO_CHANGE = (
    "data.data_dir",
    "data.num_threads",
    "data.num_workers",
    "evaluation.batch_size",
    "evaluation.mirrored",
    "log_every",
    "checkpoint_every",
)
"""Keys that may change when a run goes on: they do not change what is learnt."""


class Workdir:
    """A run's folder.

    It holds `config.json`, `checkpoints/`, `metrics.jsonl`, TensorBoard events, `samples/`, once
    training is complete, `mean_depth.npy` and `finished.json`, and `evaluations/` and `studies/`
    once there are any.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def samples(self) -> Path:
        return self.path / "samples"

    @property
    def evaluations(self) -> Path:
        return self.path / "evaluations"

    @property
    def studies(self) -> Path:
        return self.path / "studies"

    @property
    def is_finished(self) -> bool:
        return (self.path / FINISHED_FILE).is_file()

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.jsonl"

    @property
    def mean_depth(self) -> Path:
        return self.path / "mean_depth.npy"

    @property
    def is_made(self) -> bool:
        """Whether it holds anything but a lock."""
        return self.path.is_dir() and any(p.name != LOCK_FILE for p in self.path.iterdir())

    def claim(self, config: FrozenConfigDict) -> None:
        """Makes the folder for this config, or checks that it was made by it.

        Raises:
            WorkdirError: it was made by another config (the message lists the keys that differ),
                or holds files of something else.
        """
        if self.is_made:
            self.check(config)
        self.path.mkdir(parents=True, exist_ok=True)
        write_text(self.path / CONFIG_FILE, to_json(config))

    def check(self, config: FrozenConfigDict) -> None:
        """Raises WorkdirError, with the keys that differ, unless this config made the folder."""
        theirs, ours = flatten(self.config()), flatten(from_json(to_json(config)))
        differing = [
            f"  {key}: {theirs.get(key, 'absent')} there, {ours.get(key, 'absent')} now"
            for key in sorted(theirs.keys() | ours.keys())
            if theirs.get(key) != ours.get(key) and key not in _FREE_TO_CHANGE
        ]
        if differing:
            raise WorkdirError(
                f"{self.path} was made by another config:\n" + "\n".join(differing) + "\n"
                "Choose another folder by --workdir=DIR, or remove that one."
            )

    def config(self) -> FrozenConfigDict:
        """The config that made the folder; what a later version added has its default.

        Raises:
            WorkdirError: there is none, or it cannot be read.
        """
        file = self.path / CONFIG_FILE
        if not file.is_file():
            raise WorkdirError(
                f"{self.path} is not a run: it has no {CONFIG_FILE}. Train one by "
                "`python train.py --config=configs/rooms.py`, or name another by --workdir=DIR."
            )
        try:
            return from_json(file.read_text(), defaults=default_config())
        except (ValueError, TypeError, AttributeError) as error:
            raise WorkdirError(f"{file} is damaged ({error}): restore it or train anew.") from error

    def finish(self, summary: dict) -> None:
        """Marks training as complete."""
        write_text(self.path / FINISHED_FILE, json.dumps(summary, indent=2) + "\n")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Keeps a second training process out.

        Raises:
            WorkdirError: one is there already.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open(self.path / LOCK_FILE, "w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise WorkdirError(
                    f"{self.path} is being trained by another process: wait for it, or choose "
                    "another folder by --workdir=DIR."
                ) from None
            yield


def fingerprint_config(config: FrozenConfigDict, *, seed: bool = True) -> str:
    """Twelve hexadecimal digits that change with any key but those that may change in a run.

    Args:
        config: resolved.
        seed: whether they change with the seed and the name, too.
    """
    free = _FREE_TO_CHANGE if seed else (*_FREE_TO_CHANGE, "seed", "name")
    leaves = flatten(from_json(to_json(config)))
    counting = {key: value for key, value in leaves.items() if key not in free}
    return hashlib.sha256(json.dumps(counting, sort_keys=True).encode()).hexdigest()[:12]


def default_workdir(config: FrozenConfigDict) -> Path:
    """`runs/NAME` of the config."""
    return Path("runs") / config.name


def write_text(path: Path, text: str) -> None:
    """Replaces a file in one step, so that a reader never sees half of it."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Replaces a file in one step, so that a reader never sees half of it."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    os.replace(temporary, path)
