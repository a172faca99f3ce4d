"""The deep variational model of an NYU run, fine-tuned on DIML (Kim et al. 2018, §IV.E).

    python evaluate.py --workdir=runs/nyu --protocol=diml/kim2018 --rgb=DIR --depth=DIR \\
        --depth_scale=1000
    python -m jaxdepth.data prepare diml --source=DIR --resolution=LR
    python train.py --config=configs/diml.py --config.init_from=runs/nyu
    python evaluate.py --workdir=runs/diml --protocol=diml/kim2018

Images of 192×384; joint training with both losses goes on from all weights of a finished run of
configs/nyu.py, λ included; hours on an accelerator. The paper's table (503 test images) is of the
NYU model without fine-tuning, as the first line scores it: abs rel 0.226, RMS(lin) 0.551, RMS(log)
0.215. Of the fine-tuned model it shows pictures only.

Where this differs from the paper: it has 150,000 training images, of which the sample release has
1,609. What it leaves open: epochs and rates (10 jointly from 1e-3, halved every 2 epochs, in
batches of 16, as on NYU; `--config.joint.learning_rate=1e-4` changes less) and how it augments (as
on Make3D, §IV.C). Of the training images the last 5 % validate.
"""

from ml_collections import ConfigDict

from jaxdepth.experiment import default_config


def get_config() -> ConfigDict:
    config = default_config()
    config.name = "diml"
    config.init_from = "runs/nyu"
    config.data.update(
        dataset="diml",
        variant="LR",
        validation_fraction=0.05,
        image_size=(192, 384),
        depth_size=(288, 512),  # the dataset's own: sampled once, by the augmentation
        num_workers=8,
    )
    config.augment.update(brightness=(0.0, 0.0), contrast=(1.0, 1.0))
    config.stages = ("joint",)
    config.checkpoint_every = 1000
    return config
