"""What a report keeps of the images that were scored, one at a time."""

import bisect
from collections.abc import Mapping
from typing import NamedTuple

import cv2
import numpy as np

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation.compared import Compared
from jaxdepth.evaluation.geometry import Camera
from jaxdepth.evaluation.scores import ImageScore
from jaxdepth.evaluation.table import higher_is_better
from jaxdepth.metrics import METRIC_NAMES

REPORT_IMAGES = 20
"""Images that a report shows: half of them the best, half the worst."""

BIN = 0.1
"""Metres of true depth over which errors are summed up."""

_BINS = 1000
_MAP_SIDE = 160


class Shown(NamedTuple):
    """An image of the report.

    Attributes:
        index: of the image among all that were scored.
        name: of it.
        metrics: of it alone.
        prediction, target: `[h, w]` float32, metres.
        valid: true at the pixels that count.
        photo: `[h, w, 3]` uint8, or None.
        intrinsics: fx, fy, cx, cy in pixels, or None.
    """

    index: int
    name: str
    metrics: Mapping[str, float]
    prediction: np.ndarray
    target: np.ndarray
    valid: np.ndarray
    photo: np.ndarray | None
    intrinsics: tuple[float, ...] | None


class Collector:
    """Keeps the best and the worst images in memory, and sums of all.

    Args:
        metric: that tells best from worst, of `METRIC_NAMES`.

    Raises:
        ConfigError: there is no such metric.
    """

    def __init__(self, metric: str = "abs_rel"):
        if metric not in METRIC_NAMES:
            raise ConfigError(f"a report's metric is {', '.join(METRIC_NAMES)}, got {metric!r}")
        self.metric = metric
        self.scored: list[tuple[str, Mapping[str, float]]] = []
        """Name and metrics of every image with a pixel that counts."""
        self._shown: list[tuple[float, int, Shown]] = []
        self._bins = np.zeros((3, _BINS))  # pixels, Σ |p − g|, Σ (p − g)
        self._map: np.ndarray | None = None  # Σ |p − g| and valid pixels

    def add(
        self,
        score: ImageScore,
        compared: Compared,
        *,
        photo: np.ndarray | None = None,
        camera: Camera | None = None,
    ) -> None:
        """Adds one image.

        Args:
            score: of the image alone.
            compared: the arrays that it is of.
            photo: `[h, w, 3]` uint8, of the scored region.
            camera: of the scored region.
        """
        name, metrics = score.name, score.metrics
        prediction, target, valid, _ = compared
        if not valid.any():
            return
        self.scored.append((name, metrics))
        error = np.where(valid, prediction - np.where(valid, target, 0), 0)
        error = np.where(np.isfinite(error), error, 0)
        self._sum_up(error, np.where(valid, target, 0), valid)
        key = metrics[self.metric] * (-1 if higher_is_better(self.metric) else 1)
        image = Shown(
            len(self.scored) - 1,
            name,
            metrics,
            prediction.astype(np.float32),
            target.astype(np.float32),
            valid,
            photo,
            None if camera is None else tuple(camera.intrinsics),
        )
        bisect.insort(self._shown, (key, image.index, image))
        if len(self._shown) > REPORT_IMAGES:
            del self._shown[REPORT_IMAGES // 2]

    @property
    def shown(self) -> list[Shown]:
        """The images to show, the best first."""
        return [image for *_, image in self._shown]

    def error_by_depth(self, *, bins: int = 16) -> dict[str, np.ndarray]:
        """The errors of all pixels, by their true depth.

        Returns:
            `depth`, the middle of each bin in metres; `pixels`, the share of them; `error` and
            `bias`, the means of |p − g| and p − g in metres; bins without a pixel are left out.
        """
        last = np.flatnonzero(self._bins[0]).max() + 1
        width = -(-last // bins)
        ends = np.arange(0, last, width)
        pixels, error, bias = np.add.reduceat(self._bins, ends, axis=1)
        some = pixels > 0
        return {
            "depth": ((ends + width / 2) * BIN)[some],
            "pixels": pixels[some] / pixels.sum(),
            "error": error[some] / pixels[some],
            "bias": bias[some] / pixels[some],
        }

    def mean_error_map(self) -> np.ndarray:
        """The mean of |p − g| over the images, metres, at a size of its own; NaN where none."""
        error, valid = self._map
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(valid > 1e-6, error / valid, np.nan)

    def _sum_up(self, error: np.ndarray, target: np.ndarray, valid: np.ndarray) -> None:
        depth = np.minimum((target[valid] / BIN).astype(int), _BINS - 1)
        for total, weights in zip(self._bins, (None, np.abs(error), error), strict=True):
            total += np.bincount(depth, weights if weights is None else weights[valid], _BINS)
        if self._map is None:
            scale = min(1, _MAP_SIDE / max(error.shape))
            size = [max(1, round(side * scale)) for side in error.shape]
            self._map = np.zeros((2, *size))
        for total, values in zip(self._map, (np.abs(error), valid.astype(float)), strict=True):
            total += cv2.resize(values, total.shape[::-1], interpolation=cv2.INTER_AREA)
