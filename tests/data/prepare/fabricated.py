"""Small originals of datasets, each of exactly the original's format."""

from pathlib import Path

import numpy as np
from PIL import Image

from tests.data.readers import (
    test_diml,
    test_kitti,
    test_make3d,
    test_nyu_labeled,
    test_nyu_raw,
)

SIZE = (24, 32)
BTS_LISTS = {
    "train": ("nyudepthv2_train_files_with_gt.txt", "kitchen_0028b"),
    "test": ("nyudepthv2_test_files_with_gt.txt", "kitchen"),
}


def write_pair(folder: Path, image: str, depth: str, *, number: int, size=SIZE):
    """An image whose red is the frame's number, and depth of 1 m + number cm + 1 mm a column."""
    for name in (image, depth):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
    row, column = np.mgrid[: size[0], : size[1]]
    rgb = np.stack([0 * row + number, 5 * row, 7 * column], -1).astype(np.uint8)
    Image.fromarray(rgb).save(folder / image, quality=95)
    millimetres = (1000 + 10 * number + column).astype(np.uint16)
    millimetres[0, 0] = 0
    Image.fromarray(millimetres).save(folder / depth)


def own_folder(folder: Path, *, train: int = 5, test: int = 2) -> Path:
    """`train/rgb/000.jpg` with `train/depth/000.png`, millimetres."""
    for split, count in (("train", train), ("test", test)):
        for i in range(count):
            names = (f"{split}/rgb/{i:03d}.jpg", f"{split}/depth/{i:03d}.png")
            write_pair(folder, *names, number=i + 100 * (split == "test"))
    return folder


def nyu_labeled(folder: Path) -> Path:
    test_nyu_labeled.write_labeled(folder / "nyu_depth_v2_labeled.mat")
    test_nyu_labeled.write_splits(folder / "splits.mat")
    return folder


def nyu_bts(folder: Path) -> Path:
    for split, (name, recording) in BTS_LISTS.items():
        base = folder / {"train": "sync", "test": "official_splits/test"}[split]
        lines = []
        for i in range(3):
            names = f"{recording}/rgb_{i:05d}.jpg", f"{recording}/sync_depth_{i:05d}.png"
            write_pair(base, *names, number=i + 100 * (split == "test"))
            lines.append(f"/{names[0]} /{names[1]} 518.8579")
        (folder / name).write_text("\n".join(lines))
    return folder


def nyu_densedepth(folder: Path) -> Path:
    """Two scenes; training depth in 8 bits, test depth in millimetres."""
    row, column = np.mgrid[: SIZE[0], : SIZE[1]]
    coarse = (20 + row + column).astype(np.uint8)
    frames = {
        "train": [f"data/nyu2_train/{scene}_out/1" for scene in ("attic_0001a", "attic_0002")],
        "test": ["data/nyu2_test/00000"],
    }
    for split, names in frames.items():
        lines = []
        for name in names:
            ends = (".jpg", ".png") if split == "train" else ("_colors.png", "_depth.png")
            image, depth = (f"{name}{end}" for end in ends)
            write_pair(folder, image, depth, number=len(lines))
            if split == "train":
                Image.fromarray(coarse).save(folder / depth)
            lines.append(f"{image},{depth}")
        (folder / "data" / f"nyu2_{split}.csv").write_text("\n".join(lines))
    return folder


def nyu_raw(folder: Path) -> Path:
    for recording in ("study_0001a", "study_0001b", "attic_0002"):
        times = ["10.0", "10.5"]
        test_nyu_raw.recording(folder / recording, times, times)
    (folder / "scenes.txt").write_text("study_0001\nattic_0002\n")
    return folder


def make3d(folder: Path) -> Path:
    test_make3d.dataset(folder, ["img-10.21a.jpg"], ["depth_sph_corr-a.mat"])
    (folder / "Train400Img").mkdir()
    (folder / "Train400Depth").mkdir()
    for stem in ("b", "c"):
        Image.new("RGB", (17, 22), (9, 8, 7)).save(folder / f"Train400Img/img-{stem}.jpg")
        test_make3d.write_grid(folder / f"Train400Depth/depth_sph_corr-{stem}.mat")
    return folder


def kitti(folder: Path) -> Path:
    """The right images see a wall that the left ones have 7 pixels farther to the right."""
    test_kitti.frame_folder(folder)
    listed = test_kitti.LISTED
    right = listed.image.replace("image_02", "image_03")
    (folder / right).parent.mkdir(parents=True)
    height, width = test_kitti.SIZE
    wall = np.random.default_rng(0).integers(0, 256, (height, width + 7, 3)).astype(np.uint8)
    for name, view in ((listed.image, wall[:, :-7]), (right, wall[:, 7:])):
        Image.fromarray(view).save(folder / name)
    line = f"{listed.image} {listed.depth} {listed.focal}\n"
    (folder / "eigen_test_files_with_gt.txt").write_text(line)
    scan = folder / listed.image.replace("image_02", "velodyne_points").replace(".png", ".bin")
    lines = []
    for number in (70, 71):
        for path in (folder / listed.image, folder / listed.depth, folder / right, scan):
            other = path.with_stem(f"{number:010d}")
            other.write_bytes(path.read_bytes())
        depth = listed.depth if number == 70 else "None"
        lines.append(f"{listed.image} {depth} {listed.focal}\n".replace("0069", f"00{number}"))
    (folder / "eigen_train_files_with_gt.txt").write_text("".join(lines))
    return folder


def diml(folder: Path) -> Path:
    for split, stems in (("train", ("in_01_1", "in_02_1")), ("test", ("in_01_1",))):
        for stem in stems:
            test_diml.write_frame(folder / split / "LR" / "2. Café", stem, SIZE)
    return folder
