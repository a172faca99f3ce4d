"""Files of one's own: patterns, lists, splits, and their refusals."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.prepare import OWN_FILES, prepare
from jaxdepth.data.prepare.own_files import choose_splits
from jaxdepth.data.prepare.pattern import find_by_pattern
from jaxdepth.data.readers.pair_list import ListedPair, read_list
from jaxdepth.errors import ConfigError, DataError
from tests.data.prepare.fabricated import own_folder, write_pair

PATTERN = {"image": "{split}/rgb/{name}.jpg", "depth": "{split}/depth/{name}.png"}


def plan(source, **options):
    defaults = {option.name: option.default for option in OWN_FILES.options}
    return OWN_FILES.plan(source, verify=True, **(defaults | {"depth_scale": 1000} | options))


def make(source, folder, **options):
    return prepare("own", plan(source, **options), data_dir=folder, progress=False)


def write(path, *lines):
    path.write_text("\n".join(lines))
    return path


def test_a_folder_by_pattern(tmp_path):
    source = own_folder(tmp_path / "files")
    (source / "train" / "notes.txt").touch()
    (source / "train" / "rgb" / "._000.jpg").touch()  # as some systems leave beside each file
    builder = make(source, tmp_path, **PATTERN)
    assert {s: i.num_examples for s, i in builder.info.splits.items()} == {"train": 5, "test": 2}
    record = builder.as_data_source("test")[1]
    assert (record["name"], record["file"]) == (b"test/rgb/001", b"001.jpg")
    millimetres = np.asarray(Image.open(source / "test/depth/001.png"))
    np.testing.assert_array_equal(record["depth"], (millimetres / 1000).astype(np.float32))
    assert record["depth"][0, 0] == 0
    assert "intrinsics" not in record


def test_fields_of_a_pattern(tmp_path):
    for scene in ("kitchen", "hall"):
        write_pair(tmp_path, f"{scene}/x/0_rgb.png", f"depth/{scene}/x/0.png", number=1)
    found = find_by_pattern(tmp_path, "{scene}/{name}_rgb.png", "depth/{scene}/{name}.png")
    assert found == [
        ListedPair(
            f"{scene}/x/0_rgb",
            tmp_path / scene / "x" / "0_rgb.png",
            tmp_path / "depth" / scene / "x" / "0.png",
            split="",
            scene=scene,
        )
        for scene in ("hall", "kitchen")
    ]
    with pytest.raises(DataError, match=r"must have images at \{name\}.gif and has none"):
        find_by_pattern(tmp_path, "{name}.gif", "{name}.png")
    with pytest.raises(DataError, match=r"depth maps at d/\{name\}.png and has none for its 2"):
        find_by_pattern(tmp_path, "{scene}/{name}_rgb.png", "d/{name}.png")
    with pytest.raises(DataError, match="no folder"):
        find_by_pattern(tmp_path / "gone", "{name}.gif", "{name}.png")
    for image, depth in (
        ("rgb.png", "{name}.png"),
        ("{name}.png", "depth.png"),
        ("{name}.jpg", "{split}/{name}.png"),
        ("{name}{name}.jpg", "{name}.png"),
        ("{nam}.jpg", "{nam}.png"),
    ):
        with pytest.raises(ConfigError, match=r"must be paths with \{name\}"):
            find_by_pattern(tmp_path, image, depth)


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_list_with_all_that_is_known(tmp_path, suffix):
    rows = []
    for i in range(4):
        write_pair(tmp_path, f"i{i}.png", f"d{i}.png", number=i)
        rows.append({"image": f"i{i}.png", "depth": f"d{i}.png", "split": "test" if i else "",
                     "scene": f"s{i}", "fx": 50 + i, "fy": 51, "cx": 15.5, "cy": 11.5})  # fmt: skip
    table = [",".join(rows[0]), *(",".join(map(str, row.values())) for row in rows)]
    lines = table if suffix == ".csv" else [json.dumps(row) for row in rows]
    builder = make(tmp_path, tmp_path, pairs=write(tmp_path / f"pairs{suffix}", *lines))
    (train,) = builder.as_data_source("train")
    assert train["intrinsics"].tolist() == [50, 51, 15.5, 11.5]
    assert train["scene"] == b"s0"
    assert [r["file"] for r in builder.as_data_source("test")] == [b"i1.png", b"i2.png", b"i3.png"]


def test_a_list_is_in_the_source_and_its_paths_are_from_its_own_folder_on(tmp_path):
    for place in ("here", "there"):
        folder = tmp_path / place
        write_pair(folder, "a/rgb/0.jpg", "depth/0.png", number=1)
        write(folder / "a" / "pairs.csv", "image,depth", "rgb/0.jpg,../depth/0.png")
        make(folder, tmp_path, pairs="a/pairs.csv")  # the files may have moved since
    listed = write(folder / "a" / "half.csv", "image,depth,fx,fy,cx,cy", "0,0,1,2,3,4", "1,1,,,,")
    with pytest.raises(DataError, match="must have fx, fy, cx, cy for all") as caught:
        plan(folder, pairs="a/half.csv")
    assert str(listed) in str(caught.value)
    with pytest.raises(DataError, match=r"gone.csv .*No such file"):
        plan(folder, pairs="gone.csv")


def test_fractions_take_whole_scenes_whatever_the_order(tmp_path):
    lines = [f"s{i % 20}/{i}.png,d/{i}.png,s{i % 20}" for i in range(200)]
    listed = read_list(write(tmp_path / "a.csv", "image,depth,scene", *lines))
    splits = choose_splits(listed, validation="0.1", test="0.25")
    sizes = {split: len(pairs) for split, pairs in splits.items()}
    assert sizes == {"train": 130, "validation": 20, "test": 50}
    scenes = [{pair.scene for pair in pairs} for pairs in splits.values()]
    assert sum(map(len, scenes)) == 20
    again = choose_splits(listed[::-1], validation="0.1", test="0.25")
    assert {s: set(p) for s, p in splits.items()} == {s: set(p) for s, p in again.items()}


def test_files_that_name_a_split(tmp_path):
    source = own_folder(tmp_path / "files")
    listed = find_by_pattern(source, **PATTERN)
    names = write(tmp_path / "val.txt", "train/rgb/001", "", "train/rgb/003.jpg")
    splits = choose_splits(listed, validation=str(names))
    assert [pair.name for pair in splits["validation"]] == ["train/rgb/001", "train/rgb/003"]
    assert len(splits["train"]) == 3
    write(names, "train/rgb/9.jpg")
    with pytest.raises(DataError, match=r"val.txt, line 1: 'train/rgb/9.jpg' is no image"):
        choose_splits(listed, validation=str(names))
    with pytest.raises(ConfigError, match="--test must not be given where"):
        choose_splits(listed, test="0.5")
    with pytest.raises(ConfigError, match=r"fraction between 0 and 1 or a file, got 1.5"):
        choose_splits(listed, validation="1.5")


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({}, "--pairs=FILE, or both --image and --depth"),
        ({"image": "{name}.png"}, "both --image and --depth"),
        ({**PATTERN, "depth_scale": None}, "--depth_scale must be the number"),
        ({**PATTERN, "depth_scale": 0.0}, "--depth_scale must be the number"),
        ({**PATTERN, "invalid": "a"}, "--invalid must be numbers"),
    ],
)
def test_what_must_be_said(tmp_path, options, match):
    with pytest.raises(ConfigError, match=match):
        plan(own_folder(tmp_path), **options)


def test_damaged_and_misshapen_files_are_named(tmp_path):
    source = own_folder(tmp_path / "files")
    image, depth = source / "train/rgb/002.jpg", source / "train/depth/003.png"
    image.write_bytes(image.read_bytes()[:300])
    Image.fromarray(np.ones((3, 4), np.uint16)).save(depth)
    with pytest.raises(DataError, match="damaged or cut short") as caught:
        make(source, tmp_path, **PATTERN)
    assert str(image) in str(caught.value)
    builder = prepare("own", plan(source, **PATTERN), data_dir=tmp_path, skip_bad=2, progress=False)
    assert builder.info.splits["train"].num_examples == 3
    first, second = (builder.data_path / "skipped.txt").read_text().splitlines()
    assert str(image) in first
    assert f"{depth}: the depth must have its image's size, 24x32" in second


def test_values_that_mean_no_measurement(tmp_path):
    write_pair(tmp_path, "i.png", "d.png", number=0)
    listed = write(tmp_path / "a.csv", "image, depth", "i.png, d.png")
    builder = make(tmp_path, tmp_path, pairs=listed, invalid="1003,1005")
    depth = builder.as_data_source("train")[0]["depth"]
    assert (depth[:, 3] == 0).all()
    assert (depth[:, 5] == 0).all()
    assert (depth[:, 4] > 1).all()
