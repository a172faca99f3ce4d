"""A protocol in words: one line for the reader of a table."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jaxdepth.evaluation.protocol import Protocol

_ALIGNED = {
    "median": "predictions scaled by the medians of each image",
    "depth": "predictions scaled and shifted by least squares in each image",
    "disparity": "disparities scaled and shifted by least squares in each image",
}


def describe(protocol: "Protocol") -> str:
    """All that a protocol states, in one line, in parts joined by semicolons.

    What is at its default and needs no word has none; a name, if it has one, comes first.
    """
    p = protocol
    parts = ["pooled over all pixels" if p.average == "pixels" else "averaged over images"]
    parts.append(_region(p))
    parts.append(f"{_truth_range(p)}, {_clamped(p)}")
    what = [p.dataset, f"{p.split} split" if p.split else ""]
    what.append(f"{p.ground_truth} ground truth" if p.ground_truth else "")
    if any(what):
        parts.append(", ".join(filter(None, what)))
    if p.truth_size is not None:
        parts.append(f"ground truth resized to {p.truth_size[0]}x{p.truth_size[1]} (nearest)")
    parts += _resizing(p)
    if p.alignment != "none":
        parts.append(_ALIGNED[p.alignment])
    if p.mirrored:
        parts.append("predictions averaged with those of the mirrored images")
    if p.swapped:
        parts.append("prediction and ground truth swapped in the metrics")
    if p.log10_rmse:
        parts.append("RMS(log) of decimal logarithms")
    return (f"{p.name}: " if p.name else "") + "; ".join(parts)


def _region(p: "Protocol") -> str:
    if p.crop is None:
        region = "full frame"
    elif isinstance(p.crop, str):
        region = f"crop {p.crop}"
    else:
        region = f"crop {p.crop} (rows, columns)"
    return region if p.within is None else f"{region} of the part {p.within} of the frame"


def _truth_range(p: "Protocol") -> str:
    low, high = p.min_depth or 0, p.max_depth
    above, below = ("≤" if i else "<" for i in (p.min_included, p.max_included))
    if high is None or p.max_capped:
        text = f"ground truth {'≥' if p.min_included else '>'} {low:g} m"
        return text if high is None else f"{text} and capped at {high:g} m"
    return f"{low:g} m {above} ground truth {below} {high:g} m"


def _clamped(p: "Protocol") -> str:
    low, high = p.clip_limits
    when = " before they are resized" if p.clip_first else ""
    if low is None and high is None:
        return "predictions not clamped"
    if high is None:
        return f"predictions clamped to at least {low:g} m{when}"
    if low is None:
        return f"predictions clamped to at most {high:g} m{when}"
    return f"predictions clamped to [{low:g}, {high:g}] m{when}"


def _resizing(p: "Protocol") -> list[str]:
    parts = []
    how = []
    if p.interpolation != "bilinear":
        how.append(f"by {p.interpolation} neighbour")
    if p.align_corners:
        how.append("with aligned corners")
    if p.resize_in != "depth":
        how.append(f"as {p.resize_in}")
    if how:
        parts.append(f"predictions resized {' '.join(how)}")
    if p.covers is not None:
        stretched = "all sizes" if p.stretch == "covers" else "its size"
        parts.append(f"predictions of {stretched} cover the part {p.covers} of the frame")
    if p.border != "missing":
        parts.append(f"missing border filled by a {p.border} filter")
    return parts
