"""Where the walls, the floor and the ceiling of a room are seen, exactly."""

from typing import NamedTuple

import numpy as np

from jaxdepth.data.rooms.generate import sample_seeded
from jaxdepth.data.rooms.renderer import render
from jaxdepth.data.rooms.scene import FIRST_FACE


class Planes(NamedTuple):
    """The known planes in an image.

    Attributes:
        labels: `[H, W]` int32: i + 1 where plane i is seen, 0 elsewhere.
        normals: `[n, 3]` float64, of length 1, in the camera's frame (x right, y down, z forward),
            towards the camera.
        offsets: `[n]` float64, metres: normal · X of the plane's points, below 0.
    """

    labels: np.ndarray
    normals: np.ndarray
    offsets: np.ndarray


def scene_planes(
    seed: int, split: str, index: int, *, height: int = 96, width: int = 128
) -> Planes:
    """The faces of the room that `render_scene` renders by these arguments.

    The scene is rendered again: a pixel belongs to the face that the ray through its centre meets.

    Args:
        seed, split, index, height, width: as `render_scene` takes them.

    Returns:
        Six planes: the walls x = 0, x = size, y = 0, y = size, the floor and the ceiling.

    Raises:
        DataError: as `render_scene`.
    """
    scene, _, _ = sample_seeded(seed, split, index, height=height, width=width)
    _, _, surface = render(scene, height=height, width=width)
    position, axes = scene.camera[0].astype(np.float64), scene.camera[1:].astype(np.float64)
    inwards = np.repeat(np.eye(3), 2, axis=0) * np.tile([1.0, -1.0], 3)[:, None]
    walls = np.ravel(np.stack([np.zeros(3), -scene.room.astype(np.float64)], axis=1))
    return Planes(
        labels=np.maximum(surface - FIRST_FACE + 1, 0).astype(np.int32),
        normals=inwards @ axes.T,
        offsets=walls - inwards @ position,
    )
