"""What a run reports while it goes on: a progress bar, `metrics.jsonl`, TensorBoard events."""

import json
import os
import sys
import time
from pathlib import Path

from tensorboardX import SummaryWriter
from tqdm import tqdm

from jaxdepth.experiment import Workdir


class Logbook:
    """Writes to a run's folder and to the terminal.

    Args:
        run: whose folder to write to.
        step: where the run goes on; what was logged beyond it, by a process that was killed after
            its last checkpoint, is dropped and will be logged again.
    """

    def __init__(self, run: Workdir, *, step: int = 0):
        self._path = run.metrics
        _drop_after(self._path, step)
        self._lines = open(self._path, "a", buffering=1)  # noqa: SIM115, closed by close()
        self._board = SummaryWriter(str(run.path), purge_step=step or None)
        self._bar: tqdm | None = None
        self._since = (time.perf_counter(), 0)

    def begin(self, name: str, done: int, total: int) -> None:
        """Starts a stage's progress bar, `done` steps in."""
        self._end()
        interval = 0.5 if sys.stderr.isatty() else 15.0
        self._bar = tqdm(
            desc=name,
            initial=done,
            total=total,
            unit="step",
            mininterval=interval,
            dynamic_ncols=True,
        )
        self._since = (time.perf_counter(), 0)

    def advance(self, num_images: int) -> None:
        """Counts a step of so many images."""
        since, images = self._since
        self._since = (since, images + num_images)
        if self._bar is not None:
            self._bar.update()

    def write(self, step: int, stage: str, metrics: dict[str, float]) -> None:
        """Records a training step's metrics with the images a second since the last record."""
        since, images = self._since
        now = time.perf_counter()
        metrics = metrics | {"images_per_second": images / max(now - since, 1e-9)}
        self._since = (now, 0)
        self._record(step, stage, metrics)
        if self._bar is not None:
            self._bar.set_postfix_str(
                f"loss {metrics['loss']:.4f}, {metrics['images_per_second']:.1f} images/s",
                refresh=False,
            )

    def record(self, step: int, stage: str, metrics: dict[str, float], *, during: str) -> None:
        """Records other metrics, such as a validation's during a stage, and prints them."""
        self._record(step, stage, metrics, during=during)
        self.say(f"{stage}, step {step}: " + ", ".join(f"{k} {v:.4f}" for k, v in metrics.items()))
        self._since = (time.perf_counter(), 0)

    def has_validation(self, step: int) -> bool:
        """Whether a validation at a step is recorded."""
        records = map(json.loads, self._path.read_text().splitlines())
        return any(r["step"] == step and r["stage"].startswith("validation") for r in records)

    def say(self, text: str) -> None:
        """Prints a line without breaking the progress bar."""
        tqdm.write(text, file=sys.stderr)

    def close(self) -> None:
        """Writes everything out."""
        self._end()
        self._lines.close()
        self._board.close()

    def _record(self, step: int, stage: str, metrics: dict[str, float], **about: str) -> None:
        self._lines.write(json.dumps({"step": step, "stage": stage, **about, **metrics}) + "\n")
        for name, value in metrics.items():
            self._board.add_scalar(f"{stage}/{name}", value, step)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _drop_after(file: Path, step: int) -> None:
    """Keeps the lines of a JSON-lines file up to a step; a half-written last line goes too."""
    if not file.exists():
        return
    kept = []
    for line in file.read_text().splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError):
            break
    temporary = file.with_suffix(".tmp")
    temporary.write_text("".join(kept))
    os.replace(temporary, file)
