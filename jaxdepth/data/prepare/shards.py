"""Shards: the files of a prepared dataset, written one after the other, each whole or not at all.

A shard's frames are known beforehand, so that one can be written without the others: again after an
interruption, or on another machine.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import tensorflow_datasets as tfds

from jaxdepth.data.ahead import map_ahead
from jaxdepth.data.prepare.examples import example_of, features_of
from jaxdepth.data.prepare.plan import Item, Plan
from jaxdepth.errors import DataError

SHARD_SIZE = 128
"""Frames in a shard: what an interruption costs at most."""


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


def write_shard(
    path: Path,
    plan: Plan,
    shard: Shard,
    *,
    skip: Callable[[DataError], bool],
    advance: Callable[[], object] = lambda: None,
) -> Written:
    """Reads a shard's frames and writes them to a file.

    Args:
        path: the file.
        plan: the dataset's.
        shard: which of its frames.
        skip: asked for every frame that cannot be read: whether to leave it out.
        advance: called after every frame.

    Raises:
        DataError: a frame cannot be read and is not to be left out, or all are left out.
    """
    items = plan.splits[shard.split][shard.first : shard.end]
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

    tfds.core.ExampleWriter(tfds.core.FileFormat.ARRAY_RECORD).write(str(path), records())
    if not examples:
        raise DataError(
            f"none of the {len(items)} frames from {items[0].name} to {items[-1].name} can be "
            f"read, the first because: {skipped[0]}"
        )
    return Written(examples, size, skipped)
