"""A good file of every kind that a reader takes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from jaxdepth.data.folder import match_pairs, read_image_pairs, read_prediction_pairs
from jaxdepth.data.images import read_depth, read_image
from jaxdepth.data.readers.archives import unpack
from jaxdepth.data.readers.bts import read_bts_frame
from jaxdepth.data.readers.damage import read_bytes
from jaxdepth.data.readers.densedepth import read_densedepth_frame
from jaxdepth.data.readers.depth_png import read_depth_png
from jaxdepth.data.readers.diml import find_diml, read_diml_frame
from jaxdepth.data.readers.kitti import read_kitti_frame
from jaxdepth.data.readers.kitti_calibration import read_object_calibration
from jaxdepth.data.readers.lists import (
    ListedFrame,
    read_densedepth_list,
    read_frame_list,
    read_scene_list,
)
from jaxdepth.data.readers.make3d import pair_make3d, read_make3d_frame
from jaxdepth.data.readers.nyu_labeled import NyuLabeled, read_splits
from jaxdepth.data.readers.nyu_raw import pair_by_time, read_raw_frame
from jaxdepth.data.readers.pair_list import read_list, read_listed_pair
from tests.data.readers import test_diml, test_kitti, test_make3d, test_nyu_labeled, test_nyu_raw

SIZE = (24, 32)

KINDS = [
    *(f"image {suffix}" for suffix in ("png", "jpg", "tif", "ppm", "gif", "webp", "bmp")),
    *(f"depth {suffix}" for suffix in ("png", "tif", "pgm", "npy", "npz")),
    "depth png of 16 bits", "depth png of 8 bits",
    "nyu labeled", "nyu splits", "nyu raw depth", "nyu raw color",
    "bts image", "bts depth", "densedepth image", "densedepth depth",
    "kitti image", "kitti scan", "kitti annotated", "kitti right image",
    "kitti cameras", "kitti scanner", "kitti object calibration",
    "make3d image", "make3d grid", "diml color", "diml depth_filled", "diml depth_raw",
    "archive zip", "archive tar", "archive tgz",
    "frame list", "densedepth list", "scene list", "pair list csv", "pair list jsonl",
    "listed image", "listed depth", "folder image", "folder depth", "folder prediction",
]  # fmt: skip
"""All that `make_samples` makes, in its order."""


class Sample(NamedTuple):
    """A file, and what reads it as a part of its dataset; all names have blanks and umlauts."""

    file: Path
    read: Callable[[], Any]


def picture() -> np.ndarray:
    """An image of many values."""
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), np.uint8)


def millimetres() -> np.ndarray:
    """Depth with a hole."""
    depth = np.random.default_rng(0).integers(500, 9000, SIZE).astype(np.uint16)
    depth[3, 4] = 0
    return depth


def make_samples(root: Path) -> dict[str, Sample]:
    """Writes a good file of every kind below a folder."""
    root = root / "Küche 1, süd – π"
    samples: dict[str, Sample] = {}
    for make in (_pictures, _nyu, _nyu_forms, _kitti, _others, _lists):
        folder = root / make.__name__.strip("_")
        folder.mkdir(parents=True)
        samples |= make(folder)
    return samples


def _pictures(folder: Path) -> dict[str, Sample]:
    samples = {}
    for suffix in ("png", "jpg", "tif", "ppm", "gif", "webp", "bmp"):
        path = folder / f"bild ä.{suffix}"
        Image.fromarray(picture()).save(path)
        samples[f"image {suffix}"] = Sample(path, lambda path=path: read_image(path))
    for suffix in ("png", "tif", "pgm", "npy", "npz"):
        path = folder / f"tiefe ä.{suffix}"
        if suffix == "npy":
            np.save(path, millimetres().astype(np.float32))
        elif suffix == "npz":
            np.savez_compressed(path, depth=millimetres())
        else:
            Image.fromarray(millimetres()).save(path)
        samples[f"depth {suffix}"] = Sample(path, lambda path=path: read_depth(path, scale=1000))
    for depth, bits in ((millimetres(), 16), (picture()[..., 0], 8)):
        path = folder / f"tiefe {bits}.png"
        Image.fromarray(depth).save(path)
        samples[f"depth png of {bits} bits"] = Sample(
            path, lambda path=path, bits=bits: read_depth_png(path, scale=25.5, bits=bits)
        )
    return samples


def _nyu(folder: Path) -> dict[str, Sample]:
    labeled = test_nyu_labeled.write_labeled(folder / "nyu labeled ä.mat")
    splits = test_nyu_labeled.write_splits(folder / "splits ä.mat")
    recording = test_nyu_raw.recording(folder / "kitchen_0001", ["1.0"], ["1.0"])

    def read_labeled():
        with NyuLabeled(labeled) as frames:
            return [frames.read(i) for i in range(len(frames))]

    def read_raw():
        return read_raw_frame(pair_by_time(recording)[0])

    return {
        "nyu labeled": Sample(labeled, read_labeled),
        "nyu splits": Sample(splits, lambda: read_splits(splits, sizes=test_nyu_labeled.SMALL)),
        "nyu raw depth": Sample(recording / "d-1.0-0.pgm", read_raw),
        "nyu raw color": Sample(recording / "r-1.0-0.ppm", read_raw),
    }


def _nyu_forms(folder: Path) -> dict[str, Sample]:
    samples = {}
    image, depth = folder / "a ä.jpg", folder / "b ä.png"
    Image.fromarray(picture()).save(image)
    Image.fromarray(millimetres()).save(depth)
    listed = ListedFrame(image.name, depth.name)
    for form, read in (
        ("bts", lambda: read_bts_frame(folder, listed)),
        ("densedepth", lambda: read_densedepth_frame(folder, listed, split="test")),
    ):
        samples |= {f"{form} image": Sample(image, read), f"{form} depth": Sample(depth, read)}
    return samples


def _kitti(folder: Path) -> dict[str, Sample]:
    image, scan, annotated = test_kitti.frame_folder(folder)
    right = folder / test_kitti.LISTED.image.replace("image_02", "image_03")
    right.parent.mkdir(parents=True)
    shutil.copy(image, right)
    day = folder / test_kitti.DATE
    single = test_kitti.write_object_calibration(folder / "000000 ä.txt")

    def read(depth):
        return lambda: read_kitti_frame(folder, test_kitti.LISTED, depth=depth)

    return {
        "kitti image": Sample(image, read("camera_z")),
        "kitti scan": Sample(scan, read("velodyne_x")),
        "kitti annotated": Sample(annotated, read("annotated")),
        "kitti right image": Sample(right, read("stereo")),
        "kitti cameras": Sample(day / "calib_cam_to_cam.txt", read("stereo")),
        "kitti scanner": Sample(day / "calib_velo_to_cam.txt", read("camera_z")),
        "kitti object calibration": Sample(single, lambda: read_object_calibration(single)),
    }


def _others(folder: Path) -> dict[str, Sample]:
    images, depths = test_make3d.dataset(folder, ["img-a.jpg"], ["depth_sph_corr-a.mat"])
    category = folder / "test" / "LR" / "2. Café"
    test_diml.write_frame(category, test_diml.STEM, SIZE)

    def read_make3d():
        return read_make3d_frame(pair_make3d(images, depths)[0])

    def read_diml():
        return read_diml_frame(find_diml(folder, "test")[0])

    samples = {
        "make3d image": Sample(images / "img-a.jpg", read_make3d),
        "make3d grid": Sample(depths / "depth_sph_corr-a.mat", read_make3d),
    }
    for name in ("color", "depth_filled", "depth_raw"):
        samples[f"diml {name}"] = Sample(next((category / name).iterdir()), read_diml)
    for suffix, kind in (("zip", "zip"), ("tar", "tar"), ("tgz", "gztar")):
        path = folder / f"archiv ä.{suffix}"
        shutil.move(shutil.make_archive(str(folder / "made"), kind, images), path)

        def read_archive(path=path):
            shutil.rmtree(folder / "unpacked", ignore_errors=True)
            unpack(path, folder / "unpacked")
            return read_bytes(folder / "unpacked" / "img-a.jpg", "an image")

        samples[f"archive {suffix}"] = Sample(path, read_archive)
    return samples


def _lists(folder: Path) -> dict[str, Sample]:
    image, depth = folder / "rgb" / "0 ä.png", folder / "depth" / "0 ä.npy"
    for path in (image, depth):
        path.parent.mkdir()
    Image.fromarray(picture()).save(image)
    np.save(depth, millimetres())
    row = {"image": "rgb/0 ä.png", "depth": "depth/0 ä.npy", "fx": 5, "fy": 5, "cx": 1, "cy": 1}
    texts = {
        "frames ä.txt": "".join(f"a/{i}.jpg b/{i}.png 5.5\n" for i in range(9)),
        "frames ä.csv": "".join(f"a/{i}.jpg,b/{i}.png\n" for i in range(9)),
        "scenes ä.txt": "".join(f"attic_{i:04d}\n" for i in range(9)),
        "pairs ä.csv": ",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n",
        "pairs ä.jsonl": json.dumps(row) + "\n",
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")

    def in_list(read, name):
        return Sample(folder / name, lambda: read(folder / name))

    def read_pairs(path):
        return [read_listed_pair(pair, depth_scale=1000) for pair in read_list(path)]

    def in_folders(file, read, first, **options):
        def read_all():
            pairs = match_pairs(first, depth.parent, first_suffixes={".png", ".npy"}).pairs
            return list(read(pairs, depth_scale=1000, **options))

        return Sample(file, read_all)

    pairs_csv = in_list(read_pairs, "pairs ä.csv")
    return {
        "frame list": in_list(read_frame_list, "frames ä.txt"),
        "densedepth list": in_list(read_densedepth_list, "frames ä.csv"),
        "scene list": in_list(read_scene_list, "scenes ä.txt"),
        "pair list csv": pairs_csv,
        "pair list jsonl": in_list(read_pairs, "pairs ä.jsonl"),
        "listed image": pairs_csv._replace(file=image),
        "listed depth": pairs_csv._replace(file=depth),
        "folder image": in_folders(image, read_image_pairs, image.parent),
        "folder depth": in_folders(depth, read_image_pairs, image.parent),
        "folder prediction": in_folders(
            depth, read_prediction_pairs, depth.parent, prediction_scale=1000
        ),
    }
