"""NYU Depth v2 as DenseDepth distributes it: a CSV list of JPEG or PNG images with PNG depth.

Alhashim, Wonka, "High Quality Monocular Depth Estimation via Transfer Learning" (2018). Training
depth is filled and coarse, 10 m in 255 steps; test depth is the labelled file's, in millimetres.
"""

from pathlib import Path, PurePosixPath
from typing import Literal

from jaxdepth.data.images import FilePath, read_image
from jaxdepth.data.readers.depth_png import read_depth_png
from jaxdepth.data.readers.frame import Frame, check_sizes
from jaxdepth.data.readers.lists import ListedFrame, scene_of_folder
from jaxdepth.data.readers.nyu_camera import COLOR

COUNTS = {"train": 50_688, "test": 654}
"""Frames in each published list."""

_DEPTH = {"train": {"bits": 8, "scale": 25.5}, "test": {"bits": 16, "scale": 1000}}


def read_densedepth_frame(
    folder: FilePath, listed: ListedFrame, *, split: Literal["train", "test"]
) -> Frame:
    """Reads one frame.

    Args:
        folder: what the list's paths are below, the parent of the list's own folder.
        listed: a line of `read_densedepth_list`.
        split: the list's; it decides the form of depth.

    Returns:
        Image and filled depth of one size; the intrinsics are NYU's colour camera's. Test images
        do not tell their scene.

    Raises:
        DataError: a file is missing, damaged or of another form, or the sizes differ.
    """
    image_file, depth_file = Path(folder, listed.image), Path(folder, listed.depth)
    image = read_image(image_file)
    depth = read_depth_png(depth_file, **_DEPTH[split])
    check_sizes(image_file, image, depth_file, depth)
    path = PurePosixPath(listed.image)
    recording = path.parent.name
    return Frame(
        name=path.with_suffix("").as_posix(),
        file=listed.image,
        scene=scene_of_folder(recording.removesuffix("_out")) if split == "train" else "",
        image=image,
        depth=depth,
        intrinsics=COLOR.intrinsics,
    )
