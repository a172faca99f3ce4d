"""Depth models on NYU Depth v2, at the size and by the schedule of their papers.

Reads the dataset `nyu_depth_v2` of tensorflow-datasets, prepared as array_record, or by one more
variant what `python -m jaxdepth.data prepare` made: `labeled` reads `nyu_labeled`, `bts` reads
`nyu_bts`, and `raw` reads `nyu_raw` in the papers' numbers of frames and tests on `nyu_labeled`.
Takes hours to days on an accelerator. The papers start from ImageNet weights, which are named on
the command line (README, "Pretrained weights"); without them, the base networks are random.

    python train.py --config=configs/nyu.py --config.model.base_weights=vgg16.safetensors

The deep variational model as Kim et al. 2018 train it (§III.D, §IV.A): 256×320 images, batches of
16; both networks pre-trained at a constant 1e-4 with momentum 0.9, then 10 epochs jointly by SGD
from 1e-3, halved every 2 epochs; weight decay 5e-4. Variants: `full` (the default) and the paper's
ablation (Table II) `global_only`, `global_adversarial`, `no_joint`, `no_adversarial`.

Where this differs from the paper: it has 120,000 training images, of which this dataset has 47,584
(`raw` has all, after `prepare nyu_raw --frames=120000`); it does not say how long it pre-trains (10
epochs here, as jointly) nor how it augments on this dataset (as on Make3D here, §IV.C, with
brightness and contrast besides). Its losses are written as sums over an image's pixels; here they
are means, to which the learning rates and η are applied as they are printed. Its scores (filled
depth, valid projection area, 654 test images): δ1 0.825, abs rel 0.117, RMS(lin) 0.525.

    python train.py --config=configs/nyu.py:two_stream --config.model.base_weights=vgg16.safetensors

The two-stream model as Li et al. 2017 train it (§3.4, §4.1, §4.4): the middle 232×310 of 240×320
images, one image set {I, flip(I), colour(I)} a step, λ = 1, gradients clipped in a stage's first
20,000 steps. `two_stream_single` is the same with λ = 0.

Where this differs from the paper: it has 220,000 training images (`two_stream,raw` has all, after
`prepare nyu_raw --frames=220000`), so stages last as many steps as its epochs on any of these
datasets (0.6 M for depth, a third of that for gradients); learning rates, weight decay and the
clipping norm are in its supplement, which is not available, and are ours; 1 % of the images are
kept for validation. Its scores with VGG-16, fusion by optimisation (valid projection area, 654 test
images): δ1 0.789, rel 0.152, rms 0.611.
"""

from ml_collections import ConfigDict

from jaxdepth.experiment import ABLATIONS, STAGES, choose_variants, default_config

IMAGES = {"nyu_depth_v2": 47_584, "nyu_labeled": 795, "nyu_bts": 24_231, "nyu_raw": 220_000}
"""In the training splits; of the raw dump as many as Li et al. 2017 take (§4.1)."""


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
    config.data.depth_size = (480, 640)  # the dataset's own: sampled once, by the augmentation
    config.pretrain_local.patch_size = (64, 64)
    config.evaluation.crop = "44:471,40:601"
    config.checkpoint_every = 1000
    variants = {
        **ABLATIONS,
        "two_stream": _two_stream,
        "two_stream_single": _two_stream_single,
        "labeled": _labeled,
        "bts": _bts,
        "raw": _raw,
    }
    config = choose_variants(variant, variants, config)
    two_stream = config.model.system == "two_stream"
    if config.data.dataset == "nyu_raw":
        config.data.variant = "220000" if two_stream else "120000"
    if two_stream:
        for stage in config.stages:
            config[stage].epochs *= IMAGES["nyu_depth_v2"] / IMAGES[config.data.dataset]
    return config


def _labeled(config: ConfigDict) -> None:
    config.data.update(dataset="nyu_labeled", test_split="test")


def _bts(config: ConfigDict) -> None:
    config.data.update(dataset="nyu_bts", test_split="test")


def _raw(config: ConfigDict) -> None:
    config.data.update(dataset="nyu_raw", test_split="nyu_labeled/test")


def _two_stream(config: ConfigDict) -> None:
    config.model.system = "two_stream"
    config.data.update(image_size=(232, 310), frame_size=(240, 320))
    config.augment.update(angle=0.0, scale=(1.0, 1.0))
    config.image_set = ("original", "flip", "color")
    config.stages = STAGES["two_stream"]
    epochs = (13.0, 6.5, 4.5, 2.25, 2.25, 2.25)
    for stage, count in zip(config.stages, epochs, strict=True):
        config[stage].update(epochs=count, batch_size=1, learning_rate=1e-3)
        config[stage].update(clip_norm=1.0, clip_steps=20_000)
    config.finetune.learning_rate = 1e-4


def _two_stream_single(config: ConfigDict) -> None:
    _two_stream(config)
    config.set_weight = 0.0
