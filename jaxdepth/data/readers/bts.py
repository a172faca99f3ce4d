"""NYU Depth v2 as BTS distributes it: synchronised frames in JPEG and 16-bit PNG.

`<folder>/rgb_%05d.jpg` with `<folder>/sync_depth_%05d.png` in millimetres, 0 = hole. Training
folders are recordings (`kitchen_0028b`), test folders kinds of rooms (`kitchen`), whose numbers are
the labelled file's index counted from 0.
"""

from pathlib import Path, PurePosixPath

from jaxdepth.data.images import FilePath, read_image
from jaxdepth.data.readers.depth_png import read_depth_png
from jaxdepth.data.readers.frame import Frame, check_sizes
from jaxdepth.data.readers.lists import ListedFrame, scene_of_folder
from jaxdepth.data.readers.nyu_camera import COLOR
from jaxdepth.errors import DataError


def read_bts_frame(folder: FilePath, listed: ListedFrame) -> Frame:
    """Reads one frame.

    Args:
        folder: what the list's paths are below.
        listed: a line of `read_frame_list`.

    Returns:
        Image and raw depth of one size; the intrinsics are NYU's colour camera's.

    Raises:
        DataError: a file is missing, damaged or of another form, the sizes differ, or the list
            names no depth.
    """
    if listed.depth is None:
        raise DataError(
            f"{listed.image}: every frame of NYU has depth, and its list says None; copy the list "
            "here again"
        )
    image_file, depth_file = Path(folder, listed.image), Path(folder, listed.depth)
    image = read_image(image_file)
    depth = read_depth_png(depth_file, scale=1000)
    check_sizes(image_file, image, depth_file, depth)
    path = PurePosixPath(listed.image)
    return Frame(
        name=path.with_suffix("").as_posix(),
        file=listed.image,
        scene=scene_of_folder(path.parent.name),
        image=image,
        depth=depth,
        intrinsics=COLOR.intrinsics,
    )
