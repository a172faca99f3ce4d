"""What a config's values must satisfy, checked before anything is made."""

import math

import jax
from ml_collections import FrozenConfigDict

from jaxdepth.augment import TRANSFORMS
from jaxdepth.errors import ConfigError
from jaxdepth.experiment.build import build_augmentation, build_model, build_protocol
from jaxdepth.experiment.stages import build_stages, check_stages, moves
from jaxdepth.ops.penalties import PENALTIES


def check_config(config: FrozenConfigDict, *, num_devices: int) -> None:
    """Raises ConfigError, naming the key, if a value cannot work.

    Args:
        config: resolved.
        num_devices: devices that a batch is spread over.
    """
    _require(len(config.stages) > 0, "stages", "one or more stages", config)
    # Each stage shuffles by a seed of its own, and grain's seeds have 32 bits.
    seeds = 0 <= config.seed < 2**32 - len(config.stages)
    _require(seeds, "seed", "from 0 to below 2**32", config)
    for name in ("num_threads", "num_workers"):
        _require(config.data[name] >= 0, f"data.{name}", "0 or more", config.data)
    held_out = 0 <= config.data.validation_fraction < 1
    _require(held_out, "data.validation_fraction", "at least 0 and below 1", config.data)
    _require(config.data.max_depth >= 0, "data.max_depth", "0 or more", config.data)
    size = config.data.image_size
    _require(_is_size(size), "data.image_size", "(height, width) in pixels", config.data)
    for name in ("frame_size", "depth_size"):
        fits = not config.data[name] or _is_size(config.data[name])
        _require(fits, f"data.{name}", "(height, width) in pixels, or ()", config.data)
    if frame := config.data.frame_size:
        around = all(outer >= inner for outer, inner in zip(frame, size, strict=True))
        even = all((outer - inner) % 2 == 0 for outer, inner in zip(frame, size, strict=True))
        rule = f"the image_size {tuple(size)} plus an even number of pixels a side"
        _require(around and even, "data.frame_size", rule, config.data)
    model = config.model
    _require(
        model.boundary in ("periodic", "neumann"), "model.boundary", "periodic or neumann", model
    )
    _require(model.penalty in PENALTIES, "model.penalty", f"one of {', '.join(PENALTIES)}", model)
    _require(0 < model.relaxation < 2, "model.relaxation", "between 0 and 2", model)
    for name in (
        "width", "local_width", "discriminator_width", "beta", "initial_lam", "num_iters", "delta",
        "initial_depth", "block_width", "hidden", "omega", "frame_scale",
    ):  # fmt: skip
        _require(model[name] > 0, f"model.{name}", "positive", model)
    _require(0 <= model.dropout < 1, "model.dropout", "at least 0 and below 1", model)
    rule = "empty where init_from names the run whose weights are taken"
    _require(not (config.init_from and model.base_weights), "model.base_weights", rule, model)
    build_model(config)
    build_protocol(config)
    if model.system == "two_stream":
        _require(min(size) >= 32, "data.image_size", "at least (32, 32)", config.data)
    _require(config.set_weight >= 0, "set_weight", "0 or more", config)
    for name in ("log_every", "checkpoint_every"):
        _require(config[name] > 0, name, "positive", config)
    for name in ("batch_size", "mean_examples"):
        _require(config.evaluation[name] > 0, f"evaluation.{name}", "positive", config.evaluation)
    _require(config.evaluation.every >= 0, "evaluation.every", "0 or more", config.evaluation)
    members = bool(config.image_set) and set(config.image_set) <= set(TRANSFORMS)
    _require(members, "image_set", f"one or more of {', '.join(TRANSFORMS)}", config)
    try:
        jax.eval_shape(build_augmentation(config), jax.random.key(0))
    except (ValueError, TypeError, IndexError) as error:
        raise ConfigError(f"augment: {error}") from error
    rule = "without 'affine' where augment has neither angle, scale nor shift"
    _require("affine" not in config.image_set or moves(config), "image_set", rule, config)
    check_stages(config)
    for name in config.stages:
        stage = config[name]
        if name == "select_lam":
            positive = bool(stage.candidates) and all(_is_positive(c) for c in stage.candidates)
            _require(positive, "select_lam.candidates", "one or more positive numbers", stage)
            _require(stage.num_examples > 0, "select_lam.num_examples", "positive", stage)
            continue
        for key in ("epochs", "batch_size", "learning_rate"):
            _require(_is_positive(stage[key]), f"{name}.{key}", "positive and finite", stage)
        for key in ("weight_decay", "clip_norm", "clip_steps", "warmup_steps"):
            _require(stage[key] >= 0, f"{name}.{key}", "0 or more", stage)
        _require(0 <= stage.momentum < 1, f"{name}.momentum", "at least 0 and below 1", stage)
        divides = stage.batch_size % num_devices == 0
        _require(divides, f"{name}.batch_size", f"a multiple of the {num_devices} devices", stage)
        if patch := stage.get("patch_size"):
            fits = _is_size(patch) and patch[0] <= size[0] and patch[1] <= size[1]
            _require(fits, f"{name}.patch_size", f"(height, width) within {tuple(size)}", stage)
            still = not stage.rotate_and_scale
            _require(still, f"{name}.rotate_and_scale", "False where patch_size is set", stage)
        if name == "joint":
            _require(stage.eta >= 0, "joint.eta", "0 or more", stage)
            rate = _is_positive(stage.discriminator_learning_rate)
            _require(rate, "joint.discriminator_learning_rate", "positive and finite", stage)
    build_stages(config, num_examples=1)


def _is_positive(number: float) -> bool:
    return isinstance(number, int | float) and 0 < number < math.inf


def _is_size(size: tuple) -> bool:
    return len(size) == 2 and all(isinstance(side, int) and side > 0 for side in size)


def _require(holds: bool, key: str, rule: str, settings: FrozenConfigDict) -> None:
    if not holds:
        value = settings[key.rpartition(".")[2]]
        raise ConfigError(f"{key} must be {rule}, got {value!r}: set it by --config.{key}=VALUE.")
