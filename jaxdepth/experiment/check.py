"""What a config's values must satisfy, checked before anything is made."""

import jax
from ml_collections import FrozenConfigDict

from jaxdepth.errors import ConfigError
from jaxdepth.experiment.build import build_augmentation, build_model, build_protocol, build_stages


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
    size = config.data.image_size
    _require(_is_size(size), "data.image_size", "(height, width) in pixels", config.data)
    build_model(config)
    build_protocol(config)
    build_stages(config, num_examples=1)
    model = config.model
    _require(
        model.boundary in ("periodic", "neumann"), "model.boundary", "periodic or neumann", model
    )
    for name in ("width", "local_width", "discriminator_width", "beta", "initial_lam", "num_iters"):
        _require(model[name] > 0, f"model.{name}", "positive", model)
    for name in ("log_every", "checkpoint_every"):
        _require(config[name] > 0, name, "positive", config)
    for name in ("batch_size", "mean_examples"):
        _require(config.evaluation[name] > 0, f"evaluation.{name}", "positive", config.evaluation)
    try:
        jax.eval_shape(build_augmentation(config), jax.random.key(0))
    except (ValueError, TypeError, IndexError) as error:
        raise ConfigError(f"augment: {error}") from error
    for name in config.stages:
        stage = config[name]
        if name == "select_lam":
            positive = bool(stage.candidates) and min(stage.candidates) > 0
            _require(positive, "select_lam.candidates", "one or more positive numbers", stage)
            _require(stage.num_examples > 0, "select_lam.num_examples", "positive", stage)
            continue
        for key in ("epochs", "batch_size", "learning_rate"):
            _require(stage[key] > 0, f"{name}.{key}", "positive", stage)
        divides = stage.batch_size % num_devices == 0
        _require(divides, f"{name}.batch_size", f"a multiple of the {num_devices} devices", stage)
        if patch := stage.get("patch_size"):
            fits = _is_size(patch) and patch[0] <= size[0] and patch[1] <= size[1]
            _require(fits, f"{name}.patch_size", f"(height, width) within {tuple(size)}", stage)


def _is_size(size: tuple) -> bool:
    return len(size) == 2 and all(isinstance(side, int) and side > 0 for side in size)


def _require(holds: bool, key: str, rule: str, settings: FrozenConfigDict) -> None:
    if not holds:
        value = settings[key.rpartition(".")[2]]
        raise ConfigError(f"{key} must be {rule}, got {value!r}: set it by --config.{key}=VALUE.")
