"""What checking finds, in good datasets and in damaged ones."""

import numpy as np
import pytest

from jaxdepth.data.check import check_dataset, format_report, scale_warning
from jaxdepth.data.prepare import Item, Plan, open_prepared, prepare, shards
from jaxdepth.data.readers.frame import Frame


def frame(name: str) -> Frame:
    number = int(name[1:])
    depth = np.full((6, 8), 1 + number, np.float32)
    depth[:3] = 0
    image = np.full((6, 8, 3), number + 100 * (name[0] == "b"), np.uint8)
    return Frame(name, name, f"s{number % 2}", image, depth)


@pytest.fixture
def make(tmp_path, monkeypatch):
    monkeypatch.setattr(shards, "SHARD_SIZE", 2)

    def make(read=frame):
        splits = {
            split: [Item(f"{letter}{i}", lambda n=f"{letter}{i}": read(n)) for i in range(count)]
            for split, letter, count in (("train", "a", 5), ("test", "b", 3))
        }
        plan = Plan(splits, intrinsics=False)
        return prepare("toy", plan, data_dir=tmp_path, progress=False)

    return make


def test_a_good_dataset(make):
    report = check_dataset(make())
    assert not report.problems
    train = report.splits["train"]
    assert (train.examples, train.decoded, train.scenes) == (5, 5, 2)
    assert train.sizes == {(6, 8): 5}
    assert train.depths["depth"] == ({(6, 8): 5}, 1, 5, 0.5, 3)
    text = format_report(report)
    assert "train  5         6x8    depth  6x8  1.00–5.00   50.0 %  2" in text
    assert "wrong" not in text


@pytest.mark.parametrize(
    ("factor", "metres", "median"),
    [
        (1, "1.00–5.00", None),
        (50, "50.00–250.00", None),
        (1000, "1000.00–5000.00", "3000.00"),
        (0.001, "0.001–0.005", "0.003"),
        (1e-6, "0.000001–0.000005", "0.000003"),
    ],
)
def test_depth_of_a_wrong_unit_is_warned_of(make, factor, metres, median):
    def scaled(name):
        read = frame(name)
        return read._replace(depth=read.depth * np.float32(factor))

    report = check_dataset(make(scaled))
    assert f"  {metres}  " in format_report(report)
    warning = scale_warning(report)
    assert bool(warning) == (median is not None)
    if median:
        assert f"train has depth with a median of {median} m" in warning
        assert "--depth_scale" in warning


def test_a_limit_is_spread_evenly(make):
    report = check_dataset(make(), limit=2)
    assert report.splits["train"].decoded == 2
    assert "5 (2 read)" in format_report(report)


def test_damaged_and_missing_files_are_found(make):
    builder = make()
    path = sorted(builder.data_path.glob("toy-train*"))[1]
    content = bytearray(path.read_bytes())
    for at in range(len(content) // 3, 2 * len(content) // 3, 7):
        content[at] ^= 0xFF
    path.write_bytes(content)
    text = format_report(check_dataset(open_prepared(builder.data_path)))
    assert "wrong: train" in text
    path.unlink()
    problems = check_dataset(open_prepared(builder.data_path)).problems
    assert any(problem.startswith("train") for problem in problems)
    assert not any(problem.startswith("test") for problem in problems)


def test_depth_that_is_none_and_images_in_two_splits_are_found(make):
    def wrong(name):
        read = frame(name)
        if name == "a1":
            read.depth[0, 0] = np.nan
        if name == "a2":
            read.depth[0, 0] = -1
        if name == "b1":
            read.image[:] = 3
        return read

    problems = check_dataset(make(wrong)).problems
    assert sorted(problems) == [
        "test[1] has the image of train[3]: splits must not share any",
        "train[1] has depth that is negative or not finite",
        "train[2] has depth that is negative or not finite",
    ]


def test_a_long_list_of_problems_is_cut(make):
    report = check_dataset(make())._replace(problems=[f"problem {i}" for i in range(30)])
    lines = format_report(report).splitlines()
    assert lines[-2:] == ["wrong: problem 19", "wrong: 10 more like these"]
