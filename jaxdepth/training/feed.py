"""Batches on their way to the devices."""

from collections.abc import Generator
from typing import Any

from jaxdepth.data.pipeline import Batch
from jaxdepth.training.parallel import shard


def read_ahead(iterator: Any) -> Generator[tuple[Batch, Any]]:
    """Batches with the next one already on its way to the devices.

    Args:
        iterator: from `jaxdepth.data.pipeline.train_batches`; closed with the generator.

    Yields:
        The batch, and its image and depth on the devices.
    """

    def fetch() -> tuple[Batch, Any]:
        batch = next(iterator)
        return batch, shard((batch.image, batch.depth))

    try:
        ahead = fetch()
        while True:
            current, ahead = ahead, fetch()
            yield current
    finally:
        iterator.close()
