"""Prepares datasets from their original files, checks them and shows them.

python -m jaxdepth.data prepare NAME --source=DIR [--data_dir=DIR]   --help after NAME: its options
python -m jaxdepth.data check NAME [--limit=N]                       decodes it, prints its splits
python -m jaxdepth.data show NAME --out=FILE.png                     some examples, and its colours
"""

import argparse
import shlex
import sys
from pathlib import Path

from jaxdepth.errors import ConfigError, report

_LOOKED_AT = 20
"""Examples of each split whose depth is looked at once they are prepared."""


def main(arguments: list[str]) -> int:
    commands = {"prepare": _prepare, "check": _check, "show": _show}
    if not arguments or arguments[0] in ("-h", "--help") or arguments == ["prepare"]:
        print(overview())
        return 0
    if arguments[0] not in commands:
        raise ConfigError(f"no command {arguments[0]!r}: choose from {', '.join(commands)}")
    return commands[arguments[0]](arguments[1:])


def overview() -> str:
    """The commands, and every dataset with its splits, its source and an example."""
    from jaxdepth.data.prepare import DATASETS, OWN_FILES

    lines = [__doc__.strip(), "", "Datasets:"]
    for dataset in (*DATASETS.values(), OWN_FILES):
        lines += [
            "",
            f"{dataset.name or 'any other NAME'}: {dataset.splits}",
            f"    source: {dataset.source}",
            f"    {dataset.command()}",
        ]
    lines += ["", "rooms is rendered when it is first used; check and show know it, too."]
    return "\n".join(lines)


def _prepare(arguments: list[str]) -> int:
    from jaxdepth.data.check import check_dataset, scale_warning
    from jaxdepth.data.prepare import (
        DATASETS,
        FILLS,
        OWN_FILES,
        SKIPPED,
        dataset_folder,
        filled,
        prepare,
        source_folder,
    )
    from jaxdepth.data.sources import MADE_ELSEWHERE

    if arguments[0] in ("-h", "--help"):
        print(overview())
        return 0
    name = arguments[0]
    if name.startswith("-"):
        raise ConfigError(
            f"prepare needs the dataset's NAME before its flags, got {name}: "
            "python -m jaxdepth.data prepare NAME --source=DIR"
        )
    if name in MADE_ELSEWHERE:
        raise ConfigError(f"{name} is not prepared here; give files of your own another name")
    dataset = DATASETS.get(name, OWN_FILES)
    parser = argparse.ArgumentParser(
        prog=f"python -m jaxdepth.data prepare {name}",
        epilog=f"example:\n  {dataset.command()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--source",
        dest="sources",
        action="append",
        required=True,
        type=Path,
        help=f"{dataset.source}; or archives of that, this flag once for each",
    )
    _add_data_dir(parser)
    parser.add_argument(
        "--skip_bad",
        type=_whole,
        default=0,
        metavar="N",
        help="leave out at most N unreadable frames",
    )
    parser.add_argument(
        "--beam",
        nargs="?",
        const="",
        metavar="FLAGS",
        help="write by a pipeline of Apache Beam, on this machine or, by its own flags, such as "
        '--beam="--runner=FlinkRunner --flink_master=HOST:PORT", by workers that see the same '
        "folders under the same absolute paths",
    )
    if dataset is not OWN_FILES:
        parser.add_argument(
            "--unverified",
            action="store_true",
            help="accept files whose counts or checksums are not the published ones",
        )
    if dataset.holes:
        parser.add_argument(
            "--fill",
            choices=FILLS,
            help="fill the holes of depth along the image's edges; depth_raw is as measured then",
        )
    for option in dataset.options:
        how = (
            {"action": "store_true"}
            if option.kind is bool
            else {"type": option.kind, "default": option.default, "choices": option.choices}
        )
        parser.add_argument(f"--{option.name}", help=option.help.replace("%", "%%"), **how)
    flags = parser.parse_args(arguments[1:])
    if dataset is OWN_FILES and not (flags.pairs or flags.image or flags.depth):
        raise ConfigError(
            f"no dataset {name!r}: choose from {', '.join(sorted(DATASETS))}; or, for files of "
            "your own, say where they are by --image and --depth, or by --pairs"
        )
    options = {option.name: _absolute(getattr(flags, option.name)) for option in dataset.options}
    verify = not getattr(flags, "unverified", False)
    scratch = dataset_folder(name, flags.data_dir) / "unpacked"
    with source_folder(flags.sources, scratch) as folder:
        plan = dataset.plan(_absolute(folder), verify=verify, **options)
        if getattr(flags, "fill", None):
            plan = filled(plan, flags.fill)
        builder = prepare(
            name, plan, data_dir=flags.data_dir, skip_bad=flags.skip_bad, beam=flags.beam
        )
    counts = {split: info.num_examples for split, info in builder.info.splits.items()}
    print(f"{name} is in {builder.data_path}: {counts}")
    if (builder.data_path / SKIPPED).exists():
        print(f"frames were left out: {builder.data_path / SKIPPED} lists them")
    if warning := scale_warning(check_dataset(builder, limit=_LOOKED_AT)):
        print(warning, file=sys.stderr)
    if "train" in counts:
        more = _training_flags(plan.variant, flags.data_dir, counts)
        print("To train on it: python train.py", dataset.training.replace("NAME", name), *more)
    return 0


def _absolute(value):
    """Paths for workers of a pipeline, which have another working folder."""
    return value.absolute() if isinstance(value, Path) else value


def _training_flags(variant: str, data_dir: str | None, splits) -> list[str]:
    flags = [f"--config.data.variant={variant}"] if variant else []
    if data_dir:
        flags.append(f"--config.data.data_dir={shlex.quote(data_dir)}")
    if "val" in splits and "validation" not in splits:
        flags.append("--config.data.validation_split=val")
    return flags


def _check(arguments: list[str]) -> int:
    from jaxdepth.data.check import check_dataset, format_report, scale_warning

    parser = _reader("check")
    parser.add_argument(
        "--limit", type=_positive, metavar="N", help="examples to decode of each split"
    )
    flags = parser.parse_args(arguments)
    builder = _open(flags)
    found = check_dataset(builder, limit=flags.limit, progress=sys.stderr.isatty())
    print(f"{builder.info.full_name} in {builder.data_path}")
    print(format_report(found))
    if warning := scale_warning(found):
        print(warning, file=sys.stderr)
    return 1 if found.problems else 0


def _show(arguments: list[str]) -> int:
    from jaxdepth.data.show import draw_sheet

    parser = _reader("show")
    parser.add_argument("--out", type=Path, required=True, help="PNG, PDF or SVG file to write")
    parser.add_argument("--split", default="", help="default: train")
    parser.add_argument("--depth", default="depth", help="which depth map (default: depth)")
    for flag, default, what in (("examples", 4, "to show"), ("limit", 1000, "whose colours count")):
        parser.add_argument(
            f"--{flag}",
            type=_positive,
            default=default,
            metavar="N",
            help=f"examples {what} (default: {default})",
        )
    flags = parser.parse_args(arguments)
    builder = _open(flags)
    chosen = {key: getattr(flags, key) for key in ("split", "depth", "examples", "limit")}
    draw_sheet(builder, flags.out, **chosen)
    print(flags.out)
    return 0


def _reader(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m jaxdepth.data {command}")
    parser.add_argument("name", metavar="NAME", help="the dataset")
    parser.add_argument("--variant", default="", help="of the dataset, where it has several")
    _add_data_dir(parser)
    return parser


def _open(flags: argparse.Namespace):
    from jaxdepth.data.sources import open_builder

    return open_builder(flags.name, variant=flags.variant, data_dir=flags.data_dir)


def _whole(text: str, least: int = 0) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < least:
        raise argparse.ArgumentTypeError(f"must be a whole number from {least} on, got {text!r}")
    return number


def _positive(text: str) -> int:
    return _whole(text, 1)


def _add_data_dir(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data_dir", help="where datasets live (default: TFDS_DATA_DIR or ~/tensorflow_datasets)"
    )


if __name__ == "__main__":
    sys.exit(report(main, sys.argv[1:]))
