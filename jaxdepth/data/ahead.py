"""Work done a little ahead of whoever takes its results."""

import collections
import concurrent.futures
import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """`map` by threads: results come in the items' order, a few are made ahead.

    An exception of `function` is raised where its result would come. What is not taken is not
    made, but for the few.
    """
    workers = min(os.cpu_count() or 1, 8)
    items = iter(items)
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        ahead = collections.deque(
            pool.submit(function, item) for item in itertools.islice(items, 2 * workers)
        )
        try:
            while ahead:
                yield ahead.popleft().result()
                ahead.extend(pool.submit(function, item) for item in itertools.islice(items, 1))
        finally:
            for future in ahead:
                future.cancel()
