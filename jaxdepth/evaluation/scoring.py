"""The scores of many predictions under one protocol."""

import collections
import functools
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from jaxdepth.evaluation.compared import compare_image
from jaxdepth.evaluation.geometry import Camera, image_geometry
from jaxdepth.evaluation.image_sums import image_sums
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.evaluation.scores import ImageScore, Scores, image_score, total
from jaxdepth.metrics import near_edges

_WORKERS = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
_BATCH = 4
"""Images that a thread takes at a time: handing over takes as long as a tenth of one."""

IMAGES_AT_ONCE = max(16, 2 * _BATCH * _WORKERS)
"""So many images keep all threads busy."""


class Scorer:
    """Scores predictions under a protocol, in float64, on all cores.

    Several of them can share one pass over the data. Up to four images for each core, and eight
    more, are held until they are scored.

    Args:
        protocol: which pixels count, where predictions lie, and the average.
        edges: whether to score the pixels near the ground truth's discontinuities besides, by
            `EDGE_METRICS`. Where these lie does not depend on the protocol: they are sought in the
            whole ground truth (`jaxdepth.metrics.near_edges`).
        geometry: whether to score edges, planes and points besides, by `GEOMETRY_COLUMNS`.
    """

    def __init__(self, protocol: Protocol, *, edges: bool = False, geometry: bool = False):
        self.protocol = protocol
        self._edges = edges
        self._geometry = geometry
        self._images: list[ImageScore] = []
        self._waiting: list[tuple[Any, ...]] = []
        self._pending: collections.deque[Future[list[ImageScore]]] = collections.deque()
        self._error: Exception | None = None

    @property
    def images(self) -> Sequence[ImageScore]:
        """The scores of each image so far, in the order given; `add` has the errors."""
        if self._waiting:
            self._submit()
        while self._pending or self._error:
            self._collect()
        return self._images

    def add(
        self,
        name: str,
        prediction: ArrayLike,
        target: ArrayLike,
        image: np.ndarray | None = None,
        camera: Camera | None = None,
    ) -> None:
        """Takes one prediction to score; the arrays must not change any more.

        Args:
            name: what an error calls the image, usually its file.
            prediction: `[h, w]`, metres; where it is not positive or not finite it is scored as an
                end of the protocol's range (`Protocol.clamp`), and counted.
            target: ground truth `[H, W]`, metres; 0 or non-finite = no measurement.
            image: `[H, W, 3]` of the ground truth's frame; only a protocol that fills the border of
                predictions by it needs one.
            camera: of the ground truth as it was given, where known; for the scores of geometry.

        Raises:
            DataError: this prediction, or one before it, cannot be placed in the ground truth
                (`Protocol.place`). It is raised again by whatever is asked of this object later.
        """
        if self._error is not None:
            raise self._error
        self._waiting.append((name, prediction, target, image, camera))
        if len(self._waiting) == _BATCH:
            self._submit()

    def _submit(self) -> None:
        batch, self._waiting = self._waiting, []
        self._pending.append(_pool().submit(self._score_all, batch))
        if len(self._pending) > _WORKERS + 1:
            self._collect()

    def _collect(self) -> None:
        """Takes the scores of the oldest batch; after an error there are none of any other."""
        if self._error is None:
            try:
                self._images += self._pending.popleft().result()
            except Exception as error:
                self._error = error
        if self._error is not None:
            raise self._error

    def _score_all(self, pairs: Sequence[tuple[Any, ...]]) -> list[ImageScore]:
        how = {"edges": self._edges, "geometry": self._geometry}
        return [_score(self.protocol, *pair, **how) for pair in pairs]

    def scores(self) -> Scores:
        """The scores of all predictions so far; `total` has the errors."""
        return total(self.protocol, self.images)


def _score(
    protocol: Protocol,
    name: str,
    prediction: ArrayLike,
    target: ArrayLike,
    image: np.ndarray | None,
    camera: Camera | None,
    *,
    edges: bool,
    geometry: bool,
) -> ImageScore:
    given = np.asarray(target)
    target = protocol.truth_frame(given)
    p, g, placement = protocol.place(np.asarray(prediction), target, name=name, image=image)
    aligned = None
    if protocol.alignment != "none":
        truth = protocol.truth(g.astype(np.float64))
        aligned = protocol.align(p.astype(np.float64), truth, protocol.valid(g))
    sums, missing_pixels, clamped_pixels = image_sums(protocol, p, g, aligned=aligned)
    edge_sums = None
    if edges:
        near = near_edges(target.astype(np.float64))
        if near.shape != g.shape:
            near = protocol.region(target.shape, name=name).of(near)
        edge_sums = image_sums(protocol, p, g, where=near, aligned=aligned).sums
    of_geometry = None
    if geometry:  # which is no sum over pixels, and so of the whole image
        compared = compare_image(protocol, prediction, given, name=name, image=image)
        camera = camera and camera.resized(given.shape, target.shape)
        of_geometry = image_geometry(compared, target, camera)
    return image_score(
        protocol,
        name,
        sums=sums,
        placement=placement,
        missing_pixels=missing_pixels,
        clamped_pixels=clamped_pixels,
        edge_sums=edge_sums,
        geometry=of_geometry,
    )


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_WORKERS, thread_name_prefix="scoring")


def score(pairs: Iterable[tuple[Any, ...]], protocol: Protocol, *, edges: bool = False) -> Scores:
    """Scores predictions against their ground truth.

    Args:
        pairs: name, prediction and ground truth of each image, and the image too where the protocol
            needs it, as `Scorer.add` takes them; one at a time, so a generator that reads files
            needs the memory of one pair.
        protocol: which pixels count, where predictions lie, and the average.
        edges: whether to score the pixels near the ground truth's discontinuities besides.

    Returns:
        The scores.

    Raises:
        DataError: there are no pairs, one cannot be placed, or no pixel of any ground truth counts.
    """
    scorer = Scorer(protocol, edges=edges)
    for pair in pairs:
        scorer.add(*pair)
    return scorer.scores()
