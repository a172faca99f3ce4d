"""A share of the images of an evaluation, for a process of its own."""

import re
from typing import NamedTuple

from jaxdepth.errors import ConfigError


class Shard(NamedTuple):
    """One of the parts that an evaluation's images are divided into, each in one piece.

    Attributes:
        index: from 1 to `count`.
        count: of the parts.
    """

    index: int = 1
    count: int = 1

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"

    def of(self, images: int) -> range:
        """Which of so many images they are; sizes of shards differ by one at most."""
        return range(
            (self.index - 1) * images // self.count,
            self.index * images // self.count,
        )


def parse_shard(text: str) -> Shard:
    """Reads `I/N`.

    Raises:
        ConfigError: it is not of this form, or I is not one of 1 to N.
    """
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise ConfigError(
            "--shard must be I/N, the I-th of N shares of the images, from 1/N to N/N, got "
            f"{text!r}."
        )
    return Shard(int(match[1]), int(match[2]))
