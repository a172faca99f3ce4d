"""Batches on their way to the devices."""

from collections.abc import Iterator
from typing import Any

from jaxdepth.data.pipeline import Batch
from jaxdepth.training.parallel import shard


def read_ahead(iterator: Any, position: dict | None) -> Iterator[tuple[Batch, Any, dict]]:
    """Batches with the next one already on its way to the devices.

    Args:
        iterator: a grain iterator of `Batch`.
        position: a state of it to go on from, None for the beginning.

    Yields:
        The batch, its image and depth on the devices, and the iterator's state after it.
    """
    if position is not None:
        iterator.set_state(position)

    def fetch() -> tuple[Batch, Any, dict]:
        batch = next(iterator)
        return batch, shard((batch.image, batch.depth)), iterator.get_state()

    ahead = fetch()
    while True:
        current, ahead = ahead, fetch()
        yield current
