"""DIML / CVL RGB-D."""

import functools
from pathlib import Path
from typing import Literal

from jaxdepth.data.prepare.plan import Dataset, Item, Option, Plan
from jaxdepth.data.readers.diml import COUNTS, find_diml, read_diml_frame
from jaxdepth.data.readers.frame import parse_intrinsics


def _diml(source: Path, *, verify: bool, resolution: Literal["HR", "LR"], intrinsics: str) -> Plan:
    camera = parse_intrinsics(intrinsics) if intrinsics else None
    splits = {}
    for split, count in COUNTS.items():
        found = find_diml(source, split, resolution=resolution, count=count if verify else None)
        splits[split] = [
            Item(
                f"{split}/{files.name}",
                functools.partial(read_diml_frame, files, intrinsics=camera),
                files[1:],
                files.image,
            )
            for files in found
        ]
    return Plan(
        splits,
        variant=resolution,
        facts={"intrinsics": intrinsics},
        raw_depth=True,
        intrinsics=camera is not None,
    )


DIML = Dataset(
    name="diml",
    splits="train 1,609, test 503; depth filled and raw",
    source="folder of the sample release: train and test, below them HR or LR",
    example="--source=DIR --resolution=LR",
    training="--config=configs/diml.py --config.init_from=runs/nyu",
    plan=_diml,
    options=(
        Option("resolution", "LR: 288x512 (default), HR: 756x1344", "LR", choices=("LR", "HR")),
        Option(
            "intrinsics",
            "FX,FY,CX,CY in pixels of this resolution; the release has none",
            "",
        ),
    ),
)
"""Rooms seen by a Kinect v2."""
