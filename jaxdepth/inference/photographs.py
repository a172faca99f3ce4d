"""Depth maps of photographs, as files."""

import collections
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from jaxdepth.data.images import colorize, read_image, write_depth_npy, write_depth_png, write_image
from jaxdepth.errors import DataError
from jaxdepth.experiment import Workdir, load_predictor


def predict_photographs(photos: Sequence[Path], run: Workdir, out: Path) -> Iterator[Path]:
    """Predicts depth for photographs and writes it at their own resolution.

    For `PHOTO.jpg`: `PHOTO_depth.png` (16-bit millimetres), `PHOTO_depth.npy` (float32 metres) and
    `PHOTO_color.png` (near is bright). Every photograph is read before anything is written.

    Args:
        photos: image files with distinct names.
        run: a run with a checkpoint.
        out: folder for the results; made if it is not there.

    Yields:
        The colour-mapped file of each photograph, once its three files are there.

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
        depth = np.maximum(predictor(read_image(photo)).depth, 0.0)
        write_depth_png(out / f"{photo.stem}_depth.png", depth)
        write_depth_npy(out / f"{photo.stem}_depth.npy", depth)
        write_image(out / f"{photo.stem}_color.png", colorize(depth))
        yield out / f"{photo.stem}_color.png"
