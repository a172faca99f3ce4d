"""A user's own pairs in CSV and JSON lines."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.readers.frame import Intrinsics
from jaxdepth.data.readers.pair_list import read_list, read_listed_pair
from jaxdepth.errors import DataError
from tests.data.readers.fuzz import is_refused, refuses_damage

ROWS = [
    {"image": "rgb/0 1.jpg", "depth": "depth/0 1.png", "split": "train", "scene": "Küche, Süd",
     "fx": 500.5, "fy": 501, "cx": 320, "cy": 240},
    {"image": "rgb/b.c.jpg", "depth": "../b.png"},
]  # fmt: skip


def write_csv(path, header, *lines):
    path.write_text("\n".join([header, *lines]), encoding="utf-8")
    return path


def write_json(path, *rows):
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


def both_forms(folder):
    csv = write_csv(
        folder / "pairs.csv",
        "image,depth,split,scene,fx,fy,cx,cy",
        'rgb/0 1.jpg, depth/0 1.png,train,"Küche, Süd",500.5,501,320,240\r',
        "",
        "rgb/b.c.jpg,../b.png,,,,,,",
    )
    return csv, write_json(folder / "pairs.jsonl", *ROWS)


def test_both_forms_tell_the_same(tmp_path):
    for path in both_forms(tmp_path):
        first, second = read_list(path)
        assert first.name == "rgb/0 1"
        assert first.image == tmp_path / "rgb" / "0 1.jpg"
        assert first.depth == tmp_path / "depth" / "0 1.png"
        assert (first.split, first.scene) == ("train", "Küche, Süd")
        assert first.intrinsics == Intrinsics(500.5, 501, 320, 240)
        assert second.name == "rgb/b.c"
        assert second.depth == tmp_path / ".." / "b.png"
        assert (second.split, second.scene, second.intrinsics) == ("", "", None)
    assert second.place == f"{path}, line 2"


def test_a_pair_is_read_in_the_units_that_are_declared(tmp_path):
    for name in ("rgb", "depth"):
        (tmp_path / name).mkdir()
    Image.new("RGB", (8, 6), (9, 8, 7)).save(tmp_path / "rgb" / "0 1.jpg")
    depth = np.full((6, 8), 5000, np.uint16)
    depth[0, :2] = 0, 65535
    Image.fromarray(depth).save(tmp_path / "depth" / "0 1.png")
    csv, _ = both_forms(tmp_path)
    first, second = read_list(csv)
    frame = read_listed_pair(first, depth_scale=5000, depth_invalid_values=(65535,))
    assert frame.image.shape == (6, 8, 3)
    assert frame.depth[0, :3].tolist() == [0, 0, 1]
    assert (frame.name, frame.file, frame.scene) == ("rgb/0 1", "0 1.jpg", "Küche, Süd")
    assert frame.intrinsics == first.intrinsics
    with pytest.raises(DataError, match=r"pairs.csv, line 4: .*b.c.jpg: No such file"):
        read_listed_pair(second, depth_scale=5000)
    Image.fromarray(np.ones((8, 6), np.uint16)).save(first.depth)
    with pytest.raises(DataError, match=r"pairs.csv, line 2: .* must have its image's size"):
        read_listed_pair(first, depth_scale=5000)
    Image.fromarray(np.zeros((6, 8), np.uint16)).save(first.depth)
    with pytest.raises(DataError, match=r"pairs.csv, line 2: .* no valid pixel"):
        read_listed_pair(first, depth_scale=5000)


@pytest.mark.parametrize(
    ("header", "line", "match"),
    [
        ("a.jpg,a.png", "", "line 1: the first line must name the columns"),
        ("image,depth,image", "a,b,c", "line 1: .* each once"),
        ("image,depth,Scene", "a.jpg,a.png,x", "line 2: there is no key 'Scene'"),
        ("image,depth", "a.jpg", "line 2: a row must have 2 fields"),
        ("image,depth", "a,b.jpg,a.png", "got 3; put a path with a comma"),
        ("image,depth", '"a.jpg,a.png', "line 2: it is no CSV"),
        ("image,depth", "a.jpg,", "line 2: depth must be the path of a file"),
        ("image,depth", "./,a.png", "line 2: image must be the path of a file"),
        ("image,depth", "a\0.jpg,a.png", "line 2: image must be a text of one line"),
        ("image,depth", "a.jpg,a.png\n./a.png,b.png", "line 3: each image may be listed once"),
        ("image,depth", "", "must list at least one pair"),
        ("image,depth,fx", "a.jpg,a.png,500", "four numbers of pixels"),
        ("image,depth,fx,fy,cx,cy", "a.jpg,a.png,0,1,1,1", "the first two positive"),
        ("image,depth,fx,fy,cx,cy", "a.jpg,a.png,5,f,1,1", "four numbers"),
        ("image,depth,fx,fy,cx,cy", "a.jpg,a.png,5,inf,1,1", "four numbers"),
    ],
)
def test_a_wrong_line_of_csv_is_named(tmp_path, header, line, match):
    is_refused(read_list, write_csv(tmp_path / "pairs.csv", header, line), match)


@pytest.mark.parametrize(
    ("row", "match"),
    [
        ("[1]", "line 2: a line must be an object"),
        ('{"image": "a.jpg"', "line 2: it is no JSON"),
        ("[" * 100_000, "line 2: it is no JSON"),
        ('{"image": "a.jpg"}', "line 2: depth must be the path"),
        ('{"image": 1, "depth": "a.png"}', "line 2: image must be a text"),
        ('{"image": "\\ud800", "depth": "a.png"}', "line 2: image must be a text"),
        ('{"image": "a.jpg", "depth": "a.png", "focal": 1}', "no key 'focal'"),
        ('{"image": "a.jpg", "depth": "a.png", "fx": [], "fy": 1, "cx": 1, "cy": 1}', "four"),
        ('{"image": "a.jpg", "depth": "a.png", "fx": true, "fy": 1, "cx": 1, "cy": 1}', "four"),
    ],
)
def test_a_wrong_line_of_json_is_named(tmp_path, row, match):
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"image": "z.jpg", "depth": "z.png", "scene": null}\n' + row)
    is_refused(read_list, path, match)


def test_another_suffix_is_refused(tmp_path):
    is_refused(read_list, write_csv(tmp_path / "pairs.txt", "image,depth", "a,b"), "must be named")


def test_damaged_lists_are_refused(tmp_path):
    for path in both_forms(tmp_path):
        refuses_damage(read_list, path, cuts=(0.0, 0.01, 0.1), flips=60)
