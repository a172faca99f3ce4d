"""Every key that a config has, with its default: config files state only what differs."""

from ml_collections import ConfigDict

STAGES = {
    "deep_variational": ("pretrain_global", "pretrain_local", "select_lam", "joint"),
    "two_stream": (
        "depth_coarse",
        "depth_refinement",
        "gradient_coarse",
        "gradient_refinement",
        "combination",
        "finetune",
    ),
}
"""The stages there are for each system, in its paper's order."""


def default_config() -> ConfigDict:
    """Both models with their papers' constants, the deep variational one chosen.

    Data and durations are left open.
    """
    return ConfigDict(
        {
            "name": "",  # the run's folder under runs/
            "seed": 0,
            "init_from": "",  # folder of a finished run whose weights training starts from
            "data": {
                "dataset": "rooms",
                "variant": "",  # the dataset's builder config
                "depth": "depth",  # which of the dataset's depth maps
                "data_dir": "",  # where tfds keeps datasets; "" for its default
                "train_split": "train",
                "validation_split": "validation",
                "test_split": "test",  # each also DATASET/SPLIT or DATASET/VARIANT/SPLIT
                # of train_split, from its end, where the dataset has no validation_split
                "validation_fraction": 0.0,
                "image_size": (256, 320),  # height, width of the model's input
                "frame_size": (),  # of the image whose middle that is; () if it is all of it
                # of the depth maps that training samples: the dataset's own, so that they are
                # resampled once; () to resize them as the images before augmentation
                "depth_size": (),
                "max_depth": 0.0,  # metres; training takes no depth beyond it; 0 for all
                "num_threads": 4,  # that read and decode
                "num_workers": 0,  # processes that do so instead, for large images
            },
            # §IV.C, with brightness and contrast besides; ranges are uniform, and one whose ends
            # are equal, or 0, switches a transform off.
            "augment": {
                "flip": 0.5,  # probability
                "color": (0.8, 1.2),  # multiplies each channel
                "brightness": (-0.1, 0.1),  # added to images in [0, 1]
                "contrast": (0.9, 1.1),  # multiplies differences from the mean
                "angle": 5.0,  # degrees to either side
                "scale": (1.0, 1.5),  # depth is divided by it
                "shift": 0.0,  # pixels to either side
            },
            # What is made of each training image: see jaxdepth.augment.sample_image_set. The
            # two-stream paper's set is ("original", "flip", "color").
            "image_set": ("random",),
            "set_weight": 1.0,  # λ of the set loss, where a set has several images
            "model": {
                "system": "deep_variational",  # or two_stream
                "base": "vgg16",  # or vgg19, resnet50
                "base_weights": "",  # file of pretrained weights; "" for random ones
                "convention": "torch",  # whose weights they are: torch or keras
                "frozen_norm": False,  # the base network keeps its running statistics
                "width": 1.0,  # of the base network and, in deep_variational, its decoder
                "batch_norm": False,  # there
                "initial_depth": 2.5,  # metres
                "dtype": "float32",  # or bfloat16; parameters and solves stay float32
                # deep_variational
                "integrate": True,  # False: the global network alone
                "gradient_net": "local",  # or global: an encoder-decoder for gradients too
                "local_width": 1.0,
                "initial_lam": 0.01,
                "beta": 10.0,
                "num_iters": 10,
                "boundary": "periodic",
                "penalty": "anisotropic",  # or isotropic, huber, squared; of ∇u − g
                "delta": 0.01,  # of the Huber penalty, metres per pixel
                "relaxation": 1.0,  # of the iterations
                "confidence": False,  # True: a network weighs the gradients
                "discriminator_width": 1.0,
                # two_stream
                "block_width": 1.0,  # of all blocks' 9×9 and 5×5 convolutions
                "hidden": 4096,  # units of the fully connected layer
                "dropout": 0.5,
                "omega": 10.0,  # ω of fusion by optimisation
                "frame_scale": 2.0,  # maps are brought to so many times the frame and filled there
            },
            "stages": ("pretrain_global", "pretrain_local", "joint"),
            "pretrain_global": _stage(),
            "pretrain_local": {
                **_stage(),
                "rotate_and_scale": False,  # patches are only flipped and recoloured
                "patch_size": (64, 64),
            },
            "select_lam": {  # λ with the lowest RMS(lin) on validation images (Table II, w/o JT)
                "candidates": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0),
                "num_examples": 200,
            },
            "joint": {
                **_stage(learning_rate=1e-3, schedule="step"),
                "eta": 1e-3,  # weight of the adversarial loss; 0 for none
                "lam_learning_rate_factor": 1.0,
                "discriminator_learning_rate": 1e-3,
            },
            **{stage: _stage() for stage in STAGES["two_stream"]},
            "evaluation": {
                "crop": "",  # "top:bottom,left:right" of the ground truth
                "average": "pixels",  # or images
                "min_depth": 1e-3,  # metres
                "max_depth": 10.0,
                "batch_size": 16,
                "mirrored": False,  # predictions are averaged with those of mirrored images
                "mean_examples": 2000,  # training images in the mean depth map
                "every": 0,  # steps between validations; 0: at the end of each stage only
            },
            "log_every": 10,  # steps
            "checkpoint_every": 200,  # steps
        }
    )


def _stage(learning_rate: float = 1e-4, schedule: str = "constant") -> dict:
    """A gradient stage: §III.D's optimiser."""
    return {
        "epochs": 10.0,
        "batch_size": 16,
        "optimizer": "sgd",  # or adam
        "learning_rate": learning_rate,
        "momentum": 0.9,
        "weight_decay": 5e-4,  # on kernels
        "rotate_and_scale": True,  # as `augment` says; False: only flips and colours
        "clip_norm": 0.0,  # of the gradient; 0 for none
        "clip_steps": 0,  # in how many first steps; 0 for all
        "schedule": schedule,  # constant, cosine (to zero) or step
        "warmup_steps": 0,
        "decay_epochs": 2.0,  # of "step": multiply by decay_rate every so many
        "decay_rate": 0.5,
    }
