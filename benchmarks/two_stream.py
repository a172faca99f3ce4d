"""The two-stream model beside the same network in PyTorch: training steps and prediction.

    python benchmarks/two_stream.py [--size=full] [--repeats=5] [--no-torch]

needs jaxdepth and, unless --no-torch says otherwise, PyTorch (`pip install "jaxdepth[bench]"`).
Both have the same weights: before anything is timed, the predictions must agree to a thousandth of
a map's range, and so must the losses and gradient norms of the first steps of a stage, with the
same transforms and without dropout. Then they take turns, so that other work on the machine meets
both.

A training step begins with an image and its depth in the host's memory, makes the image set of
original, flip and colour, and ends when the parameters are updated; all in float32, without TF32.
In the stage depth_refinement everything but that block is frozen. A prediction is of both streams
and the combination block, back in the host's memory. The columns: median and least seconds, images
per second by the median (three in an image set), and the ratio of the medians, JAX's to PyTorch's.

On an accelerator PyTorch is left out if it cannot use it, and the peak of JAX's memory is printed.

At full size it takes 4 minutes and about 10 GB of memory on two quiet CPU cores; `--size=small`
checks the script in about a minute.
"""

import argparse
import importlib.util
import os
import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

# PyTorch's threads would wait by spinning and hold up JAX's turns, and on a shared machine each
# other. It is read when PyTorch is imported, which a dependency of jaxdepth does.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import jax
import numpy as np
from ml_collections import FrozenConfigDict

from jaxdepth.experiment import (
    Stage,
    build_augmentation,
    build_discriminator,
    build_model,
    build_stages,
    check_config,
    default_config,
    init_variables,
    to_float,
)
from jaxdepth.models import TwoStreamPrediction
from jaxdepth.training.parallel import AXIS, parallel_step, replicate, shard
from jaxdepth.training.state import begin_stage
from jaxdepth.training.steps import make_step

STAGES = ("depth_coarse", "depth_refinement")
TOLERANCE = 1e-3
CHECKED_STEPS = 3


class Size(NamedTuple):
    """Images are the middle of frames half as large as the depth maps."""

    image: tuple[int, int]
    frame: tuple[int, int]
    width: float
    hidden: int

    @property
    def depth(self) -> tuple[int, int]:
        return 2 * self.frame[0], 2 * self.frame[1]


SIZES = {
    "full": Size((232, 310), (240, 320), 1.0, 4096),
    "small": Size((72, 96), (80, 104), 0.25, 256),
}


def make_config(size: Size, *, dropout: float = 0.5) -> FrozenConfigDict:
    """The published model and training as far as they are known, at a size."""
    config = default_config()
    config.data.update(image_size=size.image, frame_size=size.frame, depth_size=size.depth)
    config.augment.update(angle=0.0, scale=(1.0, 1.0))
    config.image_set = ("original", "flip", "color")
    config.model.update(
        system="two_stream",
        width=size.width,
        block_width=size.width,
        hidden=size.hidden,
        dropout=dropout,
    )
    config.stages = STAGES
    for stage in STAGES:
        config[stage].update(batch_size=1, clip_norm=1.0, clip_steps=20_000)
    config = FrozenConfigDict(config)
    check_config(config, num_devices=1)
    return config


def make_example(size: Size, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A batch of one: image `[1, H, W, 3]` uint8 and depth `[1, H', W']` metres, 0 in holes."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (1, *size.image, 3), np.uint8)
    depth = rng.uniform(0.5, 9.5, (1, *size.depth)).astype(np.float32)
    return image, np.where(rng.random(depth.shape) < 0.1, np.float32(0), depth)


class JaxTrainer:
    """A stage of training by the library, from given variables."""

    def __init__(self, config: FrozenConfigDict, stage: Stage, variables: dict):
        self.stage = stage
        state = begin_stage(
            variables,
            stage,
            discriminator=build_discriminator(config),
            image_size=tuple(config.data.image_size),
            key=np.asarray(jax.random.key_data(jax.random.key(config.seed))),
            step=0,
        )
        self.state = replicate(jax.device_get(state))  # a copy of its own, to be donated
        self.update = self.make_update(config, build_augmentation(config))

    def make_update(self, config: FrozenConfigDict, sample_transforms: Callable) -> Callable:
        """The compiled step, with the dropout of a config."""
        return parallel_step(
            make_step(
                build_model(config, axis_name=AXIS),
                build_discriminator(config, axis_name=AXIS),
                self.stage,
                sample_transforms,
                frame_size=tuple(config.data.frame_size),
            )
        )

    def step(
        self, image: np.ndarray, depth: np.ndarray, update: Callable | None = None
    ) -> tuple[float, float]:
        """One update; returns the loss and the norm of its gradient."""
        self.state, metrics, _ = (update or self.update)(self.state, shard((image, depth)))
        jax.block_until_ready(self.state)
        return float(metrics["loss"]), float(metrics["gradient_norm"])


class TorchSide:
    """The same network in PyTorch, on the same kind of device."""

    def __init__(self, config: FrozenConfigDict, params: dict):
        import torch
        from torch_two_stream import Trainer, TwoStream

        self.torch, self.config, self.Trainer = torch, config, Trainer
        self.device = "cuda" if jax.default_backend() == "gpu" else "cpu"
        torch.manual_seed(config.seed)
        net = TwoStream(tuple(config.data.image_size), dict(config.model))
        net.copy_from(params)
        self.net = net.to(self.device, memory_format=torch.channels_last)

    def predict(self, image: np.ndarray) -> list[np.ndarray]:
        """Maps `[B, h, w, D]` of images `[B, H, W, 3]` uint8."""
        self.net.eval()
        with self.torch.inference_mode():
            image = self.torch.from_numpy(image).to(self.device).permute(0, 3, 1, 2).float() / 255
            return [maps.permute(0, 2, 3, 1).cpu().numpy() for maps in self.net(image)]

    def trainer(self, stage: Stage):
        """What trains a stage; of the interface of `JaxTrainer`."""
        config = self.config
        return self.Trainer(
            self.net,
            stage.name,
            dict(config[stage.name]),
            frame_size=tuple(config.data.frame_size),
            depth_size=tuple(config.data.depth_size),
            map_size=stage.map_size,
            pitch=stage.pitch,
            colors={name: config.augment[name] for name in ("color", "brightness", "contrast")},
        )


def check_predictions(ours: TwoStreamPrediction, theirs: list[np.ndarray]) -> None:
    """Asserts that maps differ by little of their range."""
    for name, a, b in zip(ours._fields, ours, theirs, strict=True):
        difference, extent = np.max(np.abs(a - b.reshape(a.shape))), np.ptp(a)
        print(f"  {name}: largest difference {difference:.1e}, range {extent:.2g}")
        assert difference < TOLERANCE * extent, name


def check_steps(size: Size, example: tuple, ours: JaxTrainer, theirs) -> None:
    """Takes the first steps with both, by one transform and without dropout; compares the losses.

    Later steps agree only if the updates do.
    """
    config = make_config(size, dropout=0.0)
    transforms = jax.jit(build_augmentation(config))(jax.random.key(config.seed))
    update = ours.make_update(config, lambda key: transforms)
    color = {name: np.asarray(getattr(transforms, name)[2]) for name in theirs.colors}
    for index in range(1, CHECKED_STEPS + 1):
        (loss, norm), (other_loss, other_norm) = (
            ours.step(*example, update=update),
            theirs.step(*example, color=color),
        )
        print(
            f"  step {index}: losses {loss:.6f}, {other_loss:.6f}, "
            f"gradient norms {norm:.6g}, {other_norm:.6g}"
        )
        np.testing.assert_allclose([loss, norm], [other_loss, other_norm], rtol=TOLERANCE)


def take_turns(name: str, images: int, functions: list[Callable], repeats: int) -> None:
    """Times functions that return when they are done, and prints a row of the table."""
    seconds = [[] for _ in functions]
    for turn in range(repeats + 1):
        for function, own in zip(functions, seconds, strict=True):
            start = time.perf_counter()
            function()
            if turn:  # the first call is slower
                own.append(time.perf_counter() - start)
    medians = [statistics.median(own) for own in seconds]
    cells = [
        f"{median:9.4f} {min(own):9.4f} {images / median:9.2f}"
        for own, median in zip(seconds, medians, strict=True)
    ]
    ratio = f"{medians[0] / medians[1]:7.2f}" if len(medians) == 2 else ""
    print(f"{name:20s} {'  '.join(cells)} {ratio}", flush=True)


def measure(size: Size, repeats: int, compare: bool) -> None:
    config = make_config(size)
    image, depth = make_example(size)
    names = ("JAX", "PyTorch") if compare else ("JAX",)
    columns = "  ".join(f"{name:>7s}: s       min  images/s" for name in names)
    print(f"{'':20s} {columns} {'  ratio' if compare else ''}")

    variables = init_variables(config)
    peer = TorchSide(config, variables["params"]) if compare else None
    model = build_model(config)
    predict = jax.jit(lambda variables, image: model.apply(variables, to_float(image)))
    for count in (1, 8):
        images = np.repeat(image, count, axis=0)
        functions = [lambda images=images: jax.device_get(predict(variables, images))]
        if compare:
            functions.append(lambda images=images: peer.predict(images))
            if count == 1:
                check_predictions(*(function() for function in functions))
        take_turns(f"prediction of {count}", count, functions, repeats)

    for stage in build_stages(config, num_examples=1):
        trainer = JaxTrainer(config, stage, variables)
        functions = [lambda trainer=trainer: trainer.step(image, depth)]
        if compare:
            peer_trainer = peer.trainer(stage)
            check_steps(size, (image, depth), trainer, peer_trainer)
            functions.append(lambda trainer=peer_trainer: trainer.step(image, depth))
        take_turns(f"step, {stage.name}", len(config.image_set), functions, repeats)
        variables = trainer.state.variables
        del functions, trainer
    if memory := jax.devices()[0].memory_stats():  # None on a CPU
        print(f"JAX's peak memory: {memory['peak_bytes_in_use'] / 2**30:.2f} GiB")


def main() -> None:
    parser = argparse.ArgumentParser(description="The two-stream model beside PyTorch.")
    parser.add_argument("--size", choices=SIZES, default="full")
    parser.add_argument("--repeats", type=int, default=5, help="turns of each, at least 1")
    parser.add_argument(
        "--torch", action=argparse.BooleanOptionalAction, default=True, help="compare with PyTorch"
    )
    arguments = parser.parse_args()
    size, compare = SIZES[arguments.size], arguments.torch
    jax.config.update("jax_default_matmul_precision", "highest")
    about = f"JAX {jax.__version__} on {jax.devices()[0]}"
    if compare:
        if importlib.util.find_spec("torch") is None:
            raise SystemExit('no PyTorch: pip install "jaxdepth[bench]", or pass --no-torch.')
        import torch

        about += f", PyTorch {torch.__version__} with {torch.get_num_threads()} threads"
        if jax.default_backend() == "gpu" and not torch.cuda.is_available():
            compare, about = False, about + " left out, for it has no CUDA"
    print(f"{size.image[0]}×{size.image[1]}, {about}; median of {arguments.repeats}")
    measure(size, arguments.repeats, compare)


if __name__ == "__main__":
    main()
