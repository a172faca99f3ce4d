"""The camera of an example: its own, or the one that was named for a folder."""

from collections.abc import Callable, Iterable, Iterator

from jaxdepth.data.readers.frame import parse_intrinsics
from jaxdepth.data.sources import Example
from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import Camera
from jaxdepth.ops import intrinsics_of_view

CameraOfSize = Callable[[tuple[int, int]], tuple[float, float, float, float]]
"""(height, width) of an image → its intrinsics, pixels."""

ASSUMED_FOV = 63.3
"""Degrees: the view of a Kinect's colour camera, which recorded NYU Depth v2 and sees the rooms."""


def camera_of(example: Example) -> Camera | None:
    """What an example knows of its camera and planes."""
    if example.intrinsics is None:
        return None
    if example.planes is None:
        return Camera(example.intrinsics)
    planes = example.planes()
    return Camera(example.intrinsics, planes.labels, planes.normals)


def with_camera(examples: Iterable[Example], camera: CameraOfSize | None) -> Iterator[Example]:
    """The examples with the intrinsics that a camera has for their depth maps."""
    for example in examples:
        known = None if camera is None else camera(example.depth.shape)
        yield example._replace(intrinsics=known)


def parse_camera(intrinsics: str | None, fov: float | None) -> CameraOfSize | None:
    """The camera that was named; None for none.

    Args:
        intrinsics: "FX,FY,CX,CY" in pixels, the centre of the top left one being (0, 0).
        fov: instead, an angle of view in degrees along an image's longer side, looking through its
            middle.

    Raises:
        ConfigError: both are given, or one is out of its range.
    """
    if intrinsics is not None and fov is not None:
        raise ConfigError("--intrinsics and --fov both describe the camera: give one of them.")
    if fov is not None:
        if not 0 < fov < 180:
            raise ConfigError(f"--fov must be above 0 and below 180 degrees, got {fov:g}.")
        return lambda size: intrinsics_of_view(size, fov)
    if intrinsics is None:
        return None
    camera = parse_intrinsics(intrinsics)
    return lambda size: camera
