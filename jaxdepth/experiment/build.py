"""A config's models, augmentation, data and protocol."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from ml_collections import FrozenConfigDict

from jaxdepth.augment import AugmentParams, sample_image_set, sample_params
from jaxdepth.data.sources import Source, open_builder, open_source
from jaxdepth.errors import ConfigError, DataError
from jaxdepth.evaluation import Protocol, parse_crop
from jaxdepth.models import (
    DeepVariational,
    Discriminator,
    GlobalNet,
    GradientConfidence,
    IntegrationLayer,
    LocalNet,
    TwoStream,
    make_two_stream,
)
from jaxdepth.models.base import BASES, CONVENTIONS

_DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16}


def build_model(
    config: FrozenConfigDict, *, axis_name: str | None = None
) -> DeepVariational | TwoStream:
    """The model that a config describes; batch statistics are averaged over `axis_name`.

    Raises:
        ConfigError: a setting of the model names nothing that there is.
    """
    m = config.model
    builders = {"deep_variational": _deep_variational, "two_stream": _two_stream}
    if m.system not in builders:
        raise ConfigError(f"model.system must be one of {', '.join(builders)}, got {m.system!r}.")
    if m.base not in BASES:
        raise ConfigError(f"model.base must be one of {', '.join(BASES)}, got {m.base!r}.")
    if m.convention not in CONVENTIONS:
        raise ConfigError(
            f"model.convention must be one of {', '.join(CONVENTIONS)}, got {m.convention!r}."
        )
    shared = {"dtype": _dtype(m.dtype), "axis_name": axis_name}
    base = {"base": m.base, "convention": m.convention, "frozen_norm": m.frozen_norm}
    return builders[m.system](config, base, shared)


def _deep_variational(config: FrozenConfigDict, base: dict, shared: dict) -> DeepVariational:
    m = config.model
    encoder_decoder = partial(GlobalNet, m.width, batch_norm=m.batch_norm, **base, **shared)
    global_net = encoder_decoder(initial_depth=m.initial_depth)
    if not m.integrate:
        return DeepVariational(global_net)
    integration = IntegrationLayer(
        initial_lam=m.initial_lam,
        beta=m.beta,
        num_iters=m.num_iters,
        boundary=m.boundary,
        penalty=m.penalty,
        delta=m.delta,
        relaxation=m.relaxation,
    )
    if m.gradient_net == "local":
        gradient_net = LocalNet(m.local_width, **shared)
    elif m.gradient_net == "global":
        gradient_net = encoder_decoder(initial_depth=0.0, channels=2)
    else:
        raise ConfigError(f"model.gradient_net must be local or global, got {m.gradient_net!r}.")
    confidence = GradientConfidence() if m.confidence else None
    return DeepVariational(global_net, gradient_net, integration, confidence)


def _two_stream(config: FrozenConfigDict, base: dict, shared: dict) -> TwoStream:
    m = config.model
    return make_two_stream(
        initial_depth=m.initial_depth,
        base_width=m.width,
        width=m.block_width,
        hidden=m.hidden,
        dropout=m.dropout,
        batch_norm=m.batch_norm,
        finetune="finetune" in config.stages,
        **base,
        **shared,
    )


def build_discriminator(config: FrozenConfigDict, *, axis_name: str | None = None) -> Discriminator:
    """The classifier of the adversarial loss that a config describes."""
    m = config.model
    return Discriminator(m.discriminator_width, dtype=_dtype(m.dtype), axis_name=axis_name)


def build_source(config: FrozenConfigDict, split: str) -> Source:
    """The data of a config: split is "train", "validation" or "test", or tfds' own name of one.

    Raises:
        ConfigError, DataError: as `jaxdepth.data.sources.open_source`; or the training split is too
            small to be divided by `data.validation_fraction`.
    """
    d = config.data
    where = {"variant": d.variant, "data_dir": d.data_dir or None}
    named = {"train": d.train_split, "validation": d.validation_split, "test": d.test_split}
    if d.validation_fraction and split in ("train", "validation"):
        named |= _divide_train(config, open_builder(d.dataset, **where).info.splits)
    return open_source(d.dataset, named.get(split, split), depth=d.depth, **where)


def _divide_train(config: FrozenConfigDict, splits: Mapping[str, Any]) -> dict[str, str]:
    """The two parts of the training split, where the dataset has no other to validate on."""
    d = config.data
    if d.validation_split.partition("[")[0] in splits or d.train_split not in splits:
        return {}
    count = splits[d.train_split].num_examples
    held_out = max(1, round(count * d.validation_fraction))
    if held_out >= count:
        raise DataError(
            f"{d.dataset}/{d.train_split} must have images to train and to validate on, got "
            f"{count}: prepare more, or name a split by --config.data.validation_split=SPLIT."
        )
    return {
        "train": f"{d.train_split}[:-{held_out}]",
        "validation": f"{d.train_split}[-{held_out}:]",
    }


def build_protocol(config: FrozenConfigDict) -> Protocol:
    """How a config scores."""
    e = config.evaluation
    crop = parse_crop(e.crop) if e.crop else None
    return Protocol(
        crop=crop,
        average=e.average,
        min_depth=e.min_depth,
        max_depth=e.max_depth or None,
        mirrored=e.mirrored,
    )


def build_augmentation(
    config: FrozenConfigDict, *, affine: bool = True
) -> Callable[[jax.Array], AugmentParams]:
    """What draws the transforms of one image set from a key, as a config says.

    Without `affine`, none rotates, scales or shifts.
    """
    off = {} if affine else {"angle": None, "scale": None, "shift": None}
    sample = partial(sample_params, **{**config.augment, **off})
    return partial(sample_image_set, transforms=tuple(config.image_set), sample=sample)


def _dtype(name: str) -> jnp.dtype:
    if name not in _DTYPES:
        raise ConfigError(f"model.dtype must be one of {', '.join(_DTYPES)}, got {name!r}.")
    return _DTYPES[name]
