"""Depth maps of photographs: `python -m jaxdepth.predict PHOTO… --workdir=runs/rooms --out=DIR`."""

import argparse
import sys
from pathlib import Path

from jaxdepth.errors import ConfigError, report


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m jaxdepth.predict", description=__doc__)
    parser.add_argument("photos", nargs="+", type=Path, metavar="PHOTO", help="image files")
    parser.add_argument("--workdir", required=True, type=Path, help="a trained run's folder")
    parser.add_argument("--out", required=True, type=Path, help="folder for the results")
    parser.add_argument(
        "--ply", action="store_true", help="write points as PLY and a shaded picture, too"
    )
    parser.add_argument("--intrinsics", metavar="FX,FY,CX,CY", help="of the camera, pixels")
    parser.add_argument("--fov", type=float, help="instead, its angle of view along the longer "
                        "side, degrees")  # fmt: skip
    flags = parser.parse_args(arguments)

    from jaxdepth.experiment import Workdir
    from jaxdepth.inference import ASSUMED_FOV, parse_camera, predict_photographs

    camera = parse_camera(flags.intrinsics, flags.fov)
    if camera is not None and not flags.ply:
        raise ConfigError("--intrinsics and --fov are of the points that --ply writes: add --ply.")
    if flags.ply and camera is None:
        camera = parse_camera(None, ASSUMED_FOV)
        print(
            f"--ply: assuming an angle of view of {ASSUMED_FOV} degrees along the longer side, as "
            "a Kinect has; --fov or --intrinsics tells the camera's own",
            file=sys.stderr,
        )
    for written in predict_photographs(
        flags.photos, Workdir(flags.workdir), flags.out, camera=camera
    ):
        print(written)
    return 0


if __name__ == "__main__":
    sys.exit(report(main, sys.argv[1:]))
