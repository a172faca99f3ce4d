"""A small depth model of your own pairs, trained in minutes on two CPU cores.

The dataset is prepared once, under a NAME of your choice (`python -m jaxdepth.data` says more):

    python -m jaxdepth.data prepare NAME --source=DIR --image='{split}/rgb/{name}.jpg' \\
        --depth='{split}/depth/{name}.png' --depth_scale=1000
    python train.py --config=configs/folder.py:NAME

73 photographs of rooms took three and a half minutes of CPU time; on 29 others δ1 0.43 and abs rel
0.30 (mean training depth: 0.40 and 0.32).

The run is runs/NAME, by the networks and stages of configs/rooms.py. A tenth of the training split
validates, its last images, where the dataset has no validation split; where it has no test split,
`python evaluate.py --workdir=runs/NAME --split=validation` scores.

Weights start from random ones, or from those of a finished run:

    python train.py --config=configs/folder.py:NAME --config.init_from=runs/rooms

An epoch is once through your images: `--config.pretrain_global.epochs=N`, likewise
`pretrain_local` and `joint`, for more or fewer. Images of another shape than 2:3 keep all of their
content, squeezed; `--config.data.image_size="(HEIGHT,WIDTH)"` has another size (multiples of 32
cost least). Depth far from 2.5 m is learnt sooner from `--config.model.initial_depth=METRES`.
"""

from ml_collections import ConfigDict

from jaxdepth.errors import ConfigError
from jaxdepth.experiment import default_config

ADAM = {
    "optimizer": "adam",
    "learning_rate": 2e-3,
    "schedule": "cosine",
    "warmup_steps": 20,
    "weight_decay": 0.0,
}


def get_config(name: str = "") -> ConfigDict:
    if not name:
        raise ConfigError(
            "configs/folder.py needs the name of a prepared dataset: --config=configs/folder.py:"
            "NAME (python -m jaxdepth.data says how to prepare one)."
        )
    config = default_config()
    config.name = name
    config.data.update(dataset=name, image_size=(64, 96), validation_fraction=0.1)
    # As in configs/rooms.py, whose runs it can start from.
    config.model.update(
        width=0.25,
        batch_norm=True,
        local_width=0.25,
        discriminator_width=0.25,
        boundary="neumann",
    )
    config.stages = ("pretrain_global", "pretrain_local", "select_lam", "joint")
    config.pretrain_global.update(ADAM, epochs=40.0)
    config.pretrain_local.update(ADAM, epochs=20.0, patch_size=(32, 48))
    config.joint.update(
        ADAM,
        epochs=10.0,
        learning_rate=1e-3,
        discriminator_learning_rate=2e-4,
        lam_learning_rate_factor=10.0,
    )
    config.evaluation.max_depth = 0.0  # no end to what counts: your own depth may be of a street
    return config
