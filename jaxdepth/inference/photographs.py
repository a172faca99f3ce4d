"""Depth maps of photographs, as files; and their reconstructions.

References:
    Kim et al. 2018, Figure 7: reconstructions, shaded.
"""

import collections
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jaxdepth.data.images import colorize, read_image, write_depth_npy, write_depth_png, write_image
from jaxdepth.data.ply import write_ply
from jaxdepth.errors import DataError
from jaxdepth.experiment import Workdir, load_predictor
from jaxdepth.inference.camera import CameraOfSize
from jaxdepth.ops import lambertian, surface_normals, unproject


def predict_photographs(
    photos: Sequence[Path], run: Workdir, out: Path, *, camera: CameraOfSize | None = None
) -> Iterator[Path]:
    """Predicts depth for photographs and writes it at their own resolution.

    For `PHOTO.jpg`: `PHOTO_depth.png` (16-bit millimetres), `PHOTO_depth.npy` (float32 metres) and
    `PHOTO_color.png` (near is bright); with a camera, also the points, `PHOTO.ply`, in the colours
    of the photograph, and `PHOTO_shaded.png`, their surface under a light from the upper left, as
    the camera sees it. Every photograph is read before anything is written.

    Args:
        photos: image files with distinct names.
        run: a run with a checkpoint.
        out: folder for the results; made if it is not there.
        camera: what took the photographs; None for depth maps alone.

    Yields:
        The colour-mapped file of each photograph, once its files are there.

    Raises:
        DataError: a photograph cannot be read, or two would write the same files.
        WorkdirError, CheckpointError: the run cannot be used.
    """
    counts = collections.Counter(photo.stem for photo in photos)
    if twice := [stem for stem, count in counts.items() if count > 1]:
        raise DataError(
            f"results are named after photographs, and {twice[0]!r} occurs twice: "
            "predict those in separate runs with another --out."
        )
    for photo in photos:
        read_image(photo)
    predictor = load_predictor(run)
    out.mkdir(parents=True, exist_ok=True)
    for photo in photos:
        image = read_image(photo)
        depth = np.maximum(predictor(image).depth, 0.0)
        write_depth_png(out / f"{photo.stem}_depth.png", depth)
        write_depth_npy(out / f"{photo.stem}_depth.npy", depth)
        if camera is not None:
            intrinsics, seen = camera(depth.shape), depth > 0
            points = np.asarray(unproject(depth, intrinsics))
            write_ply(out / f"{photo.stem}.ply", points[seen], image[seen])
            shaded = np.asarray(lambertian(surface_normals(depth, intrinsics)))
            grey = np.rint(255 * shaded).astype(np.uint8)
            write_image(out / f"{photo.stem}_shaded.png", np.repeat(grey[..., None], 3, axis=-1))
        write_image(out / f"{photo.stem}_color.png", colorize(depth))
        yield out / f"{photo.stem}_color.png"
