"""The two-stream model's stages: what moves and what does not, and a whole run."""

import signal
from functools import partial

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

import evaluate
import train
from jaxdepth.experiment import STAGES, build_model, load_config
from jaxdepth.training import loop
from jaxdepth.training.interruption import Interruption
from jaxdepth.training.parallel import parallel_step, replicate, shard
from tests.inference.test_scripts import rows_of
from tests.scripts import VARIANT
from tests.training.test_runs import variables_of
from tests.training.test_steps import batch_of, begin, stage_of, step_of

SMALL = (
    "--config.model.width=0.03125",
    "--config.model.block_width=0.0625",
    "--config.model.hidden=8",
    "--config.data.image_size=(32,48)",
    "--config.data.depth_size=(48,64)",
    *(f"--config.{stage}.warmup_steps=0" for stage in STAGES["two_stream"]),
)
MOVES = {
    "depth_coarse": {"streams/depth_coarse"},
    "depth_refinement": {"streams/depth_refinement"},
    "gradient_coarse": {"streams/gradient_coarse"},
    "gradient_refinement": {"streams/gradient_refinement"},
    "combination": {"combination"},
    "finetune": {
        "finetuned/depth_coarse",
        "finetuned/depth_refinement",
        "finetuned/gradient_coarse",
        "finetuned/gradient_refinement",
        "combination",
    },
}
"""Blocks that each stage trains (Li et al. 2017, §3.4); finetuning works on a copy."""


def config_of(*overrides: str):
    return load_config("configs/rooms.py:two_stream", (*SMALL, *overrides))


def images_and_depth(size: int, seed: int = 0):
    image, _ = batch_of(size, (32, 48), seed)
    _, depth = batch_of(size, (48, 64), seed)
    return image, depth


def block(path: tuple[str, ...]) -> str:
    return "combination" if path[0] == "combination" else "/".join(path[:2])


@pytest.mark.parametrize("name", STAGES["two_stream"])
def test_a_stage_leaves_all_other_blocks_bit_identical(name):
    config = config_of()
    stage = stage_of(config, name)
    before = jax.device_get(begin(config, stage))
    state, metrics, per_example = parallel_step(step_of(config, stage))(
        replicate(before), shard(images_and_depth(4))
    )
    after = jax.device_get(state)
    assert np.isfinite(metrics["loss"])
    assert per_example.shape == (4, 1)
    moved = set()
    for tree_before, tree_after in (
        (before.params, after.params),
        (before.batch_stats, after.batch_stats),
    ):
        old, new = flatten_dict(tree_before), flatten_dict(tree_after)
        assert old.keys() == new.keys()
        moved |= {block(p) for p in old if not np.array_equal(old[p], new[p])}
    assert moved == MOVES[name]


def test_finetuning_begins_with_a_copy_of_the_streams():
    config = config_of()
    state = jax.device_get(begin(config, stage_of(config, "finetune")))
    for tree in (state.params, state.batch_stats):
        jax.tree.map(np.testing.assert_array_equal, tree["streams"], tree["finetuned"])


def test_the_coarse_objective_is_the_papers():
    """Equations 2 to 4 by hand, for the set {I, flip(I)} and a network without dropout."""
    config = config_of(
        "--config.image_set=('original','flip')",
        "--config.model.dropout=0",
        "--config.set_weight=0.7",
    )
    stage = stage_of(config, "depth_coarse")
    state = jax.device_get(begin(config, stage))
    image, depth = images_and_depth(4)
    _, metrics, _ = parallel_step(step_of(config, stage))(replicate(state), shard((image, depth)))

    assert stage.map_size == (5, 9)
    rows = (np.arange(5) - 2) * 4 * 48 / 32 + 23.5  # of the depth map, from its centre
    columns = (np.arange(9) - 4) * 4 * 64 / 48 + 31.5
    rows, columns = (np.floor(x + 0.5).astype(int) for x in (rows, columns))
    truth = depth[:, rows[:, None], columns].astype(np.float64)
    model = build_model(config, axis_name=None)
    sets = np.stack([image, image[:, :, ::-1]], axis=1).reshape(-1, 32, 48, 3)
    # Batch statistics are those of all devices' images together, as without any device axis.
    log_depth, _ = jax.jit(partial(model.apply, method="coarse_depth", mutable=["batch_stats"]))(
        state.variables, sets / np.float32(255), rngs={"dropout": jax.random.key(0)}
    )
    estimates = np.asarray(log_depth, np.float64).reshape(4, 2, 5, 9)
    estimates[:, 1] = estimates[:, 1, :, ::-1]  # back in the original frame, as is the truth
    single = np.mean(
        [
            np.mean((estimate - np.log(np.where(t > 0, t, 1)))[t > 0] ** 2)
            for pair, t in zip(estimates, truth, strict=True)
            for estimate in pair
        ]
    )
    consistency = np.mean((estimates[:, 0] - estimates[:, 1]) ** 2)
    assert float(metrics["single"]) == pytest.approx(single, rel=1e-3)
    assert float(metrics["consistency"]) == pytest.approx(consistency, rel=1e-3)
    assert float(metrics["loss"]) == pytest.approx(single + 0.7 * consistency, rel=1e-3)


@pytest.fixture(scope="module")
def finished_two_stream(scripts):
    """A tiny run of all stages; its arguments and its folder."""
    # The runs of this module compile the same programs.
    jax.config.update("jax_compilation_cache_dir", str(scripts.folder / "compiled"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
    workdir = scripts.folder / "two_stream"
    arguments = [
        "--config=configs/rooms.py:two_stream",
        f"--workdir={workdir}",
        f"--config.data.variant={VARIANT}",
        f"--config.data.data_dir={scripts.data_dir}",
        *SMALL,
        *(f"--config.{stage}.epochs=0.4" for stage in STAGES["two_stream"]),
        "--config.evaluation.every=2",
        "--config.log_every=1",
    ]
    scripts.call(train.main, *arguments)
    yield arguments, workdir
    jax.config.update("jax_compilation_cache_dir", None)


def test_a_run_prints_the_rows_of_table_1(scripts, finished_two_stream):
    _, workdir = finished_two_stream
    out = scripts.call(evaluate.main, f"--workdir={workdir}")
    assert list(rows_of(out)) == [
        "mean training depth",
        "L_set, depth only",
        "L_set, depth + bilateral",
        "L_set, depth + gradients, end-to-end",
        "L_set, depth + gradients, optimization",
    ]
    assert "base network: vgg16" in out


def interrupt(scripts, monkeypatch, arguments, *, at_question: int):
    """Trains until the loop has asked so often whether a signal came."""
    questions = 0

    class Signal(Interruption):
        @property
        def signum(self):
            nonlocal questions
            questions += 1
            return signal.SIGTERM if questions >= at_question else None

        @signum.setter
        def signum(self, value):
            pass

    with monkeypatch.context() as patch:
        patch.setattr(loop, "Interruption", Signal)
        scripts.call(train.main, *arguments, status=128 + signal.SIGTERM)


def test_interrupted_while_finetuning_it_ends_bit_identical(
    scripts, tmp_path, finished_two_stream, monkeypatch
):
    """The copies of the streams are part of what a run goes on from."""
    arguments, finished = finished_two_stream
    arguments = [*arguments, f"--workdir={tmp_path}"]
    # Asked before each of three steps a stage; the second one of finetuning is not made.
    interrupt(scripts, monkeypatch, arguments, at_question=5 * 3 + 2)
    step, _ = variables_of(tmp_path)
    assert 15 < step < 18
    scripts.call(train.main, *arguments)
    (last, ours), (expected_last, theirs) = variables_of(tmp_path), variables_of(finished)
    assert last == expected_last == 18
    jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def test_a_checkpoint_within_training_offers_what_is_trained(
    scripts, tmp_path, finished_two_stream, monkeypatch
):
    arguments, _ = finished_two_stream

    arguments = [*arguments, f"--workdir={tmp_path}"]
    interrupt(scripts, monkeypatch, arguments, at_question=1)
    out = scripts.call(evaluate.main, f"--workdir={tmp_path}")
    assert list(rows_of(out))[1:] == ["L_set, depth, coarse"]
    assert "training is not finished" in out


def test_its_learning_curves_can_be_plotted(scripts, tmp_path, finished_two_stream):
    _, workdir = finished_two_stream
    out = scripts.call(evaluate.main, f"--curves={tmp_path / 'curves.png'}", f"--workdir={workdir}")
    assert (tmp_path / "curves.png").stat().st_size > 10_000
    assert "two_stream" in out
