"""From a plan to a dataset in tfds' form: resumable, and whole or not there."""

import collections
import hashlib
import json
import os
import re
import shutil
import sys
from pathlib import Path

import tensorflow_datasets as tfds
from tqdm import tqdm

from jaxdepth.data.images import FilePath
from jaxdepth.data.prepare.alone import alone_in
from jaxdepth.data.prepare.examples import features_of
from jaxdepth.data.prepare.location import dataset_folder, open_prepared
from jaxdepth.data.prepare.plan import Plan
from jaxdepth.data.prepare.shards import (
    Shard,
    Written,
    file_template,
    shard_file,
    shards_of,
    write_shard,
)
from jaxdepth.errors import DataError

VERSION = "1.0.0"
"""Of the form in which examples are stored."""

SKIPPED = "skipped.txt"
"""In the dataset's folder: the error of each frame that was left out."""


def prepare(
    name: str,
    plan: Plan,
    *,
    data_dir: FilePath | None = None,
    skip_bad: int = 0,
    progress: bool = True,
) -> tfds.core.DatasetBuilder:
    """Prepares a dataset as array_record files, unless it is there, and returns tfds' builder.

    Needs no TensorFlow and writes nothing but into `data_dir`. A run that ends early, however it
    does, leaves `<version>.unfinished` there; the same call goes on from its finished shards, to
    the same bytes as if it had never stopped, and what is finished is renamed in one step.

    Args:
        name: the dataset's.
        plan: its frames.
        data_dir: where datasets live; by default tfds' own folder.
        skip_bad: how many frames that cannot be read may be left out; they are listed in
            `skipped.txt` in the dataset's folder.
        progress: whether to show a progress bar.

    Raises:
        ConfigError: the name is none that tfds can use.
        DataError: a frame cannot be read and `skip_bad` are left out already, a split has no
            frame, two have one name, or another plan's preparation is unfinished there.
    """
    folder = dataset_folder(name, data_dir) / plan.variant / VERSION
    _check(name, plan, skip_bad)
    if not folder.exists():
        work = folder.with_name(f"{VERSION}.unfinished")
        with alone_in(work):
            _begin(work, name, plan)
            _finish(work, folder, name, plan, _write(work, name, plan, skip_bad, progress))
    builder = open_prepared(folder)
    if dict(builder.info.metadata).get("fingerprint") != _fingerprint(name, plan):
        raise DataError(
            f"{folder} was prepared from other files or by other options; delete it, or prepare "
            "into another --data_dir"
        )
    return builder


def _check(name: str, plan: Plan, skip_bad: int) -> None:
    for split, items in plan.splits.items():
        if not re.fullmatch(r"[A-Za-z]\w*", split):
            raise DataError(f"{name}: a split's name must be letters, digits and _, got {split!r}")
        if not items:
            raise DataError(f"{name}: the split {split} must have frames and has none")
    items = [item for items in plan.splits.values() for item in items]
    frame, times = collections.Counter(item.name for item in items).most_common(1)[0]
    if times > 1:
        raise DataError(f"{name}: a frame may be in one split, once; {frame} is {times} times")
    missing = [file for item in items for file in item.files if not file.exists()]
    if len(missing) > skip_bad:
        raise DataError(
            f"{len(missing)} files of {len(items)} frames are missing, the first is {missing[0]}; "
            "check --source and the paths below it, or leave the frames out by "
            f"--skip_bad={len(missing)}"
        )


def _fingerprint(name: str, plan: Plan) -> str:
    """Eight digits of what decides the content, as far as it is known before any frame is read."""
    frames = {split: [item.name for item in items] for split, items in plan.splits.items()}
    content = json.dumps([name, VERSION, frames, dict(plan.facts)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:8]


def _begin(work: Path, name: str, plan: Plan) -> None:
    fingerprint, file = _fingerprint(name, plan), work / "plan"
    if file.exists() and file.read_text() != fingerprint:
        raise DataError(
            f"{work} is an unfinished preparation from other files or by other options; finish it "
            "by the command that began it, or delete it"
        )
    file.write_text(fingerprint)
    (work / "dataset").mkdir(exist_ok=True)


def _write(work: Path, name: str, plan: Plan, skip_bad: int, progress: bool) -> list[Written]:
    """Writes the shards that are not there; returns what is in all of them."""
    shards = shards_of(plan)
    found = [_read_record(work, shard) for shard in shards]
    skipped = [error for written in found if written for error in written.skipped]
    if len(skipped) > skip_bad:
        raise DataError(
            f"{work} is a preparation that left out {len(skipped)} frames; allow it by "
            f"--skip_bad={len(skipped)}, or delete that folder"
        )

    def skip(error: DataError) -> bool:
        skipped.append(str(error))
        return len(skipped) <= skip_bad

    done = (shard.end - shard.first for shard, there in zip(shards, found, strict=True) if there)
    bar = tqdm(
        total=sum(map(len, plan.splits.values())),
        initial=sum(done),
        desc=f"Preparing {name}",
        unit="frame",
        mininterval=0.1 if sys.stderr.isatty() else 10.0,
        disable=not progress,
    )
    with bar:
        for i, shard in enumerate(shards):
            if found[i]:
                continue
            path = shard_file(name, shard, work / "dataset")
            try:
                found[i] = write_shard(path, plan, shard, skip=skip, advance=bar.update)
            except DataError as error:
                raise _stopped(error, len(skipped), skip_bad) from error
            _write_record(work, shard, found[i])
    return found


def _stopped(error: DataError, bad: int, skip_bad: int) -> DataError:
    before = f", after {skip_bad} others were left out" if skip_bad else ""
    return DataError(
        f"{error}{before}. Mend the file, or leave out what cannot be read by --skip_bad={bad} or "
        "more; the same command then goes on from what is done"
    )


def _record(work: Path, shard: Shard) -> Path:
    return work / f"{shard.split}-{shard.index:05d}.json"


def _read_record(work: Path, shard: Shard) -> Written | None:
    path = _record(work, shard)
    return Written(**json.loads(path.read_text())) if path.exists() else None


def _write_record(work: Path, shard: Shard, written: Written) -> None:
    """Marks a shard as finished."""
    part = work / "record.part"
    part.write_text(json.dumps(written._asdict()))
    os.replace(part, _record(work, shard))


def _finish(work: Path, folder: Path, name: str, plan: Plan, found: list[Written]) -> None:
    dataset = work / "dataset"
    info = _info(name, plan, dataset)
    splits = {split: [] for split in plan.splits}
    for shard, written in zip(shards_of(plan), found, strict=True):
        _count_again(shard_file(name, shard, dataset), written, _record(work, shard))
        splits[shard.split].append(written)
    info.set_splits(
        tfds.core.SplitDict(
            tfds.core.SplitInfo(
                name=split,
                shard_lengths=[written.examples for written in shards],
                num_bytes=sum(written.size for written in shards),
                filename_template=file_template(name, split, dataset),
            )
            for split, shards in splits.items()
        )
    )
    info.write_to_directory(dataset)
    if skipped := [error for written in found for error in written.skipped]:
        (dataset / SKIPPED).write_text("\n".join(skipped) + "\n")
    os.replace(dataset, folder)
    shutil.rmtree(work)


def _count_again(path: Path, written: Written, record: Path) -> None:
    """Refuses a shard that the disk has lost a part of, as it may when a machine goes down."""
    try:
        examples = tfds.core.file_adapters.ArrayRecordFileAdapter.num_examples(path)
    except Exception:  # its reader raises many kinds for a damaged file
        examples = 0
    if examples != written.examples:
        record.unlink()
        raise DataError(
            f"{path} must have {written.examples} examples and has {examples}: it was damaged "
            "after it was written; the same command writes it again"
        )


def _info(name: str, plan: Plan, folder: Path) -> tfds.core.DatasetInfo:
    info = tfds.core.DatasetInfo(
        builder=tfds.core.DatasetIdentity(
            name=name,
            version=tfds.core.Version(VERSION),
            data_dir=str(folder),
            module_name="",
            config_name=plan.variant or None,
        ),
        description=f"{name}, prepared by jaxdepth; depth is valid where it is positive.",
        features=features_of(plan),
        supervised_keys=("image", "depth"),
        disable_shuffling=True,
        metadata=tfds.core.MetadataDict(
            **plan.facts,
            fingerprint=_fingerprint(name, plan),
            one_size=plan.depth_size is None,
        ),
    )
    info.set_file_format("array_record")
    return info
