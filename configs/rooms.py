"""The deep variational model on rendered rooms, small enough for two CPU cores.

    python train.py --config=configs/rooms.py

Five minutes on two cores, rendering included; on the 200 test rooms δ1 0.806 and abs rel 0.159
(mean training depth: 0.453 and 0.378). With `:long`, 43 minutes: 0.925 and 0.088.

Variants, joined by commas (`--config=configs/rooms.py:long,global_only`): `full` (the default) and
the paper's ablation (Table II) `global_only`, `global_adversarial`, `no_joint`, `no_adversarial`;
`long` trains on five times the scenes for longer.
"""

from ml_collections import ConfigDict

from jaxdepth.experiment import ABLATIONS, choose_variants, default_config


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
    adam = {
        "optimizer": "adam",
        "learning_rate": 2e-3,
        "schedule": "cosine",
        "warmup_steps": 20,
        "weight_decay": 0.0,
    }
    config.pretrain_global.update(adam, epochs=4.0)
    config.pretrain_local.update(adam, epochs=2.0, patch_size=(32, 48))
    config.joint.update(
        adam,
        epochs=1.0,
        learning_rate=1e-3,
        discriminator_learning_rate=2e-4,
        lam_learning_rate_factor=10.0,
    )
    return choose_variants(variant, {**ABLATIONS, "long": _long}, config)


def _long(config: ConfigDict) -> None:
    config.data.variant = "96x128_10000_200_200"
    config.pretrain_global.epochs = 9.0
    config.pretrain_local.epochs = 1.5
    config.joint.update(epochs=2.0, learning_rate=5e-4)
