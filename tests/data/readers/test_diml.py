"""DIML: three folders a category, whatever it is called."""

import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.readers.diml import find_diml, read_diml_frame
from jaxdepth.data.readers.frame import Intrinsics
from jaxdepth.errors import DataError
from tests.data.readers.fuzz import is_refused, refuses_damage

STEM = "in_01_160217_123138"
SIZES = {"HR": (42, 75), "LR": (16, 28)}


def write_frame(category, stem, size, value=1500):
    for folder in ("color", "depth_filled", "depth_raw"):
        (category / folder).mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*size, 3), (9, 8, 7), np.uint8)).save(
        category / "color" / f"{stem}_c.png"
    )
    filled = np.full(size, value, np.uint16)
    raw = filled.copy()
    raw[3, 4] = 0
    Image.fromarray(filled).save(category / "depth_filled" / f"{stem}_depth_filled.png")
    Image.fromarray(raw).save(category / "depth_raw" / f"{stem}_depth_raw.png")


@pytest.fixture
def root(tmp_path):
    for resolution, size in SIZES.items():
        folder = tmp_path / "test" / resolution
        write_frame(folder / "12. Livingroom", STEM, size)
        write_frame(folder / "2. Café", "in_02_160218_101010", size, value=7000)
        write_frame(folder / "2. Café", "in_01_160218_101010", size)
        (folder / "2. Café" / "color" / "._in_01_160218_101010_c.png").write_bytes(b"\0\5\x16\7")
        (folder / "readme.txt").write_text("not a category")
    return tmp_path


@pytest.mark.parametrize("resolution", SIZES)
def test_frames_have_both_depths_in_their_files_size(root, resolution):
    files = find_diml(root, "test", resolution=resolution, count=3)
    assert [f.name for f in files] == [
        f"12. Livingroom/{STEM}", "2. Café/in_01_160218_101010", "2. Café/in_02_160218_101010"
    ]  # fmt: skip
    frame = read_diml_frame(files[0])
    assert frame.image.shape == (*SIZES[resolution], 3)
    assert (frame.depth == 1.5).all()
    assert np.argwhere(frame.raw_depth != 1.5).tolist() == [[3, 4]]
    assert frame.raw_depth[3, 4] == 0
    assert (frame.name, frame.file) == (files[0].name, f"{STEM}_c.png")
    assert (frame.scene, frame.intrinsics) == ("12. Livingroom", None)
    camera = Intrinsics(540, 540, 256, 144)
    frame = read_diml_frame(files[2], intrinsics=camera)
    assert (frame.depth.max(), frame.intrinsics) == (7, camera)


def test_another_count_or_nothing_is_refused(root, tmp_path):
    folder = root / "test" / "LR"
    is_refused(
        lambda _: find_diml(root, "test", count=503), folder, "must have 503 frames .* got 3"
    )
    is_refused(lambda _: find_diml(root, "train"), root / "train" / "LR", "No such file")
    (root / "train" / "LR").mkdir(parents=True)
    is_refused(lambda _: find_diml(root, "train"), root / "train" / "LR", "must have some .* got 0")


@pytest.mark.parametrize("missing", ["color", "depth_filled", "depth_raw"])
def test_a_frame_without_one_of_its_files_is_refused(root, missing):
    folder = root / "test" / "LR" / "2. Café"
    (path,) = (folder / missing).glob("in_02*")
    path.unlink()
    with pytest.raises(DataError, match="1 have none in") as caught:
        find_diml(root, "test")
    assert "in_02_160218_101010" in str(caught.value)
    for other in (folder / missing).iterdir():
        other.unlink()
    (folder / missing).rmdir()
    if missing != "color":  # which makes a folder a category
        is_refused(lambda _: find_diml(root, "test"), folder / missing, "No such file")


def test_damaged_frames_are_refused(root):
    files = find_diml(root, "test")[0]
    for path in files[1:]:
        refuses_damage(lambda _: read_diml_frame(files), path, cuts=(0.0, 0.1, 0.5), flips=10)
    Image.fromarray(np.ones((5, 6), np.uint16)).save(files.raw_depth)
    is_refused(lambda _: read_diml_frame(files), files.raw_depth, "must have its image's size")
