"""The deep variational model on NYU Depth v2, as Kim et al. 2018 train it (§III.D, §IV.A).

    python train.py --config=configs/nyu.py

256×320 images, batches of 16; both networks pre-trained at a constant 1e-4 with momentum 0.9, then
10 epochs jointly by SGD from 1e-3, halved every 2 epochs; weight decay 5e-4. Reads the dataset
`nyu_depth_v2` of tensorflow-datasets, prepared as array_record. Takes hours on an accelerator.

Variants: `full` (the default) and the paper's ablation (Table II) `global_only`,
`global_adversarial`, `no_joint`, `no_adversarial`.

Where this differs from the paper: it starts the encoder from ImageNet weights and has 120,000
training images, of which this dataset has 47,584; it does not say how long it pre-trains (10 epochs
here, as jointly) nor how it augments on this dataset (as on Make3D here, §IV.C, with brightness and
contrast besides). Its losses are written as sums over an image's pixels; here they are means, to
which the learning rates and η are applied as they are printed.

Its scores (filled depth, valid projection area, 654 test images): δ1 0.825, abs rel 0.117, RMS(lin)
0.525.
"""

from ml_collections import ConfigDict

from jaxdepth.experiment import ABLATIONS, choose_variants, default_config


def get_config(variant: str = "full") -> ConfigDict:
    config = default_config()
    config.name = "nyu"
    config.data.update(
        dataset="nyu_depth_v2",
        train_split="train[:-1%]",
        validation_split="train[-1%:]",
        test_split="validation",  # the 654 test images, as tensorflow-datasets calls them
        num_workers=8,
    )
    config.pretrain_local.patch_size = (64, 64)
    config.evaluation.crop = "44:471,40:601"
    config.checkpoint_every = 1000
    return choose_variants(variant, ABLATIONS, config)
