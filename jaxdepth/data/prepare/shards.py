"""Shards: the files of a prepared dataset, each written whole or not at all.

A shard's frames are known beforehand, so that one can be written without the others: again after an
interruption, or on another machine.
"""

import json
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import tensorflow_datasets as tfds

from jaxdepth.data.ahead import map_ahead
from jaxdepth.data.prepare.examples import example_of, features_of
from jaxdepth.data.prepare.plan import Item, Plan
from jaxdepth.errors import DataError

SHARD_SIZE = 128
"""Frames in a shard: what an interruption costs at most."""


class UnwrittenError(DataError):
    """A shard that the disk does not take."""


class Shard(NamedTuple):
    """A file to be: frames `first` to below `end` of a split's plan."""

    split: str
    index: int
    count: int
    first: int
    end: int


class Written(NamedTuple):
    """What is in a shard's file.

    Attributes:
        examples: how many frames.
        size: their bytes.
        skipped: for each frame that was left out, its error.
    """

    examples: int
    size: int
    skipped: list[str]


def shards_of(plan: Plan) -> list[Shard]:
    """The shards of all splits, as even as can be."""
    shards = []
    for split, items in plan.splits.items():
        count = -(-len(items) // SHARD_SIZE)
        ends = [len(items) * (i + 1) // count for i in range(count)]
        for i, (first, end) in enumerate(zip([0, *ends], ends, strict=False)):
            shards.append(Shard(split, i, count, first, end))
    return shards


def file_template(name: str, split: str, folder: Path) -> tfds.core.ShardedFileTemplate:
    """How tfds names the files of a split."""
    return tfds.core.ShardedFileTemplate(
        data_dir=folder, dataset_name=name, split=split, filetype_suffix="array_record"
    )


def shard_file(name: str, shard: Shard, folder: Path) -> Path:
    """The file of a shard."""
    template = file_template(name, shard.split, folder)
    return template.sharded_filepath(shard_index=shard.index, num_shards=shard.count)


def record_file(work: Path, shard: Shard) -> Path:
    """What says that a shard is finished."""
    return work / f"{shard.split}-{shard.index:05d}.json"


def has_records(work: Path) -> bool:
    """Whether any shard is finished."""
    return any(work.glob("*-*.json"))


def read_record(work: Path, shard: Shard) -> Written | None:
    """What is in a shard; None if it is not finished."""
    path = record_file(work, shard)
    return Written(**json.loads(path.read_text())) if path.exists() else None


def finish_shard(
    work: Path,
    name: str,
    plan: Plan,
    shard: Shard,
    items: Sequence[Item],
    *,
    skip: Callable[[DataError], bool],
    advance: Callable[[], object] = lambda: None,
) -> Written:
    """Reads a shard's frames, writes them and records that they are written.

    Two processes may do so at the same time: each writes files of its own, renamed when whole.

    Args:
        work: the folder of the unfinished dataset; its files are in `dataset`, records beside.
        name: the dataset's.
        plan: the dataset's; its splits are not looked at.
        shard: which.
        items: its frames.
        skip: asked for every frame that cannot be read: whether to leave it out.
        advance: called after every frame.

    Raises:
        DataError: a frame cannot be read and is not to be left out.
        UnwrittenError: the disk is full, or takes no file of this size.
    """
    part = work / f"{secrets.token_hex(8)}.part"
    try:
        written = _write(part, plan, items, skip=skip, advance=advance)
        os.replace(part, shard_file(name, shard, work / "dataset"))
        part.write_text(json.dumps(written._asdict()))
        os.replace(part, record_file(work, shard))
    finally:
        part.unlink(missing_ok=True)
    return written


def _write(
    path: Path,
    plan: Plan,
    items: Sequence[Item],
    *,
    skip: Callable[[DataError], bool],
    advance: Callable[[], object],
) -> Written:
    features = features_of(plan)
    serializer = tfds.core.ExampleSerializer(features.get_serialized_info())
    size, skipped, examples = 0, [], 0

    def serialize(item: Item) -> bytes | DataError:
        try:
            example = features.encode_example(example_of(item, plan))
            # Else the order of the features would change from one process to the next.
            return serializer.get_tf_example(example).SerializeToString(deterministic=True)
        except DataError as error:
            return error

    def records() -> Iterator[tuple[int, bytes]]:
        nonlocal size, examples
        for i, made in enumerate(map_ahead(serialize, items)):
            if isinstance(made, bytes):
                yield i, made
                size, examples = size + len(made), examples + 1
            elif skip(made):
                skipped.append(str(made))
            else:
                raise made
            advance()

    try:
        tfds.core.ExampleWriter(tfds.core.FileFormat.ARRAY_RECORD).write(str(path), records())
    except RuntimeError as error:  # all that array_record raises
        raise UnwrittenError(
            f"cannot write into {path.parent}: {error}. Free space there and run the same command "
            "again; it goes on from what is done"
        ) from error
    return Written(examples, size, skipped)
