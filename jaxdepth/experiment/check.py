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
    build_model(config)
    build_protocol(config)
    build_stages(config, num_examples=1)
    model = config.model
    _require(
        model.boundary in ("periodic", "neumann"), "model.boundary", "periodic or neumann", model
    )
    for name in ("width", "local_width", "discriminator_width", "beta", "initial_lam", "num_iters"):
        _require(model[name] > 0, f"model.{name}", "positive", model)
    size = config.data.image_size
    _require(len(size) == 2 and min(size) > 0, "data.image_size", "(height, width)", config.data)
    for name in ("log_every", "checkpoint_every"):
        _require(config[name] > 0, name, "positive", config)
    for name in ("batch_size", "mean_examples"):
        _require(config.evaluation[name] > 0, f"evaluation.{name}", "positive", config.evaluation)
    try:
        jax.eval_shape(build_augmentation(config), jax.random.key(0))
    except (ValueError, TypeError) as error:
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
            fits = len(patch) == 2 and all(0 < p <= s for p, s in zip(patch, size, strict=True))
            _require(fits, f"{name}.patch_size", f"(height, width) within {tuple(size)}", stage)


def _require(holds: bool, key: str, rule: str, settings: FrozenConfigDict) -> None:
    if not holds:
        value = settings[key.rpartition(".")[2]]
        raise ConfigError(f"{key} must be {rule}, got {value!r}: set it by --config.{key}=VALUE.")
