"""The average of the depth metrics over many images, in float64 on the host."""

from typing import Literal, get_args

import jax
import numpy as np
from jaxtyping import Bool

from jaxdepth.metrics.sums import METRIC_NAMES, Array, MetricSums, compute, merge, pool

Average = Literal["pixels", "images"]


class MetricAccumulator:
    """Averages metrics over images, from the sums of each image.

    The two averages differ wherever images differ in their number of valid pixels, and always for
    the roots and `silog`; published tables use one or the other.

    - `"pixels"`: pooled over all valid pixels of all images: exactly `depth_metrics` of the images
      joined into one array.
    - `"images"`: each metric is computed for each image, and then averaged. An image without a
      valid pixel has no metrics: it is left out of the mean and counted in `empty_images`.

    Sums may come from the device in float32, one image at a time; across images everything is
    float64, so hundreds of millions of pixels lose no precision.

    Example:
        >>> import numpy as np
        >>> from jaxdepth.metrics import metric_sums
        >>> accumulator = MetricAccumulator(average="images")
        >>> for pred, target in [(np.ones(3), np.full(3, 2.0)), (np.ones(9), np.ones(9))]:
        ...     accumulator.update(metric_sums(pred, target))
        >>> accumulator.compute()["abs_rel"]
        0.25
    """

    def __init__(self, *, average: Average):
        """Args: average: `"pixels"` or `"images"`; anything else is a `ValueError`."""
        if average not in get_args(Average):
            raise ValueError(f"average must be 'pixels' or 'images', got {average!r}")
        self.average = average
        self.images = 0
        """Images with at least one valid pixel."""
        self.empty_images = 0
        """Images without any, which no average contains."""
        self._pooled = MetricSums(*(np.float64(0) for _ in MetricSums._fields))
        self._image_totals = dict.fromkeys(METRIC_NAMES, 0.0)

    @property
    def pixels(self) -> int:
        """Valid pixels of all images."""
        return int(self._pooled.pixels)

    def update(self, sums: MetricSums, *, where: Bool[Array, "..."] | None = None) -> None:
        """Adds images.

        Args:
            sums: of one image (scalars), or of several by leading axes, as `vmap` and `pmap` of
                `metric_sums` give them; of each image alone, never of a batch pooled.
            where: true for the entries of `sums` that are images, of their shape; false for what
                only fills up a batch, which is then neither scored nor counted.

        Raises:
            ValueError: `where` and `sums` differ in shape.
        """
        sums, where = jax.device_get((sums, where))
        columns = np.stack([np.asarray(field, np.float64) for field in sums])
        images = np.ones(columns.shape[1:], bool) if where is None else np.asarray(where, bool)
        if images.shape != columns.shape[1:]:
            raise ValueError(
                f"where must have the shape of the sums, {columns.shape[1:]}, got {images.shape}"
            )
        counted = MetricSums(*columns[:, images])
        there = counted.pixels > 0
        self.images += np.count_nonzero(there)
        self.empty_images += np.count_nonzero(~there)
        counted = MetricSums(*(values[there] for values in counted))
        self._pooled = merge(self._pooled, pool(counted))
        for name, values in compute(counted).items():
            self._image_totals[name] += float(values.sum())

    def merge(self, other: "MetricAccumulator") -> None:
        """Adds all images of another accumulator, which stays as it is.

        Raises:
            ValueError: the other averages differently.
        """
        if other.average != self.average:
            raise ValueError(
                "only accumulators of one average can be merged, "
                f"got {self.average!r} and {other.average!r}"
            )
        self.images += other.images
        self.empty_images += other.empty_images
        self._pooled = merge(self._pooled, other._pooled)
        for name, total in other._image_totals.items():
            self._image_totals[name] += total

    def compute(self) -> dict[str, float]:
        """`METRIC_NAMES` → average so far; NaN where no image had a valid pixel."""
        if self.average == "pixels":
            return {name: float(value) for name, value in compute(self._pooled).items()}
        if self.images == 0:
            return dict.fromkeys(METRIC_NAMES, float("nan"))
        return {name: total / self.images for name, total in self._image_totals.items()}
