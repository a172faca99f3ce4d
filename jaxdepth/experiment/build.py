"""A config's models, optimisers, stages and data."""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax
from flax.traverse_util import path_aware_map
from ml_collections import FrozenConfigDict

from jaxdepth.augment import AugmentParams, sample_params
from jaxdepth.data.sources import Source, open_source
from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import Protocol, parse_crop
from jaxdepth.experiment.defaults import STAGES
from jaxdepth.models import DeepVariational, Discriminator, GlobalNet, IntegrationLayer, LocalNet

_DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


class Stage(NamedTuple):
    """One stage of training.

    Attributes:
        name: one of `jaxdepth.experiment.STAGES`.
        num_steps: updates; 1 for `select_lam`, which is not iterative.
        batch_size: images an update, over all devices.
        modules: the model's trainable parts; all others stay as they are.
        optimizer: for them.
        eta: weight η of the adversarial loss; 0 for none.
        discriminator_optimizer: None where eta is 0.
        patch_size: (height, width) of random patches; None for whole images.
        affine: whether augmentation rotates and scales.
    """

    name: str
    num_steps: int
    batch_size: int = 0
    modules: tuple[str, ...] = ()
    optimizer: optax.GradientTransformation | None = None
    eta: float = 0.0
    discriminator_optimizer: optax.GradientTransformation | None = None
    patch_size: tuple[int, int] | None = None
    affine: bool = True


def build_model(config: FrozenConfigDict, *, axis_name: str | None = None) -> DeepVariational:
    """The model that a config describes; batch statistics are averaged over `axis_name`."""
    m = config.model
    shared = {"dtype": _dtype(m.dtype), "axis_name": axis_name}
    global_net = GlobalNet(
        m.width, batch_norm=m.batch_norm, initial_depth=m.initial_depth, **shared
    )
    if not m.integrate:
        return DeepVariational(global_net)
    integration = IntegrationLayer(
        initial_lam=m.initial_lam, beta=m.beta, num_iters=m.num_iters, boundary=m.boundary
    )
    return DeepVariational(global_net, LocalNet(m.local_width, **shared), integration)


def build_discriminator(config: FrozenConfigDict, *, axis_name: str | None = None) -> Discriminator:
    """The classifier of the adversarial loss that a config describes."""
    m = config.model
    return Discriminator(m.discriminator_width, dtype=_dtype(m.dtype), axis_name=axis_name)


def build_source(config: FrozenConfigDict, split: str) -> Source:
    """The data of a config: split is "train", "validation" or "test", or tfds' own name of one."""
    d = config.data
    named = {"train": d.train_split, "validation": d.validation_split, "test": d.test_split}
    return open_source(
        d.dataset,
        named.get(split, split),
        variant=d.variant,
        depth=d.depth,
        data_dir=d.data_dir or None,
    )


def build_protocol(config: FrozenConfigDict) -> Protocol:
    """How a config scores."""
    e = config.evaluation
    crop = parse_crop(e.crop) if e.crop else None
    return Protocol(
        crop=crop, average=e.average, min_depth=e.min_depth, max_depth=e.max_depth or None
    )


def build_augmentation(config: FrozenConfigDict) -> Callable[[jax.Array], AugmentParams]:
    """What draws one transform from a key, as a config says."""
    return partial(sample_params, **config.augment)


def build_stages(config: FrozenConfigDict, num_examples: int) -> tuple[Stage, ...]:
    """The stages of a config, for a training set of `num_examples` images.

    Raises:
        ConfigError: a stage, optimiser or schedule that does not exist or does not fit the model.
    """
    return tuple(_build_stage(config, name, num_examples) for name in config.stages)


def _build_stage(config: FrozenConfigDict, name: str, num_examples: int) -> Stage:
    if name not in STAGES:
        raise ConfigError(f"no stage {name!r}: stages are chosen from {', '.join(STAGES)}.")
    integrate = config.model.integrate
    if name in ("pretrain_local", "select_lam") and not integrate:
        raise ConfigError(
            f"stage {name!r} needs a local network, but model.integrate is False: "
            "leave the stage out or set model.integrate."
        )
    if name == "select_lam":
        return Stage(name, num_steps=1)
    settings = config[name]
    steps_per_epoch = num_examples / max(settings.batch_size, 1)
    num_steps = max(1, math.ceil(settings.epochs * steps_per_epoch - 1e-9))
    modules = {
        "pretrain_global": ("global_net",),
        "pretrain_local": ("local_net",),
        "joint": ("global_net", "local_net", "integration") if integrate else ("global_net",),
    }[name]
    eta = settings.get("eta", 0.0)
    discriminator_optimizer = None
    if eta:
        discriminator_optimizer = _optimizer(
            settings, settings.discriminator_learning_rate, num_steps, steps_per_epoch
        )
    return Stage(
        name,
        num_steps=num_steps,
        batch_size=settings.batch_size,
        modules=modules,
        optimizer=_optimizer(settings, settings.learning_rate, num_steps, steps_per_epoch),
        eta=eta,
        discriminator_optimizer=discriminator_optimizer,
        patch_size=settings.get("patch_size"),
        affine=settings.rotate_and_scale
        and (config.augment.angle > 0 or config.augment.scale != (1.0, 1.0)),
    )


def _optimizer(
    settings: FrozenConfigDict, learning_rate: float, num_steps: int, steps_per_epoch: float
) -> optax.GradientTransformation:
    """Weight decay joins the gradient before the momentum, as in the paper's MatConvNet."""
    schedule = _schedule(settings, learning_rate, num_steps, steps_per_epoch)
    if settings.optimizer == "sgd":
        rule = optax.sgd(schedule, momentum=settings.momentum)
    elif settings.optimizer == "adam":
        rule = optax.adam(schedule, b1=settings.momentum)
    else:
        raise ConfigError(f"no optimizer {settings.optimizer!r}: choose sgd or adam.")
    chain = []
    if settings.clip_norm:
        chain.append(optax.clip_by_global_norm(settings.clip_norm))
    if settings.weight_decay:
        chain.append(optax.add_decayed_weights(settings.weight_decay, mask=_is("kernel")))
    chain.append(rule)
    factor = settings.get("lam_learning_rate_factor", 1.0)
    if factor != 1.0:
        chain.append(optax.masked(optax.scale(factor), _is("log_lam")))
    return optax.chain(*chain)


def _schedule(
    settings: FrozenConfigDict, peak: float, num_steps: int, steps_per_epoch: float
) -> optax.Schedule:
    warmup = min(settings.warmup_steps, num_steps - 1)
    if settings.schedule == "constant":
        rest = optax.constant_schedule(peak)
    elif settings.schedule == "cosine":
        rest = optax.cosine_decay_schedule(peak, num_steps - warmup)
    elif settings.schedule == "step":
        every = max(1, round(settings.decay_epochs * steps_per_epoch))
        rest = optax.exponential_decay(peak, every, settings.decay_rate, staircase=True)
    else:
        raise ConfigError(f"no schedule {settings.schedule!r}: choose constant, cosine or step.")
    if not warmup:
        return rest
    return optax.join_schedules([optax.linear_schedule(0.0, peak, warmup), rest], [warmup])


def _is(name: str):
    """A mask over parameters: those called `name`."""
    return lambda params: path_aware_map(lambda path, _: path[-1] == name, params)


def _dtype(name: str) -> jnp.dtype:
    if name not in _DTYPES:
        raise ConfigError(f"model.dtype must be one of {', '.join(_DTYPES)}, got {name!r}.")
    return _DTYPES[name]
