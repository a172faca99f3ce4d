"""KITTI with the Eigen split."""

import functools
from pathlib import Path
from typing import get_args

from jaxdepth.data.prepare.plan import Dataset, Item, Option, Plan
from jaxdepth.data.readers.kitti import Depth, read_kitti_frame
from jaxdepth.data.readers.lists import read_frame_list
from jaxdepth.errors import DataError

LISTS = {
    "train": ("eigen_train_files_with_gt.txt", 23_158, 23_158),
    "test": ("eigen_test_files_with_gt.txt", 697, 652),
}
"""BTS's lists of the Eigen split: their lengths, and how many have annotated depth."""


def _kitti(
    source: Path, *, verify: bool, lists: Path | None, depth: Depth, annotated: Path | None
) -> Plan:
    splits = {}
    annotated = annotated or source
    for split, (name, count, with_depth) in LISTS.items():
        path = (lists or source) / name
        listed = read_frame_list(path, count=count if verify else None)
        if depth == "annotated":
            listed = [frame for frame in listed if frame.depth is not None]
            if verify and len(listed) != with_depth:
                raise DataError(
                    f"{path}: {with_depth} frames must have annotated depth, got {len(listed)}; "
                    "copy the file here again, or accept it by --unverified"
                )
        splits[split] = [
            Item(
                frame.image,
                functools.partial(
                    read_kitti_frame, source, frame, depth=depth, annotated_folder=annotated
                ),
                (
                    source / frame.image,
                    annotated / frame.depth
                    if depth == "annotated"
                    else _measured_by(source / frame.image, depth),
                ),
                source / frame.image,
            )
            for frame in listed
        ]
    return Plan(splits, variant=depth)


def _measured_by(image: Path, depth: Depth) -> Path:
    """The scan, or the image of the camera to the right."""
    drive, camera = image.parents[2], image.parents[1].name
    if depth == "stereo":
        right = {"image_00": "image_01"}.get(camera, "image_03")
        return drive / right / "data" / image.name
    return drive / "velodyne_points" / "data" / f"{image.stem}.bin"


KITTI = Dataset(
    name="kitti",
    splits="train 23,158, test 697 (annotated: 652), of Eigen",
    source="folder of the raw data: <date>/<drive>/…",
    example="--source=DIR --lists=train_test_inputs --depth=camera_z",
    training="--config=configs/kitti.py",
    plan=_kitti,
    options=(
        Option("lists", "folder of BTS's lists (default: the source)", kind=Path),
        Option("depth", "of the scan, along the camera's axis or forward of the scanner as in the "
            "official evaluation; annotated; or pseudo ground truth from stereo", "camera_z",
            choices=get_args(Depth)),
        Option("annotated", "folder of the annotated depth (default: the source)", kind=Path),
    ),
    holes=True,
)  # fmt: skip
"""Images with projected laser scans, with the depth benchmark's annotated depth, or with depth
from stereo."""
