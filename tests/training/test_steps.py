"""One training step: the objectives, what moves and what does not, on one device and on four."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxdepth import augment
from jaxdepth.errors import ConfigError
from jaxdepth.experiment import (
    ABLATIONS,
    Stage,
    build_augmentation,
    build_discriminator,
    build_model,
    build_stages,
    init_variables,
    load_config,
)
from jaxdepth.training import parallel
from jaxdepth.training.parallel import AXIS, parallel_step, replicate, shard
from jaxdepth.training.state import TrainState, begin_stage
from jaxdepth.training.steps import make_step

SMALL = (
    "--config.model.width=0.0625",
    "--config.model.local_width=0.0625",
    "--config.model.discriminator_width=0.0625",
    "--config.model.num_iters=2",
    "--config.pretrain_global.warmup_steps=0",
    "--config.pretrain_local.warmup_steps=0",
    "--config.joint.warmup_steps=0",
    "--config.data.image_size=(32,32)",
    "--config.pretrain_local.patch_size=(16,16)",
)
VARIANTS = [
    f"{path}:{name}"
    for path, more in (
        ("configs/rooms.py", ("long", "set_loss", "best")),
        ("configs/nyu.py", ()),
    )
    for name in (*ABLATIONS, "two_stream", "two_stream_single", *more)
]
VARIANTS += [f"configs/make3d.py:{name}" for name in ABLATIONS]
VARIANTS += [f"configs/kitti.py:{name}" for name in ("full", "global_only", "no_joint")]
VARIANTS += ["configs/diml.py", "configs/folder.py:photos"]


def config_of(spec: str = "configs/rooms.py", *overrides: str):
    return load_config(spec, (*SMALL, *overrides))


def batch_of(size: int, shape=(32, 32), seed: int = 0):
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.5, 5.0, (size, *shape)).astype(np.float32)
    depth[rng.uniform(size=depth.shape) < 0.2] = 0  # holes, unevenly spread over examples
    depth[0, : shape[0] // 2] = 0
    return rng.integers(0, 256, (size, *shape, 3), dtype=np.uint8), depth


@cache
def initial_variables(config):
    return jax.device_get(init_variables(config))


def begin(config, stage: Stage, initial=initial_variables) -> TrainState:
    return begin_stage(
        initial(config),
        stage,
        discriminator=build_discriminator(config),
        image_size=tuple(config.data.image_size),
        key=np.zeros(2, np.uint32),
        step=0,
    )


def step_of(config, stage: Stage):
    return make_step(
        build_model(config, axis_name=AXIS),
        build_discriminator(config, axis_name=AXIS),
        stage,
        build_augmentation(config, affine=stage.affine),
        frame_size=config.data.depth_size and (config.data.frame_size or config.data.image_size),
    )


def stage_of(config, name: str) -> Stage:
    return next(s for s in build_stages(config, 100) if s.name == name)


@pytest.fixture(scope="module")
def joint_steps():
    """Parameters after two joint steps on one device and on four."""
    config = config_of("configs/rooms.py", "--config.joint.optimizer=sgd")
    stage = stage_of(config, "joint")
    results = {}
    with pytest.MonkeyPatch.context() as patch:
        for count in (1, 4):
            patch.setattr(parallel, "devices", lambda count=count: jax.local_devices()[:count])
            update = parallel_step(step_of(config, stage))
            state = replicate(jax.device_get(begin(config, stage)))
            for seed in range(2):
                state, metrics, per_example = update(state, shard(batch_of(8, seed=seed)))
            results[count] = jax.device_get((state, metrics, per_example.reshape(-1)))
    return results


@pytest.mark.skipif(jax.local_device_count() < 4, reason="needs four devices, virtual ones do")
def test_one_device_and_four_give_the_same_state(joint_steps):
    one, four = joint_steps[1], joint_steps[4]
    paths = jax.tree_util.tree_leaves_with_path(one)
    for (path, a), b in zip(paths, jax.tree.leaves(four), strict=True):
        scale = np.max(np.abs(a)) if np.size(a) else 0
        np.testing.assert_allclose(
            a, b, rtol=2e-4, atol=2e-5 * max(scale, 1), err_msg=jax.tree_util.keystr(path)
        )


def test_the_joint_step_moves_everything(joint_steps):
    config = config_of()
    before = begin(config, stage_of(config, "joint"))
    after, metrics, per_example = joint_steps[1]
    assert after.step == 2
    assert per_example.shape == (8,)
    assert metrics["loss"] == pytest.approx(metrics["l1"] + 1e-3 * metrics["adversarial"], abs=1e-6)
    moved = jax.tree.map(lambda a, b: bool(np.any(a != b)), before.params, after.params)
    for module in ("global_net", "local_net", "integration"):
        assert any(jax.tree.leaves(moved[module])), module
    before_params, after_params = before.classifier.params, after.classifier.params
    assert any(
        np.any(a != b)
        for a, b in zip(*map(jax.tree.leaves, (before_params, after_params)), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "trained"), [("pretrain_global", "global_net"), ("pretrain_local", "local_net")]
)
def test_pretraining_leaves_the_rest_bit_identical(name, trained):
    config = config_of()
    stage = stage_of(config, name)
    before = jax.device_get(begin(config, stage))
    state, metrics, _ = parallel_step(step_of(config, stage))(replicate(before), shard(batch_of(4)))
    after = jax.device_get(state)
    assert np.isfinite(metrics["loss"])
    for tree_before, tree_after in (
        (before.params, after.params),
        (before.batch_stats, after.batch_stats),
    ):
        for module in tree_before:
            same = jax.tree.map(np.array_equal, tree_before[module], tree_after[module])
            assert all(jax.tree.leaves(same)) == (module != trained), module


def test_the_loss_is_the_mean_over_valid_pixels_of_the_whole_batch():
    config = config_of("configs/rooms.py:global_only")
    stage = stage_of(config, "pretrain_global")._replace(optimizer=optax.sgd(0.0), affine=False)
    identity = partial(augment.sample_image_set, transforms=("original",))
    model = build_model(config, axis_name=AXIS)
    step = make_step(model, build_discriminator(config), stage, identity)
    state = jax.device_get(begin(config, stage))
    image, depth = batch_of(8)
    _, metrics, per_example = parallel_step(step)(replicate(state), shard((image, depth)))

    single = build_model(config)
    f, _ = jax.jit(
        partial(single.apply, train=True, mutable=["batch_stats"], method="global_depth")
    )(state.variables, image / np.float32(255))
    error, valid = np.abs(np.asarray(f, np.float64) - depth), depth > 0
    assert float(metrics["loss"]) == pytest.approx(error[valid].mean(), rel=1e-4)
    own = [error[i][valid[i]].mean() for i in range(8)]
    np.testing.assert_allclose(np.ravel(per_example), own, rtol=1e-4)


@pytest.mark.parametrize("spec", VARIANTS)
def test_every_variant_has_a_step_of_the_right_shapes(spec):
    config = load_config(spec)
    size = tuple(config.data.image_size)
    for stage in build_stages(config, 1000):
        if stage.optimizer is None:
            continue
        state = jax.eval_shape(lambda stage=stage: begin(config, stage, init_variables))
        batch = (
            jax.ShapeDtypeStruct((1, 2, *size, 3), jnp.uint8),
            jax.ShapeDtypeStruct((1, 2, *(config.data.depth_size or size)), jnp.float32),
        )
        mapped = jax.vmap(
            step_of(config, stage), axis_name=AXIS, in_axes=(None, 0), out_axes=(None, None, 0)
        )
        after, metrics, per_example = jax.eval_shape(mapped, state, batch)
        same = jax.tree.map(lambda a, b: (a.shape, a.dtype) == (b.shape, b.dtype), state, after)
        assert all(jax.tree.leaves(same))
        assert metrics["loss"].shape == ()
        assert per_example.shape == (1, 2)


def test_a_batch_that_does_not_divide_is_explained():
    with pytest.raises(ConfigError, match="multiple of the 4 devices, got 6"):
        shard(batch_of(6))
