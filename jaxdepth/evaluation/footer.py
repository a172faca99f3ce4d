"""The lines below a table: how its numbers came about."""

from jaxdepth.evaluation.geometry import geometry_lines
from jaxdepth.evaluation.scores import Scores
from jaxdepth.metrics.edges import DISTANCE, RATIO


def footer_lines(scores: Scores) -> list[str]:
    """The lines that say how the scores came about.

    The protocol; images and pixels counted; where predictions were placed; and, only where there
    are any, images left out and predictions changed.
    """
    lines = [
        f"protocol: {scores.protocol}",
        f"counted: {scores.images:,} images, {scores.pixels:,} pixels",
    ]
    if scores.edge_pixels is not None:
        lines.append(
            f"edges: {scores.edge_pixels:,} pixels within {DISTANCE:g} of a step between depths "
            f"more than a factor of {RATIO:g} apart"
        )
    if scores.geometry is not None:
        lines += geometry_lines(scores.geometry)
    if scores.empty_images:
        lines.append(f"left out: {scores.empty_images:,} images without valid ground truth")
    for placement, count in scores.placements.items():
        lines.append(f"predictions: {count:,} {placement.value}")
    if scores.clamped_pixels:
        lines.append(f"clamped: {scores.clamped_pixels:,} pixels predicted outside the range")
    if scores.missing_pixels:
        scored = "as an end of the range" if scores.protocol.clip_limits[0] else "as they are"
        lines.append(
            f"missing: {scores.missing_pixels:,} pixels without a positive finite prediction, "
            f"scored {scored}"
        )
    return lines


def identity_lines(scores: Scores) -> list[str]:
    """The lines that say which protocol this was, by its hash, and name the images left out.

    The first five of these; they are counted in `footer_lines`.
    """
    protocol = scores.protocol
    lines = [f"protocol hash: {protocol.fingerprint}"]
    if protocol.note:
        lines.append(f"note: {protocol.note}")
    if names := scores.empty_names:
        more = f" and {len(names) - 5:,} more" if len(names) > 5 else ""
        lines.append(f"without valid ground truth: {', '.join(names[:5])}{more}")
    return lines
