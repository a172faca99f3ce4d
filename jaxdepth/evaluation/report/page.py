"""The page: what was collected, through the template."""

import base64
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jinja2
import numpy as np
from markupsafe import Markup

from jaxdepth.errors import DataError
from jaxdepth.evaluation.geometry import GEOMETRY_COLUMNS
from jaxdepth.evaluation.report.charts import Series, line_chart
from jaxdepth.evaluation.report.collector import Collector, Shown
from jaxdepth.evaluation.report.pictures import (
    blue_to_red,
    fit,
    legend,
    more_is_bright,
    near_is_bright,
    paint,
    picture_uri,
    uri,
)
from jaxdepth.evaluation.table import EDGE_COLUMNS, TABLE_COLUMNS, Rows, higher_is_better

COLUMNS = {**TABLE_COLUMNS, "mae": "MAE", "silog": "SIlog", **EDGE_COLUMNS, **GEOMETRY_COLUMNS}
_EXTRA = ("mae", "silog")
_OF_AN_IMAGE = ("abs_rel", "rmse", "delta1")

_CLOUD_SIDE = 128


class Figure(NamedTuple):
    """A picture that was made before, such as a study's."""

    caption: str
    png: bytes


def render_report(
    collector: Collector,
    rows: Rows,
    footer: Sequence[str],
    *,
    title: str,
    camera_note: str = "",
    curves: Sequence[Mapping[str, Any]] = (),
    studies: Sequence[Figure] = (),
) -> str:
    """The report as one HTML page that refers to nothing outside itself.

    Args:
        collector: of the images.
        rows: label and metrics of each line of the metric table.
        footer: lines below it, the protocol's text and hash among them.
        title: what was scored.
        camera_note: what was assumed of the camera.
        curves: of training, as `line_chart` gives them.
        studies: pictures, of the integration.

    Raises:
        DataError: no image was scored.
    """
    if not collector.shown:
        raise DataError("a report is of one image or more with valid ground truth: there is none")
    shown = collector.shown
    names = _without_folder([name for name, _ in collector.scored])
    depth_scale, error_scale = _scales(shown)
    shown_as = {image.index: f"image-{i}" for i, image in enumerate(shown)}
    columns = {name: COLUMNS[name] for name in COLUMNS if _has(rows, name) and name not in _EXTRA}
    own = [name for name in columns if name in collector.scored[0][1]]
    own = [collector.metric, *(name for name in own if name != collector.metric)]
    beside = dict.fromkeys([collector.metric, *_OF_AN_IMAGE])
    error_map = collector.mean_error_map()
    top = float(np.nanquantile(error_map, 0.99))
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("jaxdepth.evaluation.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.globals["source"] = lambda name: Markup(
        environment.loader.get_source(environment, name)[0]
    )
    return environment.get_template("report.html").render(
        title=title,
        columns=columns,
        rows=[(label, [_number(metrics.get(n)) for n in columns]) for label, metrics in rows],
        footer=footer,
        metric=COLUMNS[collector.metric],
        count=len(collector.scored),
        image_columns={name: COLUMNS[name] for name in own},
        higher=[name for name in own if higher_is_better(name)],
        image_rows=[
            (names[i], shown_as.get(i), [(_number(metrics[n]), metrics[n]) for n in own])
            for i, (_, metrics) in enumerate(collector.scored)
        ],
        images=[
            _pictures(image, depth_scale, error_scale)
            | {"id": f"image-{i}", "name": names[image.index], "best": 2 * i < len(shown)}
            | {"metrics": [(COLUMNS[n], _number(image.metrics[n])) for n in beside]}
            for i, image in enumerate(shown)
        ],
        depth_legend=legend(*depth_scale, near_is_bright, "m"),
        error_legend=legend(*error_scale, blue_to_red, "m"),
        error_map=picture_uri(
            paint(error_map, np.isfinite(error_map), 0, top, more_is_bright)
            .repeat(2, 0)
            .repeat(2, 1)
        ),
        error_map_legend=legend(0, top, more_is_bright, "m"),
        depth_chart=_error_chart(collector),
        clouds=_json([_cloud(image, depth_scale) for image in shown if image.intrinsics]),
        cloud_names=[(f"image-{i}", names[s.index]) for i, s in enumerate(shown) if s.intrinsics],
        camera_note=camera_note,
        curves=[chart for chart in curves if chart],
        studies=[(figure.caption, uri(figure.png, "image/png")) for figure in studies],
    )


def _scales(shown: Sequence[Shown]) -> tuple[tuple[float, float], tuple[float, float]]:
    """One scale of depth and one of error, for all images: all but a hundredth on either side."""
    targets = np.concatenate([image.target[image.valid][::7] for image in shown])
    errors = np.concatenate([(s.prediction - s.target)[s.valid][::7] for s in shown])
    low, high = np.quantile(targets, (0.01, 0.99)).astype(float)
    errors = np.abs(errors[np.isfinite(errors)])
    reach = max(float(np.quantile(errors, 0.98)) if errors.size else 0.0, 0.01)
    return (low, max(high, low + 0.01)), (-reach, reach)


def _pictures(image: Shown, depth_scale: Sequence[float], error_scale: Sequence[float]) -> dict:
    everywhere = np.isfinite(image.prediction) & (image.prediction > 0)
    panels = [
        ("truth", "Ground truth", (image.target, image.valid, *depth_scale, near_is_bright)),
        ("prediction", "Prediction", (image.prediction, everywhere, *depth_scale, near_is_bright)),
        ("error", "Error",
         (image.prediction - image.target, image.valid, *error_scale, blue_to_red)),
    ]  # fmt: skip
    pictures = [(kind, text, picture_uri(fit(paint(*how), smooth=False)))
                for kind, text, how in panels]  # fmt: skip
    if image.photo is not None:
        pictures.insert(0, ("photograph", "Image", picture_uri(fit(image.photo))))
    height, width = fit(image.target, smooth=False).shape
    return {"pictures": pictures, "height": height, "width": width}


def _cloud(image: Shown, depth_scale: Sequence[float]) -> dict:
    """Depth on a coarser grid, in millimetres, with colours; the page back-projects it."""
    target = np.where(image.valid, image.target, 0)
    prediction = np.nan_to_num(image.prediction, nan=0, posinf=0, neginf=0)
    photo = image.photo
    if photo is None:
        photo = paint(target, image.valid, *depth_scale, near_is_bright)
    maps = {
        name: fit(depth, max_side=_CLOUD_SIDE, smooth=False)
        for name, depth in (("truth", target), ("prediction", prediction))
    }
    height, width = maps["truth"].shape
    x, y = width / image.target.shape[1], height / image.target.shape[0]
    fx, fy, cx, cy = image.intrinsics
    # INTER_NEAREST takes pixel ⌊i / x⌋, which has its centre at i / x or up to a pixel before.
    intrinsics = [fx * x, fy * y, cx * x, cy * y]
    return {
        "width": width,
        "height": height,
        "intrinsics": [round(float(v), 4) for v in intrinsics],
        "color": _base64(fit(photo, max_side=_CLOUD_SIDE)),
        **{
            name: _base64(np.rint(1000 * np.clip(depth, 0, 65.535)).astype("<u2"))
            for name, depth in maps.items()
        },
    }


def _error_chart(collector: Collector) -> dict | None:
    by_depth = collector.error_by_depth()
    depth = by_depth["depth"]
    series = [
        Series("mean |error|", depth, by_depth["error"], marked=True),
        Series("mean error (bias)", depth, by_depth["bias"], marked=True),
        Series("share of pixels", depth, by_depth["pixels"], bars=True),
    ]
    return line_chart(series, title="Error against depth", x="true depth (m)", y="error (m)")


def _without_folder(names: Sequence[str]) -> list[str]:
    """The names without the folder that all of them are in."""
    folder = os.path.commonpath([os.path.dirname(name) for name in names])
    return [name.removeprefix(f"{folder}/") for name in names]


def _has(rows: Rows, name: str) -> bool:
    return any(name in metrics for _, metrics in rows)


def _number(value: float | None) -> str:
    return "–" if value is None or not np.isfinite(value) else f"{value:.4f}"


def _base64(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()


def _json(value: Any) -> Markup:
    """For a script element, which nothing in it may end."""
    return Markup(json.dumps(value, separators=(",", ":")).replace("<", "\\u003c"))
