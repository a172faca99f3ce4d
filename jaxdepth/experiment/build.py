"""A config's models, augmentation, data and protocol."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

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


class SplitName(NamedTuple):
    """A split of a dataset, of one of its variants."""

    dataset: str
    variant: str
    split: str


def split_name(config: FrozenConfigDict, split: str) -> SplitName:
    """Which data a config's "train", "validation" or "test" is, or a name of tfds' own."""
    d = config.data
    named = {"train": d.train_split, "validation": d.validation_split, "test": d.test_split}
    *other, own = named.get(split, split).split("/")
    if not other:
        return SplitName(d.dataset, d.variant, own)
    return SplitName(other[0], "/".join(other[1:]), own)


def build_source(config: FrozenConfigDict, split: str, *, training: bool = False) -> Source:
    """The data of a config.

    Args:
        config: resolved.
        split: "train", "validation" or "test", or tfds' own name of one.
        training: whether it is to be learnt from: without depth beyond `data.max_depth`.

    Raises:
        ConfigError, DataError: as `jaxdepth.data.sources.open_source`; or the training split is too
            small to be divided by `data.validation_fraction`.
    """
    d = config.data
    chosen = split_name(config, split)
    if d.validation_fraction and split in ("train", "validation"):
        chosen = _divide_train(config, split) or chosen
    return open_source(
        chosen.dataset,
        chosen.split,
        variant=chosen.variant,
        depth=d.depth,
        data_dir=d.data_dir or None,
        max_depth=d.max_depth if training else None,
    )


def _divide_train(config: FrozenConfigDict, part: str) -> SplitName | None:
    """A part of the training split, where the dataset has no other split to validate on."""
    train, validation = (split_name(config, split) for split in ("train", "validation"))
    if validation[:2] != train[:2]:
        return None
    data_dir = config.data.data_dir or None
    splits = open_builder(train.dataset, variant=train.variant, data_dir=data_dir).info.splits
    if validation.split.partition("[")[0] in splits or train.split not in splits:
        return None
    count = splits[train.split].num_examples
    held_out = max(1, round(count * config.data.validation_fraction))
    if held_out >= count:
        raise DataError(
            f"{train.dataset}/{train.split} must have images to train and to validate on, got "
            f"{count}: prepare more, or name a split by --config.data.validation_split=SPLIT."
        )
    chosen = {"train": f"[:-{held_out}]", "validation": f"[-{held_out}:]"}[part]
    return train._replace(split=train.split + chosen)


def build_protocol(config: FrozenConfigDict) -> Protocol:
    """How a config scores."""
    e = config.evaluation
    crop = parse_crop(e.crop) if e.crop else None
    return Protocol(
        crop=crop,
        average=e.average,
        min_depth=e.min_depth,
        max_depth=e.max_depth or None,
        resize=True,  # where depth maps are of another size than their images
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
