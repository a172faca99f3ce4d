"""What `evaluate.py` was asked for, as tables."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import starmap
from pathlib import Path
from typing import Any

from ml_collections import FrozenConfigDict

from jaxdepth.data.folder import (
    DEPTH_SUFFIXES,
    Pair,
    match_pairs,
    read_image_pairs,
    read_prediction_pairs,
)
from jaxdepth.data.pipeline import examples_in_order
from jaxdepth.data.sources import Example
from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import (
    Protocol,
    format_table,
    mean_rows,
    parse_crop,
    parse_protocols,
    require_same_protocol,
)
from jaxdepth.experiment import Workdir, build_source, default_workdir, load_config
from jaxdepth.inference.camera import parse_camera, with_camera
from jaxdepth.inference.curves import plot_runs
from jaxdepth.inference.protocols import check_choice, protocol_of_run
from jaxdepth.inference.report import Report
from jaxdepth.inference.scoring import finished_runs, score_predictions, score_run
from jaxdepth.inference.sensitivity import predictions_under, run_under
from jaxdepth.inference.studies import (
    CONVERGENCE_NUM_ITERS,
    PAPER_NUM_ITERS,
    Runs,
    parse_num_iters,
    study_convergence,
    study_iterations,
    study_lam,
)

RUNS = Path("runs")
STUDIES = ("iterations", "convergence", "lam")


def evaluate(
    *,
    workdirs: Sequence[Path] = (),
    config: str | None = None,
    overrides: Sequence[str] = (),
    split: str | None = None,
    rgb: Path | None = None,
    depth: Path | None = None,
    depth_scale: float | None = None,
    predictions: Path | None = None,
    prediction_scale: float | None = None,
    crop: str | None = None,
    average: str | None = None,
    min_depth: float | None = None,
    max_depth: float | None = None,
    resize: bool = False,
    protocol: str | None = None,
    sensitivity: bool = False,
    across_protocols: bool = False,
    silog: bool = False,
    edges: bool = False,
    geometry: bool = False,
    intrinsics: str | None = None,
    fov: float | None = None,
    mean: bool = False,
    curves: Path | None = None,
    stage: str | None = None,
    depth_map: str | None = None,
    report: Path | None = None,
    report_metric: str | None = None,
    study: str | None = None,
    num_iters: str | None = None,
    out: Path | None = None,
) -> Iterator[str]:
    """Scores runs on a split of their dataset or on a folder, or saved predictions on a folder.

    If `report` is given, also as a page to look at, of one run or of saved predictions.

    Or, if `curves` or `study` is given, plots what runs recorded or how they integrate.

    Args:
        workdirs: the runs to score; by default every finished one under `runs/`.
        config: the config (`FILE:VARIANT`) whose run to score, its default one or one workdir.
        overrides: the config's overrides.
        split: of the run's dataset; "test" by default.
        rgb, depth: folders of photographs and of their depth maps, matched by file name.
        depth_scale: metres are value / scale.
        predictions, prediction_scale: a folder of saved predictions to score against `depth`.
        crop, average, min_depth, max_depth, resize: the protocol where it is to differ from the
            run's; for saved predictions from pixels of the full frame, above 1e-3 m. A crop of
            "none" and a max_depth of 0 switch the run's off.
        protocol: the preset to score under instead, of `jaxdepth.evaluation.PRESETS`; several
            joined by commas make one table, with a row for each.
        sensitivity: whether to score under all presets of the dataset whose frame the ground truth
            has.
        across_protocols: whether `mean` may be of runs that are scored under different protocols.
        silog: whether to add the scale-invariant error.
        edges: whether to add the errors near depth edges.
        geometry: whether to add the errors of edges, planes and points, where these are known.
        intrinsics, fov: of the camera of `depth`, see `jaxdepth.inference.camera.parse_camera`.
        mean: whether to print one table with the mean and the standard deviation over the runs,
            which differ in their seed, say, instead of one for each.
        curves: image file to plot the runs' learning curves in, instead of scoring.
        stage: of training, to plot; by default the first one that predicts depth.
        depth_map: whose validation errors to plot; by default the one that the stage trains.
        report: folder to write `index.html` to.
        report_metric: that tells the best and the worst images in it; "abs_rel" by default.
        study: of the integration, one of `STUDIES`, instead of scoring.
        num_iters: the study's numbers of iterations, joined by commas; by default the paper's, or
            50 of a study of convergence.
        out: folder for the study's files; by default `studies/` in the first run's folder.

    Yields:
        A table for each run, or one of all.

    Raises:
        ConfigError: a combination that asks for nothing.
        WorkdirError, CheckpointError, DataError: a run or file that cannot be used.
    """
    if overrides and config is None:
        raise ConfigError(f"unknown argument {overrides[0]!r}: see `python evaluate.py --help`.")
    if (depth is None) != (rgb is None and predictions is None):
        raise ConfigError(
            "--depth=DIR goes with --rgb=DIR (a model on a folder) or --predictions=DIR (saved "
            "predictions); name both folders, or neither to score runs on their own dataset."
        )
    if (depth is None) != (depth_scale is None):
        raise ConfigError(
            "--depth needs --depth_scale, and it alone: metres are value / scale, 1000 for mm."
        )
    if (predictions is None) != (prediction_scale is None):
        raise ConfigError(
            "--predictions needs --prediction_scale, and it alone: metres are value / scale."
        )
    if (stage is not None or depth_map is not None) and curves is None:
        raise ConfigError("--stage and --map say what to plot: they need --curves=FILE.png.")
    if (num_iters is not None or out is not None) and study is None:
        raise ConfigError("--num_iters and --out are of a study: they need --study=iterations.")
    camera = parse_camera(intrinsics, fov)
    if camera is not None and depth is None:
        raise ConfigError("--intrinsics and --fov are of the camera of --depth=DIR: name it.")
    changes = {"average": average, "min_depth": min_depth, "resize": resize or None}
    changes = {name: value for name, value in changes.items() if value is not None}
    if crop is not None:
        changes["crop"] = None if crop == "none" else parse_crop(crop)
    if max_depth is not None:
        changes["max_depth"] = max_depth or None
    presets = None if protocol is None else parse_protocols(protocol)
    check_choice(presets, changes, sensitivity=sensitivity, mean=mean, across=across_protocols)
    several = sensitivity or (presets is not None and len(presets) > 1)
    if report_metric is not None and report is None:
        raise ConfigError("--report_metric is of a report: it needs --report=DIR.")
    if report and (several or study or curves or mean):
        raise ConfigError(
            "--report is of one table: leave out --sensitivity, --study, --curves, --mean and all "
            "but one name of --protocol."
        )
    page = None if report is None else Report(report, report_metric or "abs_rel", camera)
    if geometry and (several or study or curves):
        raise ConfigError(
            "--geometry is of tables under one protocol: leave out --sensitivity, --study, "
            "--curves and all but one name of --protocol."
        )
    if (presets or sensitivity) and (study or curves):
        raise ConfigError(
            "--protocol and --sensitivity choose how depth is scored: leave out --study, --curves."
        )
    if study is not None:
        if curves or depth or silog or edges or mean:
            raise ConfigError(
                "--study is of runs on their own dataset: leave out --curves, --rgb, "
                "--predictions, --depth, --silog, --edges and --mean."
            )
        runs = _runs(workdirs, config, overrides)
        yield _study(study, runs, out, split=split, num_iters=num_iters, changes=changes)
        return
    if curves is not None:
        if changes or split or depth or silog or edges or mean:
            raise ConfigError(
                "--curves plots what training recorded and scores nothing: it goes with "
                "--workdir, --config, --stage and --map alone."
            )
        runs = [run for run, _ in _runs(workdirs, config, overrides)]
        yield plot_runs(runs, curves, stage=stage, depth_map=depth_map)
        return
    if predictions is not None:
        if rgb or workdirs or config or split:
            raise ConfigError(
                "--predictions scores saved files without a model: leave out --rgb, --workdir, "
                "--config and --split."
            )
        pairs = read_prediction_pairs(
            _matched(predictions, depth, first_suffixes=DEPTH_SUFFIXES),
            prediction_scale=prediction_scale,
            depth_scale=depth_scale,
        )
        label, columns = str(predictions), {"silog": silog, "edges": edges}
        if several:
            yield predictions_under(pairs, presets, label, **columns)
        else:
            one = presets[0] if presets else Protocol(**changes)
            columns |= {"geometry": geometry, "camera": camera, "report": page}
            yield score_predictions(pairs, one, label=label, **columns)
        return
    if depth is not None and split:
        raise ConfigError("--split is of a run's own dataset: leave it out with --rgb.")
    split = None if depth is not None else split or "test"
    on = f" on {rgb}" if depth is not None else f", {split} split"
    runs = _runs(workdirs, config, overrides)
    if page and len(runs) > 1:
        raise ConfigError(f"--report is of one run, got {len(runs)}: name it by --workdir=DIR.")
    preset = presets[0] if presets else None
    protocols = [protocol_of_run(c, changes, split=split, preset=preset) for _, c in runs]
    if mean and not across_protocols:
        require_same_protocol(
            {str(run.path): p for (run, _), p in zip(runs, protocols, strict=True)}
        )
    tables, names, footers = [], [], {}
    columns = {"silog": silog, "edges": edges, "geometry": geometry}
    for (run, resolved), own in zip(runs, protocols, strict=True):

        def examples(resolved: FrozenConfigDict = resolved) -> Iterable[Example]:
            if depth is None:
                return examples_in_order(build_source(resolved, split))
            pairs = read_image_pairs(_matched(rgb, depth), depth_scale=depth_scale, resize=resize)
            return with_camera(starmap(Example, pairs), camera)

        if several:
            choose = partial(protocol_of_run, resolved, {}, split=split)
            table = run_under(run, resolved, examples, choose, presets, silog=silog, edges=edges)
            yield f"{run.path}{on}\n{table}"
            continue
        rows, footer = score_run(
            run, resolved, examples(), {}, edges=edges, geometry=geometry, protocol=own, report=page
        )
        if mean:
            tables.append(rows)
            names.append(str(run.path))
            footers |= dict.fromkeys(footer)  # every line that one of them has
            continue
        if page:
            footer.append(page.write_run(run, f"{run.path}{on}", rows, footer))
        table = format_table(rows, **columns, footer=footer)
        yield f"{run.path}{on}\n{table}"
    if mean:
        table = format_table(mean_rows(tables), **columns, footer=footers)
        yield f"mean ± standard deviation of {', '.join(names)}{on}\n{table}"


def _study(
    study: str,
    runs: Runs,
    out: Path | None,
    *,
    split: str | None,
    num_iters: str | None,
    changes: Mapping[str, Any],
) -> str:
    if study not in STUDIES:
        raise ConfigError(f"--study must be one of {', '.join(STUDIES)}, got {study}")
    if changes and study != "iterations":
        raise ConfigError(
            f"--study={study} scores nothing: --{next(iter(changes))} and the rest of the protocol "
            "go with --study=iterations alone."
        )
    out = out or runs[0][0].studies
    if study == "lam":
        if split or num_iters:
            raise ConfigError(
                "--study=lam plots what training recorded: leave out --split and --num_iters."
            )
        return study_lam(runs, out)
    split = split or "test"
    counts = None if num_iters is None else parse_num_iters(num_iters)
    if study == "iterations":
        counts = counts or PAPER_NUM_ITERS
        return study_iterations(runs, out, split=split, num_iters=counts, changes=changes)
    count, *more = counts or (CONVERGENCE_NUM_ITERS,)
    if more:
        raise ConfigError(
            f"--study=convergence makes one number of iterations, got --num_iters={num_iters}: "
            "name the largest."
        )
    return study_convergence(runs, out, split=split, num_iters=count)


def _matched(first: Path, second: Path, **suffixes: Sequence[str]) -> list[Pair]:
    matches = match_pairs(first, second, **suffixes)
    if warning := matches.warning():
        print(f"warning: {warning}", file=sys.stderr)
    return matches.pairs


def _runs(
    workdirs: Sequence[Path], config: str | None, overrides: Sequence[str]
) -> list[tuple[Workdir, FrozenConfigDict]]:
    """The runs asked for with their configs."""
    if config is not None:
        if len(workdirs) > 1:
            raise ConfigError(
                "--config goes with at most one --workdir, got "
                f"{len(workdirs)}; leave it out to score runs by their own configs."
            )
        resolved = load_config(config, overrides)
        run = Workdir(workdirs[0] if workdirs else default_workdir(resolved))
        run.check(resolved)
        return [(run, resolved)]
    runs = [Workdir(path) for path in workdirs] or finished_runs(RUNS)
    return [(run, run.config()) for run in runs]
