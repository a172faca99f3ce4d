"""Config files: variants, overrides, and what is said about mistakes."""

import json
import re

import pytest

from jaxdepth.errors import ConfigError
from jaxdepth.experiment import ABLATIONS, build_stages, check_config, default_config, load_config
from jaxdepth.experiment.config import flatten, from_json, to_json

CONFIGS = ["configs/rooms.py", "configs/nyu.py", "configs/make3d.py"]
DATASETS = [
    *(f"configs/kitti.py:{variant}" for variant in ("full", "global_only", "no_joint")),
    *(f"configs/nyu.py:{variant}" for variant in ("labeled", "bts", "raw", "two_stream,raw")),
    "configs/diml.py",
    "configs/folder.py:photos",
]


@pytest.mark.parametrize("path", CONFIGS)
@pytest.mark.parametrize("variant", ["", *ABLATIONS])
def test_every_variant_loads_and_has_its_stages(path, variant):
    config = load_config(f"{path}:{variant}" if variant else path)
    stages = build_stages(config, 100)
    assert [s.name for s in stages] == list(config.stages)
    assert all(s.num_steps >= 1 for s in stages)


@pytest.mark.parametrize("spec", [*CONFIGS, *DATASETS])
def test_every_dataset_has_a_config_that_can_work(spec):
    check_config(load_config(spec), num_devices=1)


def test_variants_follow_the_ablation_table():
    load = {name: load_config(f"configs/nyu.py:{name}") for name in ABLATIONS}
    assert load["full"].joint.eta == 1e-3
    assert load["no_adversarial"].joint.eta == 0
    assert load["global_adversarial"].joint.eta == 1e-3
    assert not load["global_adversarial"].model.integrate
    assert load["global_only"].joint.eta == 0
    assert "joint" not in load["no_joint"].stages
    assert len({config.name for config in load.values()}) == len(load)


def test_nyu_has_the_papers_settings():
    config = load_config("configs/nyu.py")
    assert config.data.image_size == (256, 320)
    assert (config.model.initial_lam, config.model.beta, config.model.num_iters) == (0.01, 10.0, 10)
    assert config.model.boundary == "periodic"
    for stage in (config.pretrain_global, config.pretrain_local):
        assert (stage.learning_rate, stage.momentum, stage.schedule) == (1e-4, 0.9, "constant")
    joint = config.joint
    assert (joint.learning_rate, joint.epochs, joint.batch_size) == (1e-3, 10.0, 16)
    assert (joint.schedule, joint.decay_epochs, joint.decay_rate) == ("step", 2.0, 0.5)
    assert joint.weight_decay == 5e-4


def test_make3d_has_the_papers_settings():
    config = load_config("configs/make3d.py")
    assert (config.data.image_size, config.data.max_depth) == ((256, 192), 70)
    a = config.augment
    assert (a.flip, a.angle, a.scale, a.color) == (0.5, 5, (1, 1.5), (0.8, 1.2))
    assert (a.brightness, a.contrast, a.shift) == ((0, 0), (1, 1), 0)
    (joint,) = (s for s in build_stages(config, 400) if s.name == "joint")
    assert joint.num_steps * joint.batch_size == 40 * 20_000
    assert joint.eta == 1e-3


def test_kitti_has_the_papers_settings():
    config = load_config("configs/kitti.py")
    assert (config.data.image_size, config.joint.eta) == ((192, 512), 0)
    assert {(s.batch_size, s.num_steps) for s in build_stages(config, 800)} == {(8, 1000)}


def test_diml_goes_on_from_the_nyu_run():
    config, nyu = load_config("configs/diml.py"), load_config("configs/nyu.py")
    assert (config.data.image_size, config.init_from) == ((192, 384), "runs/nyu")
    assert dict(config.model) == dict(nyu.model)
    assert [stage.name for stage in build_stages(config, 100)] == ["joint"]


@pytest.mark.parametrize(
    ("variant", "count"),
    [("two_stream", 47_584), ("two_stream,bts", 24_231), ("raw,two_stream", 220_000)],
)
def test_two_stream_takes_as_many_steps_on_each_form_of_nyu(variant, count):
    config = load_config(f"configs/nyu.py:{variant}")
    steps = {stage.name: stage.num_steps for stage in build_stages(config, count)}
    assert steps["depth_coarse"] == pytest.approx(618_592, abs=1)
    assert config.data.variant == ("220000" if "raw" in variant else "")


def test_variants_combine():
    config = load_config("configs/rooms.py:long,global_only")
    assert config.name == "rooms-long-global_only"
    assert not config.model.integrate


def test_unknown_variant_lists_the_valid_ones():
    with pytest.raises(ConfigError, match=r"'fast'.*full, global_only.*long"):
        load_config("configs/rooms.py:fast")


def test_overrides_keep_types():
    config = load_config(
        "configs/rooms.py",
        [
            "--config.joint.epochs=3",
            "--config.data.image_size=[32, 64]",
            "--config.data.data_dir=/some/where",
            "--config.model.integrate=false",
        ],
    )
    assert config.joint.epochs == 3.0
    assert isinstance(config.joint.epochs, float)
    assert config.data.image_size == (32, 64)
    assert config.data.data_dir == "/some/where"
    assert config.model.integrate is False


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "--config.joint.epoch=3",
            r"no config key 'joint.epoch'. Did you mean joint.epochs.*Valid",
        ),
        ("--config.joint=3", r"no config key 'joint'\. Did you mean joint\."),
        ("--config.seed=many", r"seed must be int, such as 0, got 'many'"),
        ("--config.seed=1.5", r"seed must be int"),
        ("--config.seed", r"--config.KEY=VALUE, got '--config.seed'"),
        ("--sed=3", r"--config.KEY=VALUE, got '--sed=3'"),
    ],
)
def test_mistaken_overrides_are_explained(override, message):
    with pytest.raises(ConfigError, match=message):
        load_config("configs/rooms.py", [override])


def test_unknown_key_lists_every_valid_one():
    with pytest.raises(ConfigError) as caught:
        load_config("configs/rooms.py", ["--config.nothing=1"])
    for key in flatten(default_config()):
        assert re.search(rf"\b{re.escape(key)}\b", str(caught.value)), key


@pytest.mark.parametrize(
    ("text", "message"), [("x = 1", "defines no get_config"), ("def f(:", "line 1")]
)
def test_files_that_are_no_configs(tmp_path, text, message):
    file = tmp_path / "config.py"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config(str(file))


def test_missing_file():
    with pytest.raises(ConfigError, match=r"no config file 'configs/none\.py'"):
        load_config("configs/none.py")


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("--config.stages=('pretrain_globe',)", "no stage 'pretrain_globe'.*pretrain_global"),
        ("--config.joint.optimizer=lion", "no optimizer 'lion': choose sgd or adam"),
        ("--config.joint.schedule=linear", "no schedule 'linear'"),
        ("--config.model.integrate=False", "needs a local network"),
    ],
)
def test_settings_that_do_not_fit_are_explained(override, message):
    with pytest.raises(ConfigError, match=message):
        build_stages(load_config("configs/rooms.py", [override]), 100)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("--config.seed=-1", "seed must be from 0"),
        ("--config.stages=()", "stages must be one or more"),
        ("--config.data.validation_fraction=1", "validation_fraction must be at least 0"),
        ("--config.data.max_depth=-1", "data.max_depth must be 0 or more"),
        ("--config.data.num_workers=-1", "data.num_workers must be 0 or more"),
        ("--config.data.image_size=(32.0,32.0)", "data.image_size must be"),
        ("--config.pretrain_local.patch_size=(8.0,8.0)", "patch_size must be"),
        ("--config.augment.color=(0.8,)", "augment: "),
        ("--config.log_every=0", "log_every must be positive, got 0"),
        ("--config.joint.batch_size=6", "joint.batch_size must be a multiple of the 4 devices"),
        ("--config.joint.batch_size=0", "joint.batch_size must be positive"),
        ("--config.joint.epochs=-1", "joint.epochs must be positive and finite"),
        (
            "--config.pretrain_local.patch_size=(65,16)",
            r"patch_size must be \(height, width\) within",
        ),
        ("--config.model.boundary=open", "model.boundary must be periodic or neumann, got 'open'"),
        ("--config.model.penalty=l1", "model.penalty must be one of anisotropic, isotropic"),
        ("--config.model.relaxation=2.0", "model.relaxation must be between 0 and 2"),
        ("--config.model.delta=0.0", "model.delta must be positive"),
        ("--config.model.initial_lam=0", "model.initial_lam must be positive"),
        ("--config.select_lam.candidates=()", "select_lam.candidates must be one or more"),
        ("--config.augment.scale=(0.0,1.0)", "augment: scale must be positive"),
        ("--config.evaluation.crop=1:2", "TOP:BOTTOM,LEFT:RIGHT"),
        ("--config.model.dtype=float16", "model.dtype must be one of"),
        ("--config.model.initial_depth=0", "model.initial_depth must be positive"),
        ("--config.model.system=both", "model.system must be one of"),
        ("--config.model.base=vgg11", "model.base must be one of"),
        ("--config.data.frame_size=(65,97)", "plus an even number"),
        ("--config.image_set=('original','affine')", "without 'affine'"),
        ("--config.image_set=('turned',)", "image_set must be one or more of"),
        ("--config.stages=('joint','pretrain_global')", "stages must be in this order"),
        ("--config.joint.momentum=1.0", "joint.momentum must be at least 0"),
        ("--config.joint.warmup_steps=-1", "joint.warmup_steps must be 0 or more"),
        ("--config.select_lam.candidates=('a',)", "one or more positive numbers"),
    ],
)
def test_values_that_cannot_work_are_refused_before_anything_is_made(override, message):
    check_config(load_config("configs/rooms.py"), num_devices=4)
    with pytest.raises(ConfigError, match=message):
        check_config(load_config("configs/rooms.py", [override]), num_devices=4)


def test_json_round_trip():
    config = load_config("configs/rooms.py")
    text = to_json(config)
    assert flatten(from_json(text)) == flatten(config)
    assert json.loads(text)["data"]["image_size"] == list(config.data.image_size)


def test_a_confidence_is_trained_with_the_rest():
    def joint(*overrides):
        config = load_config("configs/rooms.py", overrides)
        return next(s for s in build_stages(config, 100) if s.name == "joint")

    assert joint().modules == ("global_net", "local_net", "integration")
    assert "confidence" in joint("--config.model.confidence=True").modules
