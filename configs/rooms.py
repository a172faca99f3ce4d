"""Depth models on rendered rooms, small enough for two CPU cores.

    python train.py --config=configs/rooms.py

Five minutes on two cores, rendering included; on the 200 test rooms δ1 0.80 and abs rel 0.16
(mean training depth: 0.453 and 0.378). With `:long`, 43 minutes: 0.925 and 0.088. `:two_stream`,
eight minutes: 0.64 and 0.23.

Variants, joined by commas (`--config=configs/rooms.py:long,global_only`):

- the deep variational model: `full` (the default) and the paper's ablation (Table II)
  `global_only`, `global_adversarial`, `no_joint`, `no_adversarial`; `set_loss` trains it with the
  two-stream paper's set loss;
- the two-stream model: `two_stream`, and `two_stream_single` with the single-image loss;
- `best`, of both papers' parts the combination that did best here (0.805 and 0.161);
- `long` trains on five times the scenes for longer.
"""

from ml_collections import ConfigDict

from jaxdepth.experiment import ABLATIONS, STAGES, choose_variants, default_config

ADAM = {
    "optimizer": "adam",
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "warmup_steps": 20,
    "weight_decay": 0.0,
}


PAPER_SET = ("original", "flip", "color")
"""Li et al. 2017, §4.4."""


def get_config(variant: str = "full") -> ConfigDict:
    config = default_config()
    config.name = "rooms"
    config.data.update(dataset="rooms", variant="96x128", image_size=(64, 96))
    config.augment.update(angle=0.0, scale=(1.0, 1.0))  # there is no lack of scenes
    # No pretrained weights: normalisation instead. On images this small, λ = 0.01 would leave all
    # but the mean to the gradients, and a periodic border is a false edge along each side.
    config.model.update(
        width=0.25,
        batch_norm=True,
        local_width=0.25,
        discriminator_width=0.25,
        boundary="neumann",
    )
    config.stages = ("pretrain_global", "pretrain_local", "select_lam", "joint")
    config.pretrain_global.update(ADAM, epochs=4.0)
    config.pretrain_local.update(ADAM, epochs=2.0, patch_size=(32, 48))
    config.joint.update(
        ADAM,
        epochs=1.0,
        learning_rate=1e-3,
        discriminator_learning_rate=2e-4,
        lam_learning_rate_factor=10.0,
    )
    variants = {
        **ABLATIONS,
        "set_loss": _set_loss,
        "best": _best,
        "two_stream": _two_stream,
        "two_stream_single": _two_stream_single,
        "long": _long,
    }
    return choose_variants(variant, variants, config)


def _set_loss(config: ConfigDict) -> None:
    """As many steps as without, on 6 sets of 3 images instead of 16 images."""
    config.image_set = PAPER_SET
    for stage in ("pretrain_global", "pretrain_local", "joint"):
        config[stage].batch_size = 6
        config[stage].epochs *= 6 / 16


def _best(config: ConfigDict) -> None:
    """Split-Bregman integration of a gradient stream that sees the whole image.

    The gradient network is an encoder-decoder, as the two-stream paper's is a full network;
    predictions are means over the set of the image and its mirror image.
    """
    config.model.gradient_net = "global"
    config.pretrain_local.patch_size = ()
    config.evaluation.mirrored = True


def _two_stream(config: ConfigDict) -> None:
    config.model.update(system="two_stream", block_width=0.25, hidden=512, frame_scale=1.0)
    config.data.depth_size = (96, 128)  # as rendered
    config.image_set = PAPER_SET
    config.stages = STAGES["two_stream"]
    for stage in config.stages:
        config[stage].update(ADAM, batch_size=4, learning_rate=1e-3)
    config.depth_coarse.epochs = 1.4
    config.depth_refinement.epochs = 0.4
    config.gradient_coarse.epochs = 0.7
    config.gradient_refinement.epochs = 0.3
    config.combination.epochs = 0.3
    config.finetune.update(epochs=0.2, learning_rate=5e-4)


def _two_stream_single(config: ConfigDict) -> None:
    _two_stream(config)
    config.set_weight = 0.0


def _long(config: ConfigDict) -> None:
    config.data.variant = "96x128_10000_200_200"
    config.pretrain_global.epochs *= 9 / 4
    config.pretrain_local.epochs *= 3 / 4
    config.joint.epochs *= 2
    config.joint.learning_rate = 5e-4
