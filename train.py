"""Trains a depth model: `python train.py --config=configs/rooms.py`."""

import argparse
import sys
from pathlib import Path

from jaxdepth.errors import report


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Any key of the config can be set by --config.KEY=VALUE. "
        "The same command run again goes on where it stopped.",
    )
    parser.add_argument("--config", required=True, help="config file, or FILE:VARIANT")
    parser.add_argument("--workdir", type=Path, help="the run's folder (default: runs/NAME)")
    flags, overrides = parser.parse_known_args(arguments)

    from jaxdepth.experiment import default_workdir, load_config
    from jaxdepth.training import train

    config = load_config(flags.config, overrides)
    return train(config, flags.workdir or default_workdir(config))


if __name__ == "__main__":
    sys.exit(report(main, sys.argv[1:]))
