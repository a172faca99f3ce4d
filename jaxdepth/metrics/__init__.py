"""Depth metrics: their definitions, mergeable sums, averages over many images; edges and geometry.

Predictions and targets are depth in metres, `[..., H, W]`. A target that is not positive or not
finite is no measurement, and a `mask` leaves out more pixels; what lies under either changes
nothing. Functions of JAX arrays work under `jit` and `vmap`; functions of NumPy arrays stay in
NumPy and in the precision of their arrays.
"""

from jaxdepth.metrics.accumulator import MetricAccumulator
from jaxdepth.metrics.boundaries import BoundaryErrors, boundary_errors
from jaxdepth.metrics.clouds import CloudScores, FScore, cloud_scores
from jaxdepth.metrics.edges import depth_edges, near_edges
from jaxdepth.metrics.planarity import PlanarityErrors, planarity_errors
from jaxdepth.metrics.sums import (
    METRIC_NAMES,
    MetricSums,
    compute,
    depth_metrics,
    merge,
    metric_sums,
    pool,
)

__all__ = [
    "METRIC_NAMES",
    "BoundaryErrors",
    "CloudScores",
    "FScore",
    "MetricAccumulator",
    "MetricSums",
    "PlanarityErrors",
    "boundary_errors",
    "cloud_scores",
    "compute",
    "depth_edges",
    "depth_metrics",
    "merge",
    "metric_sums",
    "near_edges",
    "planarity_errors",
    "pool",
]
