"""What `evaluate.py` was asked for, as tables."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import jax

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import (
    Protocol,
    Table,
    add_published,
    identity_lines,
    parse_crop,
    parse_protocols,
    require_same_protocol,
)
from jaxdepth.inference.ablation import ablation_table
from jaxdepth.inference.asked import asked_runs, asked_study
from jaxdepth.inference.camera import parse_camera
from jaxdepth.inference.combinations import check_combinations
from jaxdepth.inference.curves import plot_runs
from jaxdepth.inference.examples import of_photographs, of_predictions, of_split
from jaxdepth.inference.protocols import check_choice, protocol_of_run
from jaxdepth.inference.report import Report
from jaxdepth.inference.scoring import (
    Saving,
    Whole,
    score_predictions_under,
    score_run_under,
)
from jaxdepth.inference.sensitivity import predictions_under, presets_of, run_under
from jaxdepth.inference.shard import parse_shard
from jaxdepth.inference.tables import (
    comparison_table,
    folders_footer,
    mean_table,
    runs_comparison,
    savings,
    score_runs,
    score_table,
)

RUNS = Path("runs")
ABLATED = "configs/rooms.py"


def evaluate(
    *,
    workdirs: Sequence[Path] = (),
    config: str | None = None,
    overrides: Sequence[str] = (),
    split: str | None = None,
    rgb: Path | None = None,
    depth: Path | None = None,
    depth_scale: float | None = None,
    predictions: Sequence[Path] = (),
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
    fresh: bool = False,
    bootstrap: bool = False,
    compare: bool = False,
    published: bool = False,
    root: Path = RUNS,
    ablation: str | None = None,
    shard: str | None = None,
) -> Iterator[Table | str]:
    """Scores runs on a split of their dataset or on a folder, or saved predictions on a folder.

    If `report` is given, also as a page to look at, of one run or of saved predictions.

    Or, if `curves` or `study` is given, plots what runs recorded or how they integrate.

    Args:
        workdirs: the runs to score; by default every finished one under `root`.
        config: the config (`FILE:VARIANT`) whose run to score, its default one or one workdir.
        overrides: the config's overrides.
        split: of the run's dataset; "test" by default.
        rgb, depth: folders of photographs and of their depth maps, matched by file name.
        depth_scale: metres are value / scale.
        predictions, prediction_scale: folders of saved predictions to score against `depth`; a
            row of one table for each, and of the same images.
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
        study: of the integration, one of `jaxdepth.inference.asked.STUDIES`, instead of scoring.
        num_iters: the study's numbers of iterations, joined by commas; by default the paper's, or
            50 of a study of convergence.
        out: folder for per-image results; by default `evaluations/` in each run's folder, and
            nowhere for saved predictions. Of a study, the folder for its files; by default
            `studies/` in the first run's.
        fresh: whether to score again what saved results say has been scored.
        bootstrap: whether to print the 95 % interval of each number, by the bootstrap over images.
        root: folder of the runs that are meant where none is named.
        ablation: name of a paper's table of ablations to print of the runs under `root` instead,
            see `ablation_table`; `config` is then what its rows are variants of.
        published: whether to add the rows that papers printed under the same protocol.
        compare: whether to compare two runs, in the map that counts, or two folders of saved
            predictions image by image in one table.
        shard: `I/N`: score and save the I-th of N shares of the images. The table is that of the
            same call without it, once all are there.

    Yields:
        A table for each run, or one of all; of curves, studies and shares, a text. `str` gives the
        text of either.

    Raises:
        ConfigError: a combination that asks for nothing.
        WorkdirError, CheckpointError, DataError: a run or file that cannot be used.
    """
    asked = dict(locals())
    if jax.process_count() > 1:
        raise ConfigError(
            f"an evaluation spans the devices of one process, got {jax.process_count()} processes: "
            "start one process for all local devices, or several, each with --shard=I/N."
        )
    camera = parse_camera(intrinsics, fov)
    share = None if shard is None else parse_shard(shard)
    kept = {"fresh": fresh, "shard": share}
    changes = {"average": average, "min_depth": min_depth, "resize": resize or None}
    changes = {name: value for name, value in changes.items() if value is not None}
    if crop is not None:
        changes["crop"] = None if crop == "none" else parse_crop(crop)
    if max_depth is not None:
        changes["max_depth"] = max_depth or None
    presets = None if protocol is None else parse_protocols(protocol)
    several = sensitivity or (presets is not None and len(presets) > 1)
    check_combinations(asked | {"changes": changes, "several": several})
    check_choice(presets, changes, sensitivity=sensitivity, mean=mean, across=across_protocols)
    preset = presets[0] if presets else None
    columns = {"silog": silog, "edges": edges}
    complete = add_published if published else _as_it_is
    if ablation is not None:
        table = ablation_table(
            ablation,
            root=root,
            config=config or ABLATED,
            overrides=overrides,
            split=split or "test",
            preset=preset,
            fresh=fresh,
            intervals=bootstrap,
            differences=compare,
            **columns,
        )
        yield complete(table)
        return
    if study is not None:
        runs = asked_runs(root, workdirs, config, overrides)
        yield asked_study(study, runs, out, split=split, num_iters=num_iters, changes=changes)
        return
    if curves is not None:
        runs = [run for run, _ in asked_runs(root, workdirs, config, overrides)]
        yield plot_runs(runs, curves, stage=stage, depth_map=depth_map)
        return
    page = None if report is None else Report(report, report_metric or "abs_rel", camera)
    whole = Whole(geometry, page)
    if predictions:
        examples = of_predictions(
            predictions,
            depth,
            prediction_scale=prediction_scale,
            depth_scale=depth_scale,
            camera=camera,
        )
        labels = [str(folder) for folder in predictions]
        saving = Saving(out, **kept)
        under = [preset or Protocol(**changes)]
        if several:
            under = presets or presets_of(examples[0])
        if share:
            for label, of in zip(labels, examples, strict=True):
                score_predictions_under(of, under, edges=edges, saving=saving)
                yield f"{label}: share {share} is scored"
            return
        if several:
            how = {"saving": saving, **columns}
            yield complete(predictions_under(examples[0], under, labels[0], **how))
            return
        scores = {
            label: score_predictions_under(of, under, edges=edges, saving=saving, whole=whole)[0]
            for label, of in zip(labels, examples, strict=True)
        }
        footer = [*folders_footer(scores), *identity_lines(scores[labels[-1]])]
        if compare:
            yield comparison_table(scores, f"comparison of {', '.join(labels)}", footer, **columns)
            return
        columns |= {"geometry": geometry, "bootstrap": bootstrap}
        table = complete(score_table(scores, "", footer, **columns))
        yield page.write(table, labels[0]) if page else table
        return
    split = None if depth is not None else split or "test"
    on = f" on {rgb}" if depth is not None else f", {split} split"
    runs = asked_runs(root, workdirs, config, overrides)
    if compare and len(runs) != 2:
        raise ConfigError(
            f"--compare is of two runs, got {len(runs)}: name them by --workdir=DIR twice."
        )
    if page and len(runs) > 1:
        raise ConfigError(f"--report is of one run, got {len(runs)}: name it by --workdir=DIR.")
    protocols = [protocol_of_run(c, changes, preset, split=split) for _, c in runs]
    if (mean and not across_protocols) or compare:
        require_same_protocol(
            {str(run.path): p for (run, _), p in zip(runs, protocols, strict=True)}
        )
    if depth is not None:
        photographs = of_photographs(
            rgb, depth, depth_scale=depth_scale, resize=resize, camera=camera
        )
        examples = [photographs] * len(runs)
    else:
        examples = [of_split(resolved, split) for _, resolved in runs]
    saving = savings(runs, out, **kept)
    if several or share:
        for (run, resolved), of, own, where in zip(runs, examples, protocols, saving, strict=True):
            under = [own]
            if several:
                chosen = presets or presets_of(of)
                under = [protocol_of_run(resolved, {}, one, split=split) for one in chosen]
            if share:
                score_run_under(run, resolved, of, under, edges=edges, saving=where)
                yield f"{run.path}{on}: share {share} is scored"
            else:
                how = {"title": f"{run.path}{on}", "saving": where, **columns}
                yield complete(run_under(run, resolved, of, under, **how))
        return
    scored = score_runs(runs, examples, protocols, edges=edges, saving=saving, whole=whole)
    names = ", ".join(str(run.path) for run, _ in runs)
    if compare:
        yield runs_comparison(runs, list(scored), f"comparison of {names}{on}", **columns)
        return
    columns["geometry"] = geometry
    if mean:
        yield complete(mean_table(list(scored), f"{names}{on}", bootstrap=bootstrap, **columns))
        return
    for (run, _), one in zip(runs, scored, strict=True):
        how = {"bootstrap": bootstrap, **columns}
        table = complete(score_table(one.scores, f"{run.path}{on}", one.footer, **how))
        yield page.write_run(table, run) if page else table


def _as_it_is(table: Table) -> Table:
    return table
