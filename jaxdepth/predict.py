"""Depth maps of photographs: `python -m jaxdepth.predict PHOTO… --workdir=runs/rooms --out=DIR`."""

import argparse
import sys
from pathlib import Path

from jaxdepth.errors import report


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m jaxdepth.predict", description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="image files")
    parser.add_argument("--workdir", required=True, type=Path, help="a trained run's folder")
    parser.add_argument("--out", required=True, type=Path, help="folder for the results")
    flags = parser.parse_args(arguments)

    from jaxdepth.experiment import Workdir
    from jaxdepth.inference import predict_photographs

    for written in predict_photographs(flags.photos, Workdir(flags.workdir), flags.out):
        print(written)
    return 0


if __name__ == "__main__":
    sys.exit(report(main, sys.argv[1:]))
