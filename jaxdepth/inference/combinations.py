"""Which flags of `evaluate.py` go together."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from jaxdepth.errors import ConfigError

_NEEDS = (
    (
        {"stage", "depth_map"},
        {"curves"},
        "--stage and --map say what to plot: they need --curves=FILE.png.",
    ),
    (
        {"num_iters"},
        {"study"},
        "--num_iters are a study's iterations: they need --study=iterations.",
    ),
    (
        {"intrinsics", "fov"},
        {"depth"},
        "--intrinsics and --fov are of the camera of --depth=DIR: name it.",
    ),
    (
        {"intrinsics", "fov"},
        {"geometry", "report"},
        "--intrinsics and --fov say where points are: they need --geometry or --report=DIR.",
    ),
    (
        {"report_metric"},
        {"report"},
        "--report_metric is of a report: it needs --report=DIR.",
    ),
)
"""Flags, those of which they need one, and what to say without."""

_EXCLUDE = (
    (
        {"fresh"},
        {"study", "curves"},
        "--fresh scores again: leave it out with --study and --curves.",
    ),
    (
        {"curves"},
        {"out"},
        "--curves=FILE.png says where to write: leave out --out.",
    ),
    (
        {"bootstrap", "compare"},
        {"several", "study", "curves"},
        "--bootstrap and --compare are of scores under one protocol: leave out --sensitivity, "
        "--study and --curves, and name one --protocol.",
    ),
    (
        {"report"},
        {"several", "study", "curves", "mean", "bootstrap", "compare", "ablation"},
        "--report is of one table: leave out --sensitivity, --study, --curves, --mean, "
        "--bootstrap, --compare, --ablation and all but one name of --protocol.",
    ),
    (
        {"geometry"},
        {"several", "study", "curves", "bootstrap", "compare", "ablation"},
        "--geometry is of tables under one protocol, without intervals: leave out --sensitivity, "
        "--study, --curves, --bootstrap, --compare, --ablation and all but one name of --protocol.",
    ),
    (
        {"geometry", "report"},
        {"fresh", "out"},
        "--geometry and --report score all images anew and save no per-image results: leave out "
        "--fresh and --out=DIR.",
    ),
    (
        {"protocol", "sensitivity"},
        {"study", "curves"},
        "--protocol and --sensitivity choose how depth is scored: leave out --study, --curves.",
    ),
    (
        {"across_protocols"},
        {"bootstrap"},
        "--bootstrap is of runs under one protocol: leave out --across_protocols.",
    ),
    (
        {"published"},
        {"study", "curves", "compare"},
        "--published adds rows to tables of scores: leave out --study, --curves and --compare.",
    ),
    (
        {"ablation"},
        {"workdirs", "depth", "curves", "study", "mean", "changes", "out"},
        "--ablation finds the runs of a paper's table under --root: it goes with --config, "
        "--split, one --protocol, --bootstrap, --compare, --silog, --edges, --published and "
        "--fresh alone.",
    ),
    (
        {"shard"},
        {"fresh", "geometry", "report", "ablation", "study", "curves"},
        "--shard scores a share of the images and saves it, for a table of scores: leave out "
        "--fresh, --geometry, --report, --ablation, --study and --curves.",
    ),
    ({"ablation"}, {"several"}, "--ablation is of runs under one protocol: name one."),
    (
        {"study"},
        {"curves", "depth", "silog", "edges", "mean"},
        "--study is of runs on their own dataset: leave out --curves, --rgb, --predictions, "
        "--depth, --silog, --edges and --mean.",
    ),
    (
        {"curves"},
        {"changes", "split", "depth", "silog", "edges", "mean"},
        "--curves plots what training recorded and scores nothing: it goes with --workdir, "
        "--config, --stage and --map alone.",
    ),
    (
        {"predictions"},
        {"rgb", "workdirs", "config", "split", "mean"},
        "--predictions scores saved files without a model: leave out --rgb, --workdir, --config, "
        "--split and --mean.",
    ),
    ({"depth"}, {"split"}, "--split is of a run's own dataset: leave it out with --rgb."),
)
"""Flags, those that none of them goes with, and what to say."""


def check_combinations(asked: Mapping[str, Any]) -> None:
    """Refuses flags that contradict each other, or that ask for nothing.

    Args:
        asked: the arguments of `evaluate`; besides, `changes` of the protocol, and `several`,
            whether there are several protocols.

    Raises:
        ConfigError: the first of these, with what to leave out or to add.
    """
    given = {name for name, value in asked.items() if not _is_absent(value)}
    if "overrides" in given and not given & {"config", "ablation"}:
        raise ConfigError(
            f"unknown argument {asked['overrides'][0]!r}: see `python evaluate.py --help`."
        )
    if ("depth" in given) != bool(given & {"rgb", "predictions"}):
        raise ConfigError(
            "--depth=DIR goes with --rgb=DIR (a model on a folder) or --predictions=DIR (saved "
            "predictions); name both folders, or neither to score runs on their own dataset."
        )
    if ("depth" in given) != ("depth_scale" in given):
        raise ConfigError(
            "--depth needs --depth_scale, and it alone: metres are value / scale, 1000 for mm."
        )
    if ("predictions" in given) != ("prediction_scale" in given):
        raise ConfigError(
            "--predictions needs --prediction_scale, and it alone: metres are value / scale."
        )
    if "compare" in given and given & {"bootstrap", "mean"}:
        raise ConfigError("--compare has intervals of its own: leave out --bootstrap and --mean.")
    for flag, folders in (("workdir", asked["workdirs"]), ("predictions", asked["predictions"])):
        for folder, count in Counter(path.resolve() for path in folders).items():
            if count > 1:
                raise ConfigError(f"--{flag}={folder} is named {count} times: name it once.")
    folders = asked["predictions"]
    if len(folders) > 1 and given & {"several", "report"}:
        raise ConfigError(
            "--report and several protocols are of one folder of predictions, got "
            f"{len(folders)}: name one."
        )
    if folders and "compare" in given and len(folders) != 2:
        raise ConfigError(
            "--compare is of two folders of predictions, got "
            f"{len(folders)}: name them by --predictions=DIR twice."
        )
    for flags, needed, message in _NEEDS:
        if given & flags and not given & needed:
            raise ConfigError(message)
    for flags, others, message in _EXCLUDE:
        if given & flags and given & others:
            raise ConfigError(message)


def _is_absent(value: Any) -> bool:
    """Zero is a value."""
    return value is None or value is False or (isinstance(value, list | tuple | dict) and not value)
