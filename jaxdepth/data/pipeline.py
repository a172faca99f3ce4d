"""The grain pipeline: a source to batches of NumPy arrays, shuffled, sharded, resumable."""

import signal
from collections.abc import Iterator
from typing import Any, NamedTuple

import grain
import numpy as np
from absl import flags

from jaxdepth.data.images import resize_depth, resize_image
from jaxdepth.data.sources import Example, Source


class Batch(NamedTuple):
    """Examples of one size.

    Attributes:
        names: where each comes from.
        image: `[B, H, W, 3]` uint8.
        depth: `[B, H', W']` float32 metres; 0 = no measurement. Of the image's size unless asked
            for in another.
    """

    names: list[str]
    image: np.ndarray
    depth: np.ndarray


def frame_image(
    image: np.ndarray, image_size: tuple[int, int], frame_size: tuple[int, int] | None = None
) -> np.ndarray:
    """Brings an image to (height, width): filtered to `frame_size`, whose middle is cut out.

    Without `frame_size`, nothing is cut off.

    Raises:
        ValueError: the frame is smaller than the image.
    """
    frame_size = frame_size or image_size
    if frame_size[0] < image_size[0] or frame_size[1] < image_size[1]:
        raise ValueError(
            f"frame_size must be at least image_size, {tuple(image_size)}, got "
            f"{tuple(frame_size)}: the image is cut out of its middle."
        )
    return _middle(resize_image(image, frame_size), image_size)


def resize_example(
    example: Example,
    image_size: tuple[int, int],
    *,
    frame_size: tuple[int, int] | None = None,
    depth_size: tuple[int, int] | None = None,
) -> Example:
    """Brings an example to (height, width): the image filtered, the depth by nearest neighbour.

    Args:
        example: of any size.
        image_size: (height, width) of the image.
        frame_size: what the image is resized to before its middle is cut out; by default
            `image_size`, and nothing is cut off.
        depth_size: (height, width) of the whole depth map; by default it is framed as the image is.
    """
    image = frame_image(example.image, image_size, frame_size)
    if depth_size is not None:
        return Example(example.name, image, resize_depth(example.depth, depth_size))
    depth = resize_depth(example.depth, frame_size or image_size)
    return Example(example.name, image, _middle(depth, image_size))


def _middle(array: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    top, left = ((old - new) // 2 for old, new in zip(array.shape, size, strict=False))
    return array[top : top + size[0], left : left + size[1]]


def train_batches(
    source: Source,
    *,
    batch_size: int,
    image_size: tuple[int, int],
    frame_size: tuple[int, int] | None = None,
    depth_size: tuple[int, int] | None = None,
    seed: int,
    start: int = 0,
    shard: tuple[int, int] = (0, 1),
    num_threads: int = 4,
    num_workers: int = 0,
    prefetch: int = 4,
) -> "grain.DatasetIterator[Batch]":
    """Endless batches, every epoch in another order.

    Which batch comes n-th depends on the source, the sizes, the seed and the shard alone: to go on
    after n batches, pass `start=n`, with any number of threads or workers.

    Args:
        source: where examples come from.
        batch_size: examples a batch (of this shard).
        image_size, frame_size, depth_size: of every example, see `resize_example`.
        seed: decides the order.
        start: how many batches to leave out at the beginning; costs nothing.
        shard: (index, count): this process reads every count-th example from index on.
        num_threads: threads that read and decode.
        num_workers: processes that do so instead, for large images; 0 for none.
        prefetch: batches read ahead.

    Returns:
        A grain iterator of `Batch`; `close()` ends its threads or workers.
    """
    index, count = shard
    dataset = grain.MapDataset.source(source)[index::count].shuffle(seed=seed).repeat()
    sizes = {"frame_size": frame_size, "depth_size": depth_size}
    dataset = dataset.map(lambda example: resize_example(example, image_size, **sizes))
    dataset = dataset.batch(batch_size, drop_remainder=True, batch_fn=stack)[start:]
    iterable = dataset.to_iter_dataset(
        grain.ReadOptions(num_threads=num_threads, prefetch_buffer_size=prefetch)
    )
    if num_workers:
        if not flags.FLAGS.is_parsed():  # grain reads its own flags, whoever parsed the arguments
            flags.FLAGS.mark_as_parsed()
        iterable = iterable.mp_prefetch(
            grain.MultiprocessingOptions(num_workers=num_workers, per_worker_buffer_size=prefetch),
            worker_init_fn=_leave_signals_to_the_parent,
        )
    return iter(iterable)


def _leave_signals_to_the_parent(index: int, count: int) -> None:
    """A terminal sends Ctrl-C to workers too; the parent decides when they end."""
    del index, count
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def stack(examples: Any) -> Batch:
    """Stacks examples of one size."""
    examples = list(examples)
    return Batch(
        [e.name for e in examples],
        np.stack([e.image for e in examples]),
        np.stack([e.depth for e in examples]),
    )


def examples_in_order(
    source: Source, *, start: int = 0, stop: int | None = None, num_threads: int = 4
) -> Iterator[Example]:
    """Every example of `[start:stop]` once, in the source's order and size, read by threads."""
    options = grain.ReadOptions(num_threads=num_threads, prefetch_buffer_size=16)
    return iter(grain.MapDataset.source(source)[start:stop].to_iter_dataset(options))
