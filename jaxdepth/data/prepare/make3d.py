"""Make3D."""

import functools
from pathlib import Path

from jaxdepth.data.prepare.plan import Dataset, Item, Plan
from jaxdepth.data.readers.make3d import COUNTS, GRID, pair_make3d, read_make3d_frame

FOLDERS = {"train": ("Train400Img", "Train400Depth"), "test": ("Test134", "Gridlaserdata")}
"""Of images and of depth, as the archives unpack."""


def _make3d(source: Path, *, verify: bool) -> Plan:
    splits = {}
    for split, (images, depths) in FOLDERS.items():
        count = COUNTS[split] if verify else None
        splits[split] = [
            Item(
                f"{split}/{files.name}",
                functools.partial(read_make3d_frame, files),
                (files.image, files.depth),
                files.image,
            )
            for files in pair_make3d(source / images, source / depths, count=count)
        ]
    return Plan(splits, intrinsics=False, depth_size=GRID)


MAKE3D = Dataset(
    name="make3d",
    splits="train 400, test 134; depth of 55x305 covers the image",
    source="folder of Train400Img, Train400Depth, Test134 and Gridlaserdata",
    example="--source=DIR",
    training="--config=configs/make3d.py",
    plan=_make3d,
)
"""Photographs with the depth of a laser scanner; cells are not square."""
