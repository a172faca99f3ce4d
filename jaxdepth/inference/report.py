"""What a report is made of: the images as they are scored, and what the run's folder has beside."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from jaxdepth.data.images import resize_image
from jaxdepth.data.sources import Example
from jaxdepth.evaluation import Camera, ImageScore, Protocol, Table, average_bins, compare_image
from jaxdepth.evaluation.report import Collector, Figure, Series, line_chart, render_report
from jaxdepth.experiment import Workdir, write_text
from jaxdepth.inference.camera import ASSUMED_FOV, CameraOfSize, parse_camera
from jaxdepth.inference.curves import Record, read_records

PAGE = "index.html"
_VALIDATION = "validation "
_POINTS = 80  # of a line: what is logged more often is averaged


class Report:
    """A page in the making.

    Args:
        out: folder to write to, made if it is not there.
        metric: that tells best from worst.
        camera: of the images; where neither it nor an example tells, a Kinect's view is assumed.

    Raises:
        ConfigError: there is no such metric.
    """

    def __init__(self, out: Path, metric: str, camera: CameraOfSize | None):
        self._out = out
        self._collector = Collector(metric)
        self._camera = camera or parse_camera(None, ASSUMED_FOV)
        self._is_assumed = camera is None

    def add(
        self, example: Example, prediction: np.ndarray, score: ImageScore, protocol: Protocol
    ) -> None:
        """Adds one image; an example without image has no photograph to show.

        Args:
            example: the image.
            prediction: `[h, w]`, metres.
            score: of it.
            protocol: that it was scored under.
        """
        compared = compare_image(protocol, prediction, example.depth, name=example.name)
        given, region = example.depth.shape, compared.region
        frame = tuple(protocol.truth_size or given)
        photo = example.image
        if photo is not None:
            photo = region.of(resize_image(photo, frame))
        self._is_assumed = self._is_assumed and example.intrinsics is None
        camera = Camera(example.intrinsics or self._camera(given)).resized(given, frame)
        self._collector.add(score, compared, photo=photo, camera=camera.cropped(region))

    def write(self, table: Table, title: str, **extras: Sequence[Any]) -> Table:
        """Writes the page; returns the table with the line that says where it is."""
        note = ""
        if self._is_assumed:
            note = f"The camera is not known: a Kinect's view of {ASSUMED_FOV}° is assumed."
        page = render_report(
            self._collector, table.rows, table.footer, title=title, camera_note=note, **extras
        )
        self._out.mkdir(parents=True, exist_ok=True)
        write_text(self._out / PAGE, page)
        line = f"report: {self._out / PAGE}"
        return dataclasses.replace(table, footer=[*table.footer, line])

    def write_run(self, table: Table, run: Workdir) -> Table:
        """Writes the page of a run, with its training and its studies, as far as there are any."""
        curves, studies = [], []
        if run.metrics.is_file():
            curves = training_charts(read_records(run.metrics))
        for file in sorted(run.studies.glob("*.png")):
            studies.append(Figure(file.stem, file.read_bytes()))
        return self.write(table, table.title, curves=curves, studies=studies)


def training_charts(records: Sequence[Record]) -> list[Mapping[str, Any] | None]:
    """The errors and the losses of a run against the steps of training, stage after stage."""
    training: dict[str, list[Record]] = {}
    validation: dict[str, list[Record]] = {}
    for record in records:
        kind = validation if record["stage"].startswith(_VALIDATION) else training
        kind.setdefault(record["stage"], []).append(record)
    errors = [_smooth(stage, "log10", of_stage) for stage, of_stage in training.items()]
    for name, of_map in validation.items():
        errors.append(Series(name, *_columns(of_map, "log10"), marked=True))
    losses = [_smooth(stage, "loss", of_stage) for stage, of_stage in training.items()]
    return [
        line_chart(errors, title="log10 error", x="step", y="log10 error"),
        line_chart(losses, title="Loss of each stage", x="step", y="loss"),
    ]


def _smooth(stage: str, key: str, records: Sequence[Record]) -> Series:
    steps, values = _columns(records, key)
    if len(steps) > _POINTS:
        steps, values = average_bins(steps, values, width=float(np.ptp(steps)) / _POINTS)
    return Series(stage, steps, values)


def _columns(records: Sequence[Record], key: str) -> np.ndarray:
    return np.array([(r["step"], r[key]) for r in records if key in r], np.float64).reshape(-1, 2).T
