"""The deep variational model on Make3D, as Kim et al. 2018 train it (§III.D, §IV.C).

    python -m jaxdepth.data prepare make3d --source=DIR
    python train.py --config=configs/make3d.py --config.model.base_weights=vgg16.safetensors
    python evaluate.py --workdir=runs/make3d --protocol=make3d/kim2018-c1

Images of 256×192, rotated by up to 5°, scaled by 1 to 1.5 (depth divided by it), each channel
multiplied by 0.8 to 1.2, flipped; no depth beyond 70 m; 40 epochs of about 20,000 such samples,
which are 50 of each of the 400 training images and are drawn anew each time. Takes days on an
accelerator. Variants: `full` (the default) and the ablation `global_only`, `global_adversarial`,
`no_joint`, `no_adversarial`. The paper's scores (134 test images, ground truth below 70 m): abs rel
0.141, RMS(lin) 4.85, log10 0.058; without the adversarial loss 0.141, 4.87, 0.059.

What the paper leaves open: the batch size (16, as on NYU); how long it pre-trains (as long as
jointly); whether the rate that is halved every 2 epochs (§III.D) is so over all 40 of them, where
the last twenty would do nothing: here every 8, as often as in the 10 epochs on NYU. The first
prediction is 15 m everywhere, because an outdoor scene is far from the 2.5 m of a room. Of the
training images the last 5 % validate. A depth map is 55×305 cells over the whole image: training
looks up each pixel's cell, and scores are of the cells.
"""

from ml_collections import ConfigDict

from jaxdepth.experiment import ABLATIONS, choose_variants, default_config

SAMPLES = 50
"""Of each image in an epoch."""


def get_config(variant: str = "full") -> ConfigDict:
    config = default_config()
    config.name = "make3d"
    config.data.update(
        dataset="make3d",
        validation_fraction=0.05,
        image_size=(256, 192),
        depth_size=(55, 305),  # the laser's cells, looked up once, by the augmentation
        max_depth=70.0,
        num_workers=8,
    )
    config.augment.update(brightness=(0.0, 0.0), contrast=(1.0, 1.0))
    config.model.initial_depth = 15.0
    for stage in ("pretrain_global", "pretrain_local", "joint"):
        config[stage].epochs = 40.0 * SAMPLES
    config.joint.decay_epochs = 8.0 * SAMPLES
    config.evaluation.max_depth = 70.0
    config.checkpoint_every = 1000
    return choose_variants(variant, ABLATIONS, config)
