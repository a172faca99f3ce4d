"""A config's stages of training: what each trains, on which maps, by which optimiser."""

import math
from typing import NamedTuple

import optax
from flax.traverse_util import path_aware_map
from ml_collections import FrozenConfigDict

from jaxdepth.errors import ConfigError
from jaxdepth.experiment.defaults import STAGES
from jaxdepth.models import two_stream


class Stage(NamedTuple):
    """One stage of training.

    Attributes:
        name: one of `jaxdepth.experiment.STAGES`.
        num_steps: updates; 1 for `select_lam`, which is not iterative.
        batch_size: examples an update, over all devices; an image set is made of each.
        modules: the model's trainable parts, as paths of parameters; all others stay as they are.
        optimizer: for them.
        map_size: (height, width) of the maps that the loss compares.
        pitch: pixels of the image per pixel of such a map.
        set_weight: λ of the set loss.
        copies: (from, to) paths of parameters that are copied when the stage begins.
        eta: weight η of the adversarial loss; 0 for none.
        discriminator_optimizer: None where eta is 0.
        patch: whether `map_size` is of random patches of the images.
        affine: whether augmentation rotates, scales and shifts.
    """

    name: str
    num_steps: int
    batch_size: int = 0
    modules: tuple[str, ...] = ()
    optimizer: optax.GradientTransformation | None = None
    map_size: tuple[int, int] = (0, 0)
    pitch: float = 1.0
    set_weight: float = 0.0
    copies: tuple[tuple[str, str], ...] = ()
    eta: float = 0.0
    discriminator_optimizer: optax.GradientTransformation | None = None
    patch: bool = False
    affine: bool = True


_MODULES = {
    "pretrain_global": ("global_net",),
    "pretrain_local": ("local_net",),
    "joint": ("global_net", "local_net", "integration"),
    "depth_coarse": ("streams/depth_coarse",),
    "depth_refinement": ("streams/depth_refinement",),
    "gradient_coarse": ("streams/gradient_coarse",),
    "gradient_refinement": ("streams/gradient_refinement",),
    "combination": ("combination",),
    "finetune": ("finetuned", "combination"),
}


def build_stages(config: FrozenConfigDict, num_examples: int) -> tuple[Stage, ...]:
    """The stages of a config, for a training set of `num_examples` images.

    Raises:
        ConfigError: a stage, optimiser or schedule that does not exist or does not fit the model.
    """
    check_stages(config)
    return tuple(_build_stage(config, name, num_examples) for name in config.stages)


def check_stages(config: FrozenConfigDict) -> None:
    """Raises ConfigError unless the stages are the system's, in its order and once each."""
    known = STAGES[config.model.system]
    for name in config.stages:
        if name not in known:
            raise ConfigError(
                f"{config.model.system} has no stage {name!r}: its stages are {', '.join(known)}."
            )
    if [name for name in known if name in config.stages] != list(config.stages):
        raise ConfigError(
            f"stages must be in this order, once each: {', '.join(known)}, got "
            f"{tuple(config.stages)!r}: set it by --config.stages=VALUE."
        )


def moves(config: FrozenConfigDict) -> bool:
    """Whether augmentation can rotate, scale or shift."""
    a = config.augment
    return a.angle > 0 or a.scale != (1.0, 1.0) or a.shift > 0


def _build_stage(config: FrozenConfigDict, name: str, num_examples: int) -> Stage:
    integrate = config.model.integrate
    if name in ("pretrain_local", "select_lam") and not integrate:
        raise ConfigError(
            f"stage {name!r} needs a local network, but model.integrate is False: "
            "leave the stage out or set model.integrate."
        )
    if name == "select_lam":
        return Stage(name, num_steps=1)
    settings = config[name]
    steps_per_epoch = num_examples / settings.batch_size
    num_steps = max(1, math.ceil(settings.epochs * steps_per_epoch - 1e-9))
    modules = _MODULES[name]
    if name == "joint" and not integrate:
        modules = ("global_net",)
    elif name == "joint" and config.model.confidence:
        modules += ("confidence",)
    eta = settings.get("eta", 0.0)
    discriminator_optimizer = None
    if eta:
        discriminator_optimizer = _optimizer(
            settings, settings.discriminator_learning_rate, num_steps, steps_per_epoch
        )
    map_size, pitch = _map(config, name)
    finetunes = "finetune" in config.stages and name in ("combination", "finetune")
    return Stage(
        name,
        num_steps=num_steps,
        batch_size=settings.batch_size,
        modules=modules,
        optimizer=_optimizer(settings, settings.learning_rate, num_steps, steps_per_epoch),
        map_size=map_size,
        pitch=pitch,
        set_weight=config.set_weight,
        # The combination block predicts from the copy: it is there as soon as that is trained.
        copies=(("streams", "finetuned"),) if finetunes else (),
        eta=eta,
        discriminator_optimizer=discriminator_optimizer,
        patch=bool(settings.get("patch_size")),
        affine=settings.rotate_and_scale
        and moves(config)
        and not {"affine", "random"}.isdisjoint(config.image_set),
    )


def _map(config: FrozenConfigDict, name: str) -> tuple[tuple[int, int], float]:
    """Size and pitch of the maps that a stage's loss compares."""
    image_size = tuple(config.data.image_size)
    if config.model.system == "deep_variational":
        return tuple(config[name].get("patch_size") or image_size), 1.0
    if name in ("depth_coarse", "gradient_coarse"):
        return two_stream.coarse_size(image_size), two_stream.COARSE_PITCH
    return two_stream.fine_size(image_size), two_stream.FINE_PITCH


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
        clip = optax.clip_by_global_norm(settings.clip_norm)
        if settings.clip_steps:
            clip = optax.conditionally_transform(clip, lambda step: step < settings.clip_steps)
        chain.append(clip)
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
