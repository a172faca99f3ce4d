"""Depth metrics: their definitions, mergeable sums, averages over many images, and depth edges.

Predictions and targets are depth in metres, `[..., H, W]`. A target that is not positive or not
finite is no measurement, and a `mask` leaves out more pixels; what lies under either changes
nothing. Functions of JAX arrays work under `jit` and `vmap`; functions of NumPy arrays stay in
NumPy and in the precision of their arrays.
"""

from jaxdepth.metrics.accumulator import MetricAccumulator
from jaxdepth.metrics.edges import depth_edges, near_edges
from jaxdepth.metrics.sums import (
    METRIC_NAMES,
    MetricSums,
    compute,
    depth_metrics,
    merge,
    metric_sums,
)

__all__ = [
    "METRIC_NAMES",
    "MetricAccumulator",
    "MetricSums",
    "compute",
    "depth_edges",
    "depth_metrics",
    "merge",
    "metric_sums",
    "near_edges",
]
