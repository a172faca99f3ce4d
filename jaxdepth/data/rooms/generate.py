"""One scene from a seed, a split and an index."""

import random
import zlib

import numpy as np

from jaxdepth.data.rooms.layout import sample_scene
from jaxdepth.data.rooms.renderer import render
from jaxdepth.data.rooms.scene import Scene
from jaxdepth.data.rooms.sensor import kinect_depth, photograph
from jaxdepth.errors import DataError

MIN_SIDE = 8


def scene_seed(seed: int, split: str, index: int) -> np.random.SeedSequence:
    """The seed of one scene; different for every (seed, split, index).

    Args:
        seed: of the dataset, at least 0.
        split: any name; its CRC-32 enters.
        index: of the scene in its split, at least 0.

    Raises:
        DataError: if `seed` or `index` is negative.
    """
    if seed < 0 or index < 0:
        raise DataError(
            f"A scene's seed and index must be at least 0, got seed={seed}, index={index}."
        )
    return np.random.SeedSequence(seed, spawn_key=(zlib.crc32(split.encode()), index))


def _generator(seed: np.random.SeedSequence) -> random.Random:
    words = seed.generate_state(4)
    return random.Random(int.from_bytes(words.astype("<u4").tobytes(), "little"))


def sample_seeded(
    seed: int, split: str, index: int, *, height: int, width: int
) -> tuple[Scene, np.random.SeedSequence, np.random.SeedSequence]:
    """The scene that `render_scene` renders, and the seeds of its image and its measured depth.

    Raises:
        DataError: as `render_scene`.
    """
    if min(height, width) < MIN_SIDE:
        raise DataError(
            f"A rooms image must be at least {MIN_SIDE} × {MIN_SIDE} pixels, "
            f"got {height} × {width}."
        )
    layout_seed, image_seed, depth_seed = scene_seed(seed, split, index).spawn(3)
    scene = sample_scene(_generator(layout_seed), height=height, width=width)
    return scene, image_seed, depth_seed


def render_scene(
    seed: int, split: str, index: int, *, height: int = 96, width: int = 128
) -> dict[str, np.ndarray]:
    """Renders one scene of the rooms dataset.

    A pure function: the same arguments give the same arrays on one machine and version,
    whichever scenes were rendered before. Another size shows the same room through the same lens.

    Args:
        seed: of the dataset, at least 0; the built-in configs use 0.
        split: "train", "validation" or "test" in the dataset; any other name is another world.
        index: of the scene in its split, at least 0.
        height: of the image, pixels.
        width: of the image, pixels.

    Returns:
        A dict of
        `image`: uint8 `[height, width, 3]`, sRGB;
        `depth`: float32 `[height, width]`, exact camera-z in metres through each pixel's centre;
        `depth_kinect`: float32 `[height, width]`, metres with holes (0) and quantisation, see
        `jaxdepth.data.rooms.sensor.kinect_depth`;
        `intrinsics`: float32 `[4]`, fx, fy, cx, cy in pixels, pixel (0, 0) having its centre
        at (0, 0).

    Raises:
        DataError: if the size is under 8 × 8, or `seed` or `index` is negative.
    """
    scene, image_seed, depth_seed = sample_seeded(seed, split, index, height=height, width=width)
    radiance, depth, _ = render(scene, height=height, width=width)
    return {
        "image": photograph(radiance, np.random.default_rng(image_seed)),
        "depth": depth,
        "depth_kinect": kinect_depth(
            depth, focal=float(scene.intrinsics[0]), rng=np.random.default_rng(depth_seed)
        ),
        "intrinsics": scene.intrinsics,
    }
