"""The deep variational model on KITTI, as Kim et al. 2018 train it (§III.D, §IV.D).

    python -m jaxdepth.data prepare kitti --source=DIR --lists=LISTS --depth=stereo
    python -m jaxdepth.data prepare kitti --source=DIR --lists=LISTS --depth=camera_z
    python train.py --config=configs/kitti.py --config.model.base_weights=vgg16.safetensors
    python evaluate.py --workdir=runs/kitti --protocol=kitti/kim2018

Images of 192×512, batches of 8, 10 epochs jointly, no adversarial loss, on dense depth from stereo
pairs; the test is the scanner's depth in the Eigen split. Takes a day or more on an accelerator.
Variants: `full` (the default), `global_only` and `no_joint`. The paper's scores (697 test images):
abs rel 0.177, RMS(lin) 6.57, RMS(log) 0.254.

Where this differs from the paper: its stereo depth is of MC-CNN with cost-volume filtering, here of
semi-global matching alone; it has 33,000 training images, of which the list here has 23,158, and 1
% of them validate. What it leaves open: how long it pre-trains (10 epochs, as jointly), how it
augments (as on Make3D, §IV.C), which region and range it scores (the protocol's note says what is
taken; other protocols are of other ground truth, `--split=kitti/velodyne_x/test` once that is
prepared). The first prediction is 15 m everywhere, because a street is far from the 2.5 m of a
room. `--config.data.variant=camera_z` trains on the scanner's depth instead: a measurement there
seldom has a neighbour, and then the gradients have nothing to learn from.
"""

from ml_collections import ConfigDict

from jaxdepth.experiment import ABLATIONS, choose_variants, default_config


def get_config(variant: str = "full") -> ConfigDict:
    config = default_config()
    config.name = "kitti"
    config.data.update(
        dataset="kitti",
        variant="stereo",
        test_split="kitti/camera_z/test",
        validation_fraction=0.01,
        image_size=(192, 512),
        num_workers=8,
    )
    config.augment.update(brightness=(0.0, 0.0), contrast=(1.0, 1.0))
    config.model.initial_depth = 15.0
    for stage in ("pretrain_global", "pretrain_local", "joint"):
        config[stage].batch_size = 8
    config.joint.eta = 0.0
    config.evaluation.max_depth = 80.0
    config.checkpoint_every = 1000
    return choose_variants(
        variant, {name: ABLATIONS[name] for name in ("full", "global_only", "no_joint")}, config
    )
