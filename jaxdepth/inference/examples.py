"""What is scored: a split of a run's dataset, a folder of photographs, saved predictions."""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import starmap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ml_collections import FrozenConfigDict

from jaxdepth.data.fingerprint import fingerprint_files
from jaxdepth.data.folder import (
    DEPTH_SUFFIXES,
    Pair,
    match_pairs,
    read_image_pairs,
    read_prediction_pairs,
)
from jaxdepth.data.pipeline import examples_in_order
from jaxdepth.data.sources import Example
from jaxdepth.errors import DataError
from jaxdepth.experiment import build_source
from jaxdepth.inference.camera import CameraOfSize, with_camera
from jaxdepth.inference.folders import file_labels


class Predicted(NamedTuple):
    """An image and what was predicted of it.

    Attributes:
        example: with its ground truth; predictions that were saved have no image.
        predictions: metres, by label.
    """

    example: Example
    predictions: Mapping[str, np.ndarray]


class Examples(NamedTuple):
    """Images to score, in a fixed order.

    Attributes:
        name: what files of results are called after.
        read: (start, stop) → an iterable of the images `[start:stop]`, stop None for all from
            start on: `Example`, or `Predicted` with `name` as label.
        about: what decides which images these are, as JSON; with `images`, their number.
    """

    name: str
    read: Callable[[int, int | None], Iterable[Any]]
    about: Mapping[str, Any]


def of_split(config: FrozenConfigDict, split: str) -> Examples:
    """A split of a run's own dataset."""
    source = build_source(config, split)
    about = {"data": repr(source), "images": len(source), "files": source.fingerprint}

    def read(start: int, stop: int | None) -> Iterable[Example]:
        return examples_in_order(source, start=start, stop=stop)

    return Examples(split, read, about)


def of_photographs(
    rgb: Path,
    depth: Path,
    *,
    depth_scale: float,
    resize: bool,
    camera: CameraOfSize | None = None,
) -> Examples:
    """A folder of photographs and one of their depth maps, which `camera` is of."""
    pairs = _matched(rgb, depth)

    def read(start: int, stop: int | None) -> Iterable[Example]:
        read = read_image_pairs(pairs[start:stop], depth_scale=depth_scale, resize=resize)
        return with_camera(starmap(Example, read), camera)

    about = _about(rgb, depth, pairs) | {"depth_scale": depth_scale}
    return Examples(rgb.resolve().name, read, about)


def of_predictions(
    predictions: Sequence[Path],
    depth: Path,
    *,
    prediction_scale: float,
    depth_scale: float,
    camera: CameraOfSize | None = None,
) -> list[Examples]:
    """Folders of saved predictions and one of their ground truth, which `camera` is of.

    Raises:
        DataError: a folder has no predictions, or two have them of different images.
    """
    scales = {"prediction_scale": prediction_scale, "depth_scale": depth_scale}
    pairs = [_matched(folder, depth, first_suffixes=DEPTH_SUFFIXES) for folder in predictions]
    for folder, other in zip(predictions[1:], pairs[1:], strict=True):
        alone = {pair.name for pair in pairs[0]} ^ {pair.name for pair in other}
        if alone:
            raise DataError(
                "predictions stand in one table if they are of the same images: "
                f"{len(alone)} are in one of {predictions[0]} and {folder} alone, such as "
                f"{min(alone)}; score the folders apart, or leave these out"
            )

    def examples_of(label: str, folder: Path, own: Sequence[Pair]) -> Examples:
        def read(start: int, stop: int | None) -> Iterable[Predicted]:
            for name, prediction, target in read_prediction_pairs(own[start:stop], **scales):
                intrinsics = None if camera is None else camera(target.shape)
                yield Predicted(Example(name, None, target, intrinsics), {label: prediction})

        return Examples(label, read, _about(folder, depth, own) | scales)

    labels = file_labels(predictions)
    return list(starmap(examples_of, zip(labels, predictions, pairs, strict=True)))


def _matched(first: Path, second: Path, **suffixes: Sequence[str]) -> list[Pair]:
    matches = match_pairs(first, second, **suffixes)
    if warning := matches.warning():
        print(f"warning: {warning}", file=sys.stderr)
    return matches.pairs


def _about(first: Path, second: Path, pairs: Sequence[Pair]) -> dict[str, Any]:
    files = [file for pair in pairs for file in (pair.first, pair.second)]
    return {
        "data": f"{first.absolute()} and {second.absolute()}",
        "images": len(pairs),
        "files": fingerprint_files(file.absolute() for file in files),
    }
