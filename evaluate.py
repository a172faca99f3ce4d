"""Prints the metric table of trained models, or of anybody's saved predictions.

python evaluate.py                                     every finished run under runs/
python evaluate.py --workdir=runs/rooms --split=test   one run, one split of its dataset
python evaluate.py --workdir=runs/rooms --rgb=DIR --depth=DIR --depth_scale=1000
python evaluate.py --predictions=DIR --prediction_scale=1000 --depth=DIR --depth_scale=1000
python evaluate.py --predictions=DIR ... --protocol=nyu/bts,nyu/kim2018    or --sensitivity
python evaluate.py --compare --workdir=runs/a --workdir=runs/b    difference, interval, p-value
python evaluate.py --ablation=two_stream               a paper's table, and what to train for it
python evaluate.py --workdir=runs/rooms --report=DIR   the same as a page to look at
python evaluate.py --curves=curves.png                 the learning curves of every finished run
python evaluate.py --study=iterations --workdir=runs/rooms    accuracy against iterations
"""

import argparse
import sys
from pathlib import Path

from jaxdepth.errors import ConfigError, report


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add(
        "--workdir",
        dest="workdirs",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="a run's folder, once for each run (default: every finished one under --root)",
    )
    add("--config", help="config file or FILE:VARIANT; evaluates its default run")
    add("--split", help="train, validation, test (default), or a split as tfds writes it")
    add("--rgb", type=Path, help="folder of photographs, to score a model on")
    add("--depth", type=Path, help="folder of their depth maps, matched by file name")
    add("--depth_scale", type=float, help="metres are value / scale")
    add(
        "--predictions",
        metavar="DIR",
        type=Path,
        action="append",
        default=[],
        help="a folder of saved predictions to score without a model, once for each folder",
    )
    add("--prediction_scale", type=float, help="metres are value / scale")
    add("--crop", help="region of the ground truth that counts: TOP:BOTTOM,LEFT:RIGHT, or none")
    add("--average", choices=("pixels", "images"), help="what metrics are averaged over")
    add("--min_depth", type=float, help="metres; ground truth counts above it")
    add("--max_depth", type=float, help="metres; ground truth counts below it; 0 for no limit")
    add("--resize", action="store_true", help="resize predictions of another size")
    add(
        "--protocol",
        metavar="NAME[,NAME...]",
        help="score under a published protocol, such as nyu/bts; several make one table",
    )
    add("--sensitivity", action="store_true", help="score under all protocols of the frame's size")
    add(
        "--across_protocols",
        action="store_true",
        help="let --mean mix runs that are scored under different protocols",
    )
    add("--silog", action="store_true", help="add the scale-invariant error to the table")
    add("--edges", action="store_true", help="add the errors near depth edges to the table")
    add(
        "--geometry",
        action="store_true",
        help="add the errors of edges, planes and "
        "points; all images are scored anew, and no per-image results saved",
    )
    add("--intrinsics", metavar="FX,FY,CX,CY", help="of the camera of --depth, pixels")
    add("--fov", type=float, help="its angle of view instead, degrees along the longer side")
    add("--mean", action="store_true", help="one table of all runs: mean ± standard deviation")
    add(
        "--bootstrap",
        action="store_true",
        help="print the 95 %% interval of each number, by the bootstrap over images; with --mean "
        "and --ablation over runs, too",
    )
    add(
        "--compare",
        action="store_true",
        help="compare two runs, or two folders of predictions, image by image: difference, its "
        "interval, p-value; with --ablation each row with the paper's own model",
    )
    add("--published", action="store_true", help="add the rows of papers under the same protocol")
    add(
        "--ablation",
        choices=("deep_variational", "two_stream"),
        help="a paper's table of ablations from the runs under --root, and how to train the rest; "
        "--config says what they are variants of (default: configs/rooms.py)",
    )
    add("--root", type=Path, default=Path("runs"), help="folder of runs (default: runs)")
    add("--curves", type=Path, help="file to plot learning curves in, instead of scoring")
    add("--stage", help="stage of training to plot (default: the first that predicts depth)")
    add(
        "--map",
        dest="depth_map",
        help="map whose validation to plot (default: the one that the stage trains)",
    )
    add(
        "--report",
        type=Path,
        help="folder to write a page to look at to, of one "
        "run's table; all images are scored anew, and no per-image results saved",
    )
    add("--report_metric", help="what tells its best and worst images (default: abs_rel)")
    add(
        "--study",
        choices=("iterations", "convergence", "lam"),
        help="plot and CSV of the integration, instead of scoring: accuracy against its number of "
        "iterations, its convergence, or λ against the steps of training",
    )
    add("--num_iters", help="iterations: values joined by commas (default: 1,3,5,10,15,20), or the "
        "one number of --study=convergence (default: 50)")  # fmt: skip
    add("--out", type=Path, help="folder for per-image results (default: evaluations/ in the "
        "run's, none for --predictions) or a study (default: studies/ there); or a file for the "
        "tables, .md, .tex, .csv or .json")  # fmt: skip
    add(
        "--format",
        choices=("markdown", "latex", "csv", "json"),
        help="print the tables as one document of this format",
    )
    add(
        "--shard",
        metavar="I/N",
        help="score and save the I-th of N shares of the images, as one of N processes; the same "
        "command without it then prints the table",
    )
    add("--fresh", action="store_true", help="score again what saved results say has been scored")
    flags, overrides = parser.parse_known_args(arguments)

    from jaxdepth.inference import evaluate, is_document, present

    asked = vars(flags)
    document, format = None, asked.pop("format")
    if is_document(flags.out):
        document, asked["out"] = flags.out, None
    if (document or format) and (flags.study or flags.curves):
        raise ConfigError(
            "--format and --out=FILE are of tables: leave them out with --study and --curves."
        )
    if flags.shard:  # which makes no table
        document = format = None
    present(evaluate(**asked, overrides=overrides), format=format, out=document)
    return 0


if __name__ == "__main__":
    sys.exit(report(main, sys.argv[1:]))
