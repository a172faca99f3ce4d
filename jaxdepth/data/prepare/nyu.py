"""NYU Depth v2: the labelled file, the forms of BTS and DenseDepth, and the raw dump."""

import functools
import hashlib
from pathlib import Path

from jaxdepth.data.images import FilePath
from jaxdepth.data.prepare.plan import Dataset, Item, Option, Plan
from jaxdepth.data.readers.bts import read_bts_frame
from jaxdepth.data.readers.damage import damage_named
from jaxdepth.data.readers.densedepth import COUNTS, read_densedepth_frame
from jaxdepth.data.readers.frame import Frame
from jaxdepth.data.readers.lists import read_densedepth_list, read_frame_list, read_scene_list
from jaxdepth.data.readers.nyu_labeled import SPLIT_SIZES, NyuLabeled, read_splits
from jaxdepth.data.readers.nyu_raw import (
    find_recordings,
    pair_scene,
    read_raw_frame,
    sample_evenly,
)
from jaxdepth.errors import ConfigError, DataError

MD5 = {
    "nyu_depth_v2_labeled.mat": "520609c519fba3ba5ac58c8fefcc3530",
    "splits.mat": "08e3c3aea27130ac7c01ffd739a4535f",
}
"""Of the published files."""

LISTS = {
    "train": ("nyudepthv2_train_files_with_gt.txt", 24_231),
    "test": ("nyudepthv2_test_files_with_gt.txt", 654),
}
"""BTS's lists and their lengths."""

SCENES = 249
"""Training scenes of the raw dump."""


def read_labeled_frame(path: FilePath, index: int) -> Frame:
    """Opens the labelled file and reads one frame, see `NyuLabeled.read`."""
    with NyuLabeled(path) as frames:
        return frames.read(index)


def _labeled(source: Path, *, verify: bool, splits: Path | None) -> Plan:
    path = source / "nyu_depth_v2_labeled.mat"
    splits = splits or source / "splits.mat"
    indices = read_splits(splits, sizes=SPLIT_SIZES if verify else dict.fromkeys(SPLIT_SIZES))
    with NyuLabeled(path) as frames:
        count = len(frames)
    if verify:
        if count != sum(SPLIT_SIZES.values()):
            raise DataError(
                f"{path} must have {sum(SPLIT_SIZES.values())} frames, got {count}; take the "
                "published file, or accept this one by --unverified"
            )
        for file, name in ((path, "nyu_depth_v2_labeled.mat"), (splits, "splits.mat")):
            _check_md5(file, MD5[name])
    beyond = [int(i) for chosen in indices.values() for i in chosen if i >= count]
    if beyond:
        raise DataError(f"{splits} names frame {beyond[0] + 1}, and {path} has {count}")
    return Plan(
        {
            split: [
                Item(f"{i + 1:04d}", functools.partial(read_labeled_frame, path, int(i)))
                for i in chosen
            ]
            for split, chosen in indices.items()
        },
        raw_depth=True,
    )


def _bts(source: Path, *, verify: bool, lists: Path | None) -> Plan:
    folders = {"train": source / "sync", "test": source / "official_splits" / "test"}
    splits = {}
    for split, (name, count) in LISTS.items():
        folder = folders[split] if folders[split].is_dir() else source
        listed = read_frame_list((lists or source) / name, count=count if verify else None)
        splits[split] = [
            Item(
                frame.image,
                functools.partial(read_bts_frame, folder, frame),
                (folder / frame.image, folder / (frame.depth or frame.image)),
                folder / frame.image,
            )
            for frame in listed
        ]
    return Plan(splits)


def _densedepth(source: Path, *, verify: bool) -> Plan:
    splits = {}
    for split, count in COUNTS.items():
        path = source / "data" / f"nyu2_{split}.csv"
        splits[split] = [
            Item(
                frame.image,
                functools.partial(read_densedepth_frame, source, frame, split=split),
                (source / frame.image, source / frame.depth),
                source / frame.image,
            )
            for frame in read_densedepth_list(path, count=count if verify else None)
        ]
    return Plan(splits)


def _raw(source: Path, *, verify: bool, scenes: Path | None, frames: int) -> Plan:
    if frames < 0:
        raise ConfigError(f"--frames must be positive, or 0 for all, got {frames}")
    names = read_scene_list(scenes or source / "scenes.txt", count=SCENES if verify else None)
    pairs = {s: pair_scene(folders) for s, folders in find_recordings(source, names).items()}
    counts = {scene: len(found) for scene, found in pairs.items()}
    shares = sample_evenly(counts, frames or sum(counts.values()))
    chosen = [pairs[scene][i] for scene, share in shares.items() for i in share]
    return Plan(
        {
            "train": [
                Item(
                    f"{pair.depth.parent.name}/{pair.depth.stem}",
                    functools.partial(read_raw_frame, pair),
                )
                for pair in chosen
            ]
        },
        variant=str(frames or "all"),
    )


def _check_md5(path: Path, expected: str) -> None:
    with damage_named(path, "a file"), path.open("rb") as file:
        found = hashlib.file_digest(file, "md5").hexdigest()
    if found != expected:
        raise DataError(
            f"{path}: the md5 sum must be {expected}, as published, got {found}; the file is "
            "damaged or another version: download it again, or accept it by --unverified"
        )


NYU_LABELED = Dataset(
    name="nyu_labeled",
    splits="train 795, test 654; depth filled and raw",
    source="folder of nyu_depth_v2_labeled.mat and splits.mat",
    example="--source=DIR",
    training="--config=configs/nyu.py:labeled",
    plan=_labeled,
    options=(Option("splits", "splits.mat, where it is elsewhere", kind=Path),),
)
"""The labelled frames, each with the depth as measured and as filled by the dataset's authors."""

NYU_BTS = Dataset(
    name="nyu_bts",
    splits="train 24,231, test 654",
    source="folder of sync/ and official_splits/test/, or of both's recordings",
    example="--source=DIR --lists=train_test_inputs",
    training="--config=configs/nyu.py:bts",
    plan=_bts,
    options=(Option("lists", "folder of BTS's lists (default: the source)", kind=Path),),
    holes=True,
)
"""Synchronised frames in JPEG and 16-bit PNG, as BTS distributes them."""

NYU_DENSEDEPTH = Dataset(
    name="nyu_densedepth",
    splits="train 50,688, test 654; depth filled, in training in steps of 4 cm",
    source="folder of data/, which holds nyu2_train.csv and nyu2_test.csv",
    example="--source=DIR",
    training="--config=configs/nyu.py --config.data.dataset=nyu_densedepth "
    "--config.data.test_split=test",
    plan=_densedepth,
)
"""Frames with filled depth, as DenseDepth distributes them."""

NYU_RAW = Dataset(
    name="nyu_raw",
    splits="train, as many as --frames",
    source="folder of the raw dump's recordings, or of its archives' folders",
    example="--source=DIR --scenes=train_scenes.txt --frames=120000",
    training="--config=configs/nyu.py:raw",
    plan=_raw,
    options=(
        Option("scenes", "list of the 249 training scenes (default: scenes.txt there)", kind=Path),
        Option("frames", "how many frames, spread evenly over the scenes; 0 for all", 0, int),
    ),
    holes=True,
)
"""The Kinect's files: paired in time, undistorted, depth projected into the image."""
