"""Filling the holes of depth while a dataset is prepared."""

from jaxdepth.data.fills import fill_colorization, fill_cross_bilateral
from jaxdepth.data.prepare.plan import Plan
from jaxdepth.data.readers.frame import Frame
from jaxdepth.errors import DataError

FILLS = {"colorization": fill_colorization, "cross_bilateral": fill_cross_bilateral}
"""How depth may be filled, see `jaxdepth.data.fills`."""


def filled(plan: Plan, fill: str) -> Plan:
    """The plan of the same frames with filled depth: a variant of its own.

    Args:
        plan: of frames whose depth has holes and is of the image's size.
        fill: one of `FILLS`.

    Returns:
        A plan whose frames have the depth as measured beside the filled, `depth_raw`.
    """
    return plan._replace(
        variant="_".join(filter(None, [plan.variant, fill])),
        facts={**plan.facts, "fill": fill},
        raw_depth=True,
        fill=fill,
    )


def fill_frame(frame: Frame, fill: str, *, where: object) -> Frame:
    """Fills a frame's depth; what was measured becomes its `raw_depth`.

    Raises:
        DataError: there is nothing to fill from; the message begins with `where`.
    """
    try:
        depth = FILLS[fill](frame.image, frame.depth)
    except DataError as error:
        raise DataError(f"{where}: {error}") from error
    return frame._replace(depth=depth, raw_depth=frame.depth)
