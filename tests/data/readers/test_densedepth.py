"""NYU in the form of DenseDepth."""

import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.readers.densedepth import read_densedepth_frame
from jaxdepth.data.readers.lists import ListedFrame, read_densedepth_list
from jaxdepth.data.readers.nyu_camera import COLOR
from tests.data.readers.fuzz import is_refused, refuses_damage

TRAIN = "data/nyu2_train/living_room_0038b_out/37"
TEST = "data/nyu2_test/00000"


@pytest.fixture
def root(tmp_path):
    for name in (TRAIN, TEST):
        (tmp_path / name).parent.mkdir(parents=True)
    picture = Image.fromarray(np.mgrid[:48, :64][0].astype(np.uint8)).convert("RGB")
    picture.save(tmp_path / f"{TRAIN}.jpg", quality=98)
    picture.save(tmp_path / f"{TEST}_colors.png")
    depth = np.arange(48 * 64).reshape(48, 64)
    Image.fromarray((depth % 256).astype(np.uint8)).save(tmp_path / f"{TRAIN}.png")
    Image.fromarray(depth.astype(np.uint16)).save(tmp_path / f"{TEST}_depth.png")
    (tmp_path / "data" / "nyu2_train.csv").write_text(f"{TRAIN}.jpg,{TRAIN}.png\r\n")
    (tmp_path / "data" / "nyu2_test.csv").write_text(f"{TEST}_colors.png,{TEST}_depth.png\n")
    return tmp_path


def read(root, split):
    (listed,) = read_densedepth_list(root / "data" / f"nyu2_{split}.csv", count=1)
    return read_densedepth_frame(root, listed, split=split)


def test_training_depth_is_ten_metres_in_255_steps(root):
    frame = read(root, "train")
    np.testing.assert_allclose(
        frame.depth.ravel()[:256], np.arange(256) / 255 * 10, rtol=1e-6, atol=0
    )
    assert (frame.name, frame.file, frame.scene) == (TRAIN, f"{TRAIN}.jpg", "living_room_0038")
    assert frame.image.shape == (48, 64, 3)
    assert frame.intrinsics == COLOR.intrinsics


def test_test_depth_is_in_millimetres(root):
    frame = read(root, "test")
    np.testing.assert_allclose(frame.depth.ravel(), np.arange(48 * 64) / 1000, rtol=1e-6)
    assert frame.image[7, 9].tolist() == [7, 7, 7]
    assert (frame.name, frame.scene) == (f"{TEST}_colors", "")


def test_the_other_splits_depth_is_refused(root):
    lists = {s: read_densedepth_list(root / "data" / f"nyu2_{s}.csv") for s in ("train", "test")}
    for split, other, bits in (("train", "test", 8), ("test", "train", 16)):
        (listed,) = lists[other]
        path = root / listed.depth
        is_refused(
            lambda _, listed=listed, split=split: read_densedepth_frame(root, listed, split=split),
            path,
            f"one grey channel of {bits} bits",
        )


def test_depth_of_another_size_is_refused(root):
    path = root / f"{TRAIN}.png"
    Image.fromarray(np.ones((64, 48), np.uint8)).save(path)
    is_refused(lambda _: read(root, "train"), path, "48x64 .* and has 64x48")


def test_damaged_frames_are_refused(root):
    for name in (f"{TRAIN}.jpg", f"{TRAIN}.png"):
        refuses_damage(lambda _: read(root, "train"), root / name, cuts=(0.0, 0.01, 0.1, 0.5))


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("a.jpg", "line 2: a line must be `image,depth`"),
        ("a.jpg,b.png,5", "line 2: a line must be `image,depth`"),
        ("a.jpg,", "line 2: a file must be below the dataset's folder"),
        ("../a.jpg,b.png", "line 2: a file must be below the dataset's folder"),
        ("x.jpg,y.png", "lines 1 and 2: each image may be listed once"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, match):
    path = tmp_path / "list.csv"
    path.write_text(f"/x.jpg,/x.png\n{line}\n")
    is_refused(read_densedepth_list, path, match)


def test_a_list_of_another_length_is_refused(root):
    path = root / "data" / "nyu2_train.csv"
    assert read_densedepth_list(path) == [ListedFrame(f"{TRAIN}.jpg", f"{TRAIN}.png", None)]
    is_refused(lambda p: read_densedepth_list(p, count=50_688), path, "must list 50688 and lists 1")
