"""The training loop: stages one after another, stoppable anywhere, resumable bit by bit."""

import collections
import contextlib
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ml_collections import FrozenConfigDict

from jaxdepth.data.images import write_depth_npy, write_image
from jaxdepth.data.mean import mean_depth
from jaxdepth.data.pipeline import examples_in_order, train_batches
from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import Scorer
from jaxdepth.experiment import (
    Checkpoints,
    Predictor,
    Stage,
    Workdir,
    build_augmentation,
    build_discriminator,
    build_model,
    build_source,
    build_stages,
    check_config,
    init_variables,
    load_base_weights,
    load_run_weights,
    map_names,
    trained_map,
)
from jaxdepth.training.feed import read_ahead
from jaxdepth.training.finite import check_finite
from jaxdepth.training.interruption import Interruption
from jaxdepth.training.logbook import Logbook
from jaxdepth.training.parallel import AXIS, devices, parallel_step, replicate
from jaxdepth.training.pictures import sample_sheet
from jaxdepth.training.select_lam import rms_by_lam
from jaxdepth.training.state import TrainState, begin_stage
from jaxdepth.training.steps import make_step

NUM_SAMPLES = 4
VALIDATION_METRICS = ("abs_rel", "rmse", "rmse_log", "log10", "delta1")


def train(config: FrozenConfigDict, workdir: Path) -> int:
    """Trains a config in a folder, from the beginning or from its newest checkpoint.

    Args:
        config: resolved.
        workdir: the run's folder; made if it is not there.

    Returns:
        An exit status: 0 when training is complete, 128 + signal number when a signal stopped it
        (a checkpoint was saved first).

    Raises:
        WorkdirError: the folder is in use, or was made by another config.
        NonFiniteError: a loss or gradient is not finite; the last checkpoint is from before it.
        CheckpointError, DataError, ConfigError: as their names say.
    """
    if jax.process_count() > 1:
        raise ConfigError(
            f"training spans the devices of one process, got {jax.process_count()} processes: "
            "start one process for all local devices."
        )
    run = Workdir(workdir)
    with run.lock():
        if run.is_made:
            run.check(config)
        trainer = Trainer(config, run)
        run.claim(config)
        return trainer.run()


class Trainer:
    """One run: its objects and where it stands."""

    def __init__(self, config: FrozenConfigDict, run: Workdir):
        check_config(config, num_devices=len(devices()))
        self.config = config
        self.folder = run
        self.model = build_model(config, axis_name=AXIS)
        self.discriminator = build_discriminator(config, axis_name=AXIS)
        self.train_source = build_source(config, "train", training=True)
        self.validation_source = build_source(config, "validation")
        self.predictor = Predictor(config, variables=None)
        crop, frame = self.predictor.protocol.crop, self.validation_source[0].depth.shape
        if crop is not None and not crop.fits(frame):
            raise ConfigError(
                f"evaluation.crop must lie within the depth maps, {frame[0]}x{frame[1]}, got "
                f"{crop}: set it by --config.evaluation.crop=TOP:BOTTOM,LEFT:RIGHT."
            )
        self.stages = build_stages(config, len(self.train_source))
        self.image_size = tuple(config.data.image_size)
        self.frame_size = tuple(config.data.frame_size) or None
        self.depth_size = tuple(config.data.depth_size) or None
        self.key = np.asarray(jax.random.key_data(jax.random.key(config.seed)))
        self.checkpoints = Checkpoints(run.checkpoints)
        self.initial = None  # variables, until there is a checkpoint
        if self.checkpoints.latest() is None:
            self.initial = (
                load_run_weights(config)
                if config.init_from
                else load_base_weights(config, jax.device_get(init_variables(config)))
            )

    @property
    def total_steps(self) -> int:
        return self._first_step(len(self.stages))

    def run(self) -> int:
        """Runs what is left of the stages; see `train`."""
        try:
            index, step, variables, state = self._restore()
            if not self.folder.is_finished:
                with contextlib.closing(Logbook(self.folder, step=step)) as logbook:
                    if step:
                        logbook.say(f"{self.folder.path}: going on from step {step}.")
                    with Interruption() as interruption:
                        step = self._run_stages(
                            index, step, variables, state, logbook, interruption
                        )
                if step < self.total_steps:
                    return interruption.exit_status
            return self._finish(step)
        finally:
            self.checkpoints.close()

    def _run_stages(
        self,
        index: int,
        step: int,
        variables: dict,
        state: TrainState | None,
        logbook: Logbook,
        interruption: Interruption,
    ) -> int:
        """Runs stage after stage, from within the first if it has a state, to the end or a signal.

        Returns:
            The step reached.
        """
        if index and state is None and not logbook.has_validation(step):
            self._validate(variables, index - 1, step, logbook)  # killed after saving
        while index < len(self.stages):
            stage = self.stages[index]
            if stage.name == "select_lam":
                step += 1
                variables = self._select_lam(variables, step, logbook)
            else:
                # Handed over, not kept: the stage puts a copy of its own on the devices.
                variables, step = self._run_stage(
                    index,
                    state or self._begin(variables, stage, step),
                    step,
                    logbook,
                    interruption,
                )
                if step < self._first_step(index + 1):
                    logbook.say(
                        f"Stopped by a signal; saved at step {step} of {self.total_steps}. "
                        "Run the same command again to go on."
                    )
                    return step
            self._save_between(variables, index + 1, step)
            self._validate(variables, index, step, logbook)
            index, state = index + 1, None
        return step

    def _finish(self, step: int) -> int:
        """Marks the run as complete, with the baseline that it is to be compared with."""
        self.checkpoints.wait()
        if not self.folder.mean_depth.exists():
            mean = mean_depth(
                self.train_source,
                self.frame_size or self.image_size,
                self.config.evaluation.mean_examples,
            )
            write_depth_npy(self.folder.mean_depth, mean)
        self.folder.finish({"steps": step})
        print(f"{self.folder.path}: trained {step} steps.", file=sys.stderr)
        return 0

    def _first_step(self, index: int) -> int:
        """Steps before a stage begins."""
        return sum(stage.num_steps for stage in self.stages[:index])

    def _run_stage(
        self,
        index: int,
        state: TrainState,
        step: int,
        logbook: Logbook,
        interruption: Interruption,
    ) -> tuple[dict, int]:
        """Steps to the end of a stage, or to a signal; returns variables and the step reached."""
        stage = self.stages[index]
        first, last = self._first_step(index), self._first_step(index + 1)
        update = parallel_step(
            make_step(
                self.model,
                self.discriminator,
                stage,
                build_augmentation(self.config, affine=stage.affine),
                frame_size=self._shown(),
            )
        )
        batches = read_ahead(self._batches(index, stage, start=step - first))
        state = replicate(jax.device_get(state))  # a copy of its own, to be donated
        # The newest step's metrics are read after the next one has been dispatched, so that the
        # device never waits for the host.
        pending: collections.deque[tuple[int, Any, Any, list[str]]] = collections.deque()

        def settle(keep: int) -> None:
            while len(pending) > keep:
                at, metrics, per_example, names = pending.popleft()
                values = {name: float(value) for name, value in metrics.items()}
                check_finite(at, stage.name, values, np.asarray(per_example).reshape(-1), names)
                if at % self.config.log_every == 0 or at == last:
                    logbook.write(at, stage.name, values | {"epoch": self._epoch(index, at)})

        logbook.begin(stage.name, step - first, stage.num_steps)
        with contextlib.closing(batches):
            while step < last and interruption.signum is None:
                try:
                    batch, image_and_depth = next(batches)
                except Exception:
                    if interruption.signum is None:
                        raise
                    break  # a signal to the whole process group ended the reading workers too
                state, metrics, per_example = update(state, image_and_depth)
                step += 1
                pending.append((step, metrics, per_example, batch.names))
                settle(keep=1)
                logbook.advance(stage.batch_size)
                every = self.config.evaluation.every
                if every and (step - first) % every == 0 and step < last:
                    settle(keep=0)
                    self._validate(state.variables, index, step, logbook)
                if (step - first) % self.config.checkpoint_every == 0 and step < last:
                    settle(keep=0)
                    self._save(state, index, step)
            settle(keep=0)
        if step < last:
            self._save(state, index, step)
        return jax.device_get(state.variables), step

    def _batches(self, index: int, stage: Stage, *, start: int) -> Any:
        return train_batches(
            self.train_source,
            batch_size=stage.batch_size,
            image_size=self.image_size,
            frame_size=self.frame_size,
            depth_size=self.depth_size,
            seed=self.config.seed + index,
            start=start,
            num_threads=self.config.data.num_threads,
            num_workers=self.config.data.num_workers,
        )

    def _shown(self) -> tuple[int, int] | None:
        """What the depth maps of a batch show, in pixels of the images; None for just those."""
        return self.depth_size and (self.frame_size or self.image_size)

    def _epoch(self, index: int, step: int) -> float:
        """How often a stage has seen the training set."""
        examples = (step - self._first_step(index)) * self.stages[index].batch_size
        return examples / len(self.train_source)

    def _begin(self, variables: dict, stage: Stage, step: int) -> TrainState:
        return begin_stage(
            variables,
            stage,
            discriminator=self.discriminator,
            image_size=self.image_size,
            key=self.key,
            step=step,
        )

    def _select_lam(self, variables: dict, step: int, logbook: Logbook) -> dict:
        settings = self.config.select_lam
        rms = rms_by_lam(
            build_model(self.config),
            variables,
            examples_in_order(build_source(self.config, "validation", training=True)),
            candidates=tuple(settings.candidates),
            num_examples=settings.num_examples,
            image_size=self.image_size,
            frame_size=self.frame_size,
        )
        best = int(np.argmin(rms))
        lam = settings.candidates[best]
        by_lam = {f"rmse at lam {c:g}": r for c, r in zip(settings.candidates, rms, strict=True)}
        logbook.record(step, "select_lam", {"lam": lam} | by_lam, during="select_lam")
        params = variables["params"] | {"integration": {"log_lam": np.log(np.float32(lam))}}
        return variables | {"params": params}

    def _validate(self, variables: dict, index: int, step: int, logbook: Logbook) -> None:
        """Scores the maps that there are on the validation split, and draws some of it."""
        stage = self.stages[index]
        done = tuple(s.name for s in self.stages[: index + 1])
        predictor = self.predictor.with_variables(
            variables,
            map_names(self.config, done),
            steepness=any(name.startswith(("gradient", "pretrain_local")) for name in done),
        )
        scorers = {name: Scorer(predictor.protocol) for name in predictor.names}
        samples = []
        for example, predicted in predictor.predict_examples(
            examples_in_order(self.validation_source)
        ):
            for name, scorer in scorers.items():
                scorer.add(example.name, predicted.maps[name], example.depth)
            if len(samples) < NUM_SAMPLES:
                samples.append((example, predicted))
        # The map that the stage trains comes last: a learning curve is of it.
        trained = trained_map(self.config, stage.name)
        for name, scorer in sorted(scorers.items(), key=lambda item: item[0] == trained):
            metrics = scorer.scores().metrics
            chosen = {key: metrics[key] for key in VALIDATION_METRICS}
            if stage.batch_size:
                chosen["epoch"] = self._epoch(index, step)
            logbook.record(step, f"validation {name}", chosen, during=stage.name)
        self.folder.samples.mkdir(exist_ok=True)
        write_image(self.folder.samples / f"{step:07d}-{stage.name}.png", sample_sheet(samples))

    def _save(self, state: TrainState, index: int, step: int) -> None:
        """Saves within a stage; the position in the data is the number of steps in the stage."""
        training = jax.device_get(state)._asdict()
        variables = {name: training.pop(name) for name in ("params", "batch_stats")}
        progress = {"stage": index, "batches": step - self._first_step(index)}
        self.checkpoints.save(step, variables=variables, training=training, progress=progress)

    def _save_between(self, variables: dict, index: int, step: int) -> None:
        """Saves with the next stage's beginning, which restoring makes anew."""
        training, progress = {"step": np.int32(step)}, {"stage": index, "batches": 0}
        self.checkpoints.save(step, variables=variables, training=training, progress=progress)

    def _restore(self) -> tuple[int, int, dict, TrainState | None]:
        """Stage, step, variables; and within a stage that has begun, its state."""
        step = self.checkpoints.latest()
        if step is None:
            initial, self.initial = self.initial, None  # not kept beside what training makes of it
            return 0, 0, initial, None
        progress = self.checkpoints.progress(step)
        index = progress["stage"]
        shapes = jax.eval_shape(lambda: init_variables(self.config))
        variables = self.checkpoints.restore(step, "variables", shapes)
        if progress["batches"] == 0:
            return index, step, variables, None
        begun = jax.eval_shape(lambda: self._begin(variables, self.stages[index], 0))
        template = {name: value for name, value in begun._asdict().items() if name not in variables}
        training = self.checkpoints.restore(step, "training", template)
        return index, step, variables, TrainState(**variables, **training)
