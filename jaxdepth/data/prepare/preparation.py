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
from jaxdepth.data.prepare.beam import require_beam, write_by_beam
from jaxdepth.data.prepare.examples import features_of
from jaxdepth.data.prepare.location import dataset_folder, open_prepared
from jaxdepth.data.prepare.plan import Plan
from jaxdepth.data.prepare.shards import (
    Shard,
    UnwrittenError,
    Written,
    file_template,
    finish_shard,
    has_records,
    read_record,
    record_file,
    shard_file,
    shards_of,
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
    beam: str | None = None,
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
        beam: flags of a pipeline of Apache Beam that writes the files, see `write_by_beam`; to
            the same bytes, and either goes on from what the other has done. None: this process
            writes them.
        progress: whether to show a progress bar, which a pipeline has none of.

    Raises:
        ConfigError: the name is none that tfds can use, or Apache Beam is not installed.
        DataError: a frame cannot be read and `skip_bad` are left out already, a split has no
            frame, two have one name, another plan's preparation is unfinished there and has
            finished a shard, the disk is full, or the pipeline has stopped.
    """
    folder = dataset_folder(name, data_dir) / plan.variant / VERSION
    _check(name, plan, skip_bad)
    if beam is not None:
        require_beam()
    if not folder.exists():
        work = folder.with_name(f"{VERSION}.unfinished")
        with alone_in(work):
            _begin(work, name, plan)
            if beam is None:
                found = _write(work, name, plan, skip_bad, progress)
            else:
                found = _write_by_beam(work, name, plan, skip_bad, beam)
            _finish(work, folder, name, plan, found)
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
    if all(any(not file.exists() for file in item.files) for item in items):
        raise DataError(
            f"{len(missing)} files of {len(items)} frames are missing, the first is {missing[0]}; "
            "no frame has all of its files: check --source and the paths below it"
        )
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
        if has_records(work):
            raise DataError(
                f"{work} is an unfinished preparation from other files or by other options; finish "
                "it by the command that began it, or delete it"
            )
        shutil.rmtree(work / "dataset", ignore_errors=True)  # nothing in it is whole
    file.write_text(fingerprint)
    (work / "dataset").mkdir(exist_ok=True)


def _write(work: Path, name: str, plan: Plan, skip_bad: int, progress: bool) -> list[Written]:
    """Writes the shards that are not there; returns what is in all of them."""
    shards = shards_of(plan)
    found = [read_record(work, shard) for shard in shards]
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
            items = plan.splits[shard.split][shard.first : shard.end]
            try:
                found[i] = finish_shard(
                    work, name, plan, shard, items, skip=skip, advance=bar.update
                )
            except UnwrittenError:
                raise
            except DataError as error:
                raise _stopped(error, len(skipped), skip_bad) from error
            _check_examples(work, plan, shard, found[i])
    return found


def _write_by_beam(work: Path, name: str, plan: Plan, skip_bad: int, flags: str) -> list[Written]:
    """As `_write`; but all shards are written before bad frames are counted."""
    shards = shards_of(plan)
    missing = [shard for shard in shards if read_record(work, shard) is None]
    if missing:
        write_by_beam(work, name, plan, missing, flags)
    found = {shard: read_record(work, shard) for shard in shards}
    if absent := [shard for shard, written in found.items() if written is None]:
        raise DataError(
            f"the pipeline of --beam has ended and {len(absent)} of {len(missing)} files are not "
            f"in {work}, which its workers must see under this path, too"
        )
    skipped = [error for written in found.values() for error in written.skipped]
    if len(skipped) > skip_bad:
        (work / SKIPPED).write_text("\n".join(skipped) + "\n")
        for shard, written in found.items():
            if written.skipped:  # once the files are mended, they are to be read again
                record_file(work, shard).unlink()
        raise DataError(
            f"{skipped[0]}. {len(skipped)} frames cannot be read, {work / SKIPPED} lists them: "
            f"mend the files, or leave them out by --skip_bad={len(skipped)}; the same command "
            "then goes on from what is done"
        )
    for shard, written in found.items():
        _check_examples(work, plan, shard, written)
    return list(found.values())


def _check_examples(work: Path, plan: Plan, shard: Shard, written: Written) -> None:
    """Refuses a shard without any example, which could not be opened."""
    if not written.examples:
        record_file(work, shard).unlink()
        items = plan.splits[shard.split][shard.first : shard.end]
        raise DataError(
            f"none of the {len(items)} frames from {items[0].name} to {items[-1].name} can be "
            f"read, the first because: {written.skipped[0]}"
        )


def _stopped(error: DataError, bad: int, skip_bad: int) -> DataError:
    before = f", after {skip_bad} others were left out" if skip_bad else ""
    return DataError(
        f"{error}{before}. Mend the file, or leave out what cannot be read by --skip_bad={bad} or "
        "more; the same command then goes on from what is done"
    )


def _finish(work: Path, folder: Path, name: str, plan: Plan, found: list[Written]) -> None:
    dataset = work / "dataset"
    info = _info(name, plan, dataset)
    splits = {split: [] for split in plan.splits}
    for shard, written in zip(shards_of(plan), found, strict=True):
        _count_again(shard_file(name, shard, dataset), written, record_file(work, shard))
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
