"""What `evaluate.py` was asked for, as tables."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
from ml_collections import FrozenConfigDict

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import (
    Protocol,
    Table,
    add_published,
    footer_lines,
    identity_lines,
    parse_crop,
    parse_protocols,
    require_same_protocol,
)
from jaxdepth.experiment import Workdir, default_workdir, load_config
from jaxdepth.inference.ablation import ablation_table
from jaxdepth.inference.curves import plot_runs
from jaxdepth.inference.examples import of_photographs, of_predictions, of_split
from jaxdepth.inference.protocols import check_choice, protocol_of_run
from jaxdepth.inference.scoring import Saving, finished_runs, score_predictions_under
from jaxdepth.inference.sensitivity import predictions_under, run_under
from jaxdepth.inference.studies import (
    CONVERGENCE_NUM_ITERS,
    PAPER_NUM_ITERS,
    parse_num_iters,
    study_convergence,
    study_iterations,
    study_lam,
)
from jaxdepth.inference.tables import (
    Runs,
    comparison_table,
    mean_table,
    savings,
    score_runs,
    score_table,
)

RUNS = Path("runs")
ABLATED = "configs/rooms.py"
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
    mean: bool = False,
    curves: Path | None = None,
    stage: str | None = None,
    depth_map: str | None = None,
    study: str | None = None,
    num_iters: str | None = None,
    out: Path | None = None,
    fresh: bool = False,
    bootstrap: bool = False,
    compare: bool = False,
    published: bool = False,
    root: Path = RUNS,
    ablation: str | None = None,
) -> Iterator[Table | str]:
    """Scores runs on a split of their dataset or on a folder, or saved predictions on a folder.

    Or, if `curves` or `study` is given, plots what runs recorded or how they integrate.

    Args:
        workdirs: the runs to score; by default every finished one under `root`.
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
        mean: whether to print one table with the mean and the standard deviation over the runs,
            which differ in their seed, say, instead of one for each.
        curves: image file to plot the runs' learning curves in, instead of scoring.
        stage: of training, to plot; by default the first one that predicts depth.
        depth_map: whose validation errors to plot; by default the one that the stage trains.
        study: of the integration, one of `STUDIES`, instead of scoring.
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
        compare: whether to compare two runs image by image in one table, in the map that counts.

    Yields:
        A table for each run, or one of all; of curves and studies, a text. `str` gives the text of
        either.

    Raises:
        ConfigError: a combination that asks for nothing.
        WorkdirError, CheckpointError, DataError: a run or file that cannot be used.
    """
    if jax.process_count() > 1:
        raise ConfigError(
            f"an evaluation spans the devices of one process, got {jax.process_count()} processes: "
            "start one process for all local devices."
        )
    if ablation is not None and config is None:
        config = ABLATED
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
    if num_iters is not None and study is None:
        raise ConfigError("--num_iters are a study's iterations: they need --study=iterations.")
    if fresh and (study or curves):
        raise ConfigError("--fresh scores again: leave it out with --study and --curves.")
    if out is not None and curves:
        raise ConfigError("--curves=FILE.png says where to write: leave out --out.")
    changes = {"average": average, "min_depth": min_depth, "resize": resize or None}
    changes = {name: value for name, value in changes.items() if value is not None}
    if crop is not None:
        changes["crop"] = None if crop == "none" else parse_crop(crop)
    if max_depth is not None:
        changes["max_depth"] = max_depth or None
    presets = None if protocol is None else parse_protocols(protocol)
    check_choice(presets, changes, sensitivity=sensitivity, mean=mean, across=across_protocols)
    if bootstrap + compare + mean > 1:
        raise ConfigError("--bootstrap, --compare and --mean make different tables: choose one.")
    several = sensitivity or (presets is not None and len(presets) > 1)
    if (bootstrap or compare) and (several or study or curves):
        raise ConfigError(
            "--bootstrap and --compare are of scores under one protocol: leave out --sensitivity, "
            "--study and --curves, and name one --protocol."
        )
    if (presets or sensitivity) and (study or curves):
        raise ConfigError(
            "--protocol and --sensitivity choose how depth is scored: leave out --study, --curves."
        )
    if published and (study or curves or compare):
        raise ConfigError(
            "--published adds rows to tables of scores: leave out --study, --curves and --compare."
        )
    columns = {"silog": silog, "edges": edges}
    complete = add_published if published else _as_it_is
    if ablation is not None:
        if workdirs or depth or curves or study or mean or compare or bootstrap or changes or out:
            raise ConfigError(
                "--ablation finds the runs of a paper's table under --root: it goes with --config, "
                "--split, one --protocol, --silog, --edges, --published and --fresh alone."
            )
        if several:
            raise ConfigError("--ablation is of runs under one protocol: name one.")
        table = ablation_table(
            ablation,
            root=root,
            config=config,
            overrides=overrides,
            split=split or "test",
            preset=presets[0] if presets else None,
            fresh=fresh,
            **columns,
        )
        yield complete(table)
        return
    if study is not None:
        if curves or depth or silog or edges or mean:
            raise ConfigError(
                "--study is of runs on their own dataset: leave out --curves, --rgb, "
                "--predictions, --depth, --silog, --edges and --mean."
            )
        runs = _runs(root, workdirs, config, overrides)
        yield _study(study, runs, out, split=split, num_iters=num_iters, changes=changes)
        return
    if curves is not None:
        if changes or split or depth or silog or edges or mean:
            raise ConfigError(
                "--curves plots what training recorded and scores nothing: it goes with "
                "--workdir, --config, --stage and --map alone."
            )
        runs = [run for run, _ in _runs(root, workdirs, config, overrides)]
        yield plot_runs(runs, curves, stage=stage, depth_map=depth_map)
        return
    if predictions is not None:
        if rgb or workdirs or config or split or compare or mean:
            raise ConfigError(
                "--predictions scores saved files without a model: leave out --rgb, --workdir, "
                "--config, --split, --mean and --compare."
            )
        examples = of_predictions(
            predictions, depth, prediction_scale=prediction_scale, depth_scale=depth_scale
        )
        label, saving = str(predictions), Saving(out, fresh=fresh)
        if several:
            yield complete(predictions_under(examples, presets, label, **columns, saving=saving))
            return
        one = presets[0] if presets else Protocol(**changes)
        (scores,) = score_predictions_under(examples, [one], edges=edges, saving=saving)
        footer = [*footer_lines(scores), *identity_lines(scores)]
        table = score_table({label: scores}, "", footer, bootstrap=bootstrap, **columns)
        yield complete(table)
        return
    if depth is not None and split:
        raise ConfigError("--split is of a run's own dataset: leave it out with --rgb.")
    split = None if depth is not None else split or "test"
    on = f" on {rgb}" if depth is not None else f", {split} split"
    runs = _runs(root, workdirs, config, overrides)
    if compare and len(runs) != 2:
        raise ConfigError(
            f"--compare is of two runs, got {len(runs)}: name them by --workdir=DIR twice."
        )
    preset = presets[0] if presets else None
    protocols = [protocol_of_run(c, changes, preset, split=split) for _, c in runs]
    if (mean and not across_protocols) or compare:
        require_same_protocol(
            {str(run.path): p for (run, _), p in zip(runs, protocols, strict=True)}
        )
    if depth is not None:
        photographs = of_photographs(rgb, depth, depth_scale=depth_scale, resize=resize)
        examples = [photographs] * len(runs)
    else:
        examples = [of_split(resolved, split) for _, resolved in runs]
    saving = savings(runs, out, fresh=fresh)
    if several:
        for (run, resolved), of, where in zip(runs, examples, saving, strict=True):
            choose = partial(protocol_of_run, resolved, {}, split=split)
            how = {"title": f"{run.path}{on}", "saving": where, **columns}
            yield complete(run_under(run, resolved, of, choose, presets, **how))
        return
    scored = score_runs(runs, examples, protocols, edges=edges, saving=saving)
    names = ", ".join(str(run.path) for run, _ in runs)
    if mean:
        title = f"mean ± standard deviation of {names}{on}"
        yield complete(mean_table(list(scored), title, **columns))
    elif compare:
        yield comparison_table(runs, list(scored), f"comparison of {names}{on}", **columns)
    else:
        for (run, _), one in zip(runs, scored, strict=True):
            title = f"{run.path}{on}"
            table = score_table(one.scores, title, one.footer, bootstrap=bootstrap, **columns)
            yield complete(table)


def _as_it_is(table: Table) -> Table:
    return table


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


def _runs(
    root: Path, workdirs: Sequence[Path], config: str | None, overrides: Sequence[str]
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
    runs = [Workdir(path) for path in workdirs] or finished_runs(root)
    return [(run, run.config()) for run in runs]
