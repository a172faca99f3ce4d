"""Preparing: interrupted, resumed, with bad files, and never half a dataset."""

import fcntl
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from jaxdepth.data.images import read_image
from jaxdepth.data.prepare import Item, Plan, examples, find_prepared, preparation, prepare, shards
from jaxdepth.data.readers.frame import Frame
from jaxdepth.errors import ConfigError, DataError


@pytest.fixture
def short_shards(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_SIZE", 4)


def frame(name: str, *, size=(6, 8), **changed) -> Frame:
    number = int(name[1:])
    image = np.full((*size, 3), number, np.uint8)
    depth = np.full(size, 1 + number / 7, np.float32)
    return Frame(name, f"{name}.png", "", image, depth)._replace(**changed)


def plan_of(read=frame, *, train: int = 10, test: int = 3, **changed) -> Plan:
    names = {"train": [f"a{i}" for i in range(train)], "test": [f"b{i}" for i in range(test)]}
    splits = {
        split: [Item(name, lambda name=name: read(name)) for name in chosen]
        for split, chosen in names.items()
    }
    return Plan(splits, intrinsics=False)._replace(**changed)


def make(plan: Plan, folder, **options):
    return prepare("toy", plan, data_dir=folder, progress=False, **options)


def contents(folder) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.is_file()}


def failing_at(*bad: str, error=DataError):
    def read(name):
        if name in bad:
            raise error(f"/original/{name}.png is damaged")
        return frame(name)

    return read


def test_examples_keep_the_plans_order_and_the_exact_depth(tmp_path, short_shards):
    builder = make(plan_of(), tmp_path)
    assert builder.info.splits["train"].num_shards == 3
    assert builder.info.splits["train"].shard_lengths == [3, 3, 4]
    for split, letter, count in (("train", "a", 10), ("test", "b", 3)):
        records = builder.as_data_source(split)
        assert [r["name"].decode() for r in records] == [f"{letter}{i}" for i in range(count)]
        for i, record in enumerate(records):
            np.testing.assert_array_equal(record["depth"], frame(f"a{i}").depth)
            np.testing.assert_array_equal(record["image"], frame(f"a{i}").image)
    assert [p.name for p in tmp_path.rglob("*unfinished*")] == []
    tfds_own = tfds.builder("toy", data_dir=tmp_path, try_gcs=False)  # by its files alone
    assert len(tfds_own.as_data_source("train")) == 10


@pytest.mark.parametrize("error", [DataError, KeyboardInterrupt, OSError])
def test_an_interrupted_preparation_goes_on_to_the_same_bytes(tmp_path, short_shards, error):
    make(plan_of(), tmp_path / "whole")
    with pytest.raises(error, match="a8"):
        make(plan_of(failing_at("a8", error=error)), tmp_path / "resumed")
    assert find_prepared("toy", data_dir=tmp_path / "resumed") is None
    read = []
    make(plan_of(lambda name: read.append(name) or frame(name)), tmp_path / "resumed")
    assert set(read) == {*(f"a{i}" for i in range(6, 10)), "b0", "b1", "b2"}
    whole, resumed = (
        contents(find_prepared("toy", data_dir=tmp_path / name)) for name in ("whole", "resumed")
    )
    assert whole == resumed


_KILLED = """
import sys, time
from jaxdepth.data.prepare import shards, prepare
from tests.data.prepare.test_preparation import frame, plan_of

shards.SHARD_SIZE = 4

def read(name):
    if name == "a8" and sys.argv[2] == "hang":
        print("at a8", flush=True)
        time.sleep(600)
    return frame(name)

prepare("toy", plan_of(read), data_dir=sys.argv[1])
"""


def test_a_killed_preparation_goes_on_to_the_same_bytes(tmp_path, short_shards):
    command = [sys.executable, "-c", _KILLED, str(tmp_path / "killed")]
    with subprocess.Popen([*command, "hang"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "at a8\n"
        # Frames are read ahead of the writer: wait until the shards before are finished.
        first = tmp_path / "killed" / "toy" / "1.0.0.unfinished"
        while not (first / "train-00001.json").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    assert find_prepared("toy", data_dir=tmp_path / "killed") is None
    done = subprocess.run([*command, "go"], capture_output=True, text=True, check=True)
    assert "13/13" in done.stderr
    make(plan_of(), tmp_path / "whole")
    whole, killed = (
        contents(find_prepared("toy", data_dir=tmp_path / name)) for name in ("whole", "killed")
    )
    assert whole == killed
    assert os.listdir(tmp_path / "killed" / "toy") == ["1.0.0"]


def test_a_preparation_that_stops_before_its_last_step_goes_on(tmp_path, monkeypatch):
    make(plan_of(), tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(preparation.tfds.core.DatasetInfo, "write_to_directory", _no_space)
        with pytest.raises(OSError, match="No space"):
            make(plan_of(), tmp_path / "late")
    assert find_prepared("toy", data_dir=tmp_path / "late") is None
    make(plan_of(None), tmp_path / "late")  # no frame is read again
    whole, late = (
        contents(find_prepared("toy", data_dir=tmp_path / name)) for name in ("whole", "late")
    )
    assert whole == late


def _no_space(*_):
    raise OSError(28, "No space left on device")


def test_a_shard_that_the_disk_has_lost_is_written_again(tmp_path, short_shards):
    with pytest.raises(DataError, match="damaged"):
        make(plan_of(failing_at("b2")), tmp_path)
    shard = next(tmp_path.rglob("toy-train*-00001-of-*"))
    shard.write_bytes(shard.read_bytes()[:100])
    with pytest.raises(
        DataError, match=r"must have 3 examples and has 0.*writes it again"
    ) as caught:
        make(plan_of(), tmp_path)
    assert str(shard) in str(caught.value)
    assert find_prepared("toy", data_dir=tmp_path) is None
    builder = make(plan_of(), tmp_path)
    assert [r["name"].decode() for r in builder.as_data_source("train")][3:6] == ["a3", "a4", "a5"]


def test_a_bad_frame_stops_and_says_where_and_what_to_do(tmp_path, short_shards):
    with pytest.raises(DataError, match=r"/original/a8.png is damaged.*--skip_bad=1") as caught:
        make(plan_of(failing_at("a8", "b1")), tmp_path)
    assert "\n" not in str(caught.value)
    with pytest.raises(DataError, match=r"b1.png is damaged, after 1 others .*--skip_bad=2"):
        make(plan_of(failing_at("a8", "b1")), tmp_path, skip_bad=1)
    with pytest.raises(DataError, match=r"left out 1 frames; allow it by --skip_bad=1"):
        make(plan_of(), tmp_path)
    builder = make(plan_of(failing_at("a8", "b1")), tmp_path, skip_bad=2)
    assert [r["name"] for r in builder.as_data_source("test")] == [b"b0", b"b2"]
    assert builder.info.splits["train"].num_examples == 9
    report = (builder.data_path / "skipped.txt").read_text().splitlines()
    assert report == ["/original/a8.png is damaged", "/original/b1.png is damaged"]


def test_a_shard_of_bad_frames_alone_is_refused(tmp_path, short_shards):
    bad = failing_at("b0", "b1", "b2")
    with pytest.raises(DataError, match="none of the 3 frames from b0 to b2 can be read"):
        make(plan_of(bad), tmp_path, skip_bad=10)
    assert find_prepared("toy", data_dir=tmp_path) is None


def test_missing_files_are_told_before_any_is_read(tmp_path):
    there, gone = tmp_path / "a.png", tmp_path / "gone.png"
    there.touch()
    items = [Item("a", None, (there,)), Item("b", None, (there, gone)), Item("c", None, (gone,))]
    plan = Plan({"train": items}, intrinsics=False)
    with pytest.raises(DataError, match="2 files of 3 frames are missing") as caught:
        make(plan, tmp_path)
    assert str(gone) in str(caught.value)
    plan = Plan({"train": items[1:]}, intrinsics=False)
    with pytest.raises(DataError, match=r"no frame has all of its files: check --source"):
        make(plan, tmp_path, skip_bad=2)
    assert not (tmp_path / "toy").exists()


def test_other_files_or_options_do_not_mix_with_what_is_there(tmp_path, short_shards):
    with pytest.raises(DataError, match="damaged"):
        make(plan_of(failing_at("a8")), tmp_path)
    for other in (plan_of(train=11), plan_of(facts={"depth_scale": 1})):
        with pytest.raises(DataError, match=r"unfinished preparation from other files"):
            make(other, tmp_path)
    make(plan_of(), tmp_path)
    make(plan_of(failing_at("a1")), tmp_path)  # is there: nothing is read
    with pytest.raises(DataError, match="was prepared from other files or by other options"):
        make(plan_of(train=11), tmp_path)


def test_a_corrected_command_begins_anew_where_no_shard_is_finished(tmp_path, short_shards):
    with pytest.raises(DataError, match="damaged"):
        make(plan_of(failing_at("a1")), tmp_path / "corrected")
    lost = tmp_path / "corrected/toy/1.0.0.unfinished/dataset/toy-train.array_record-00000-of-00009"
    lost.touch()  # a shard whose record is missing
    corrected = plan_of(train=11, facts={"depth_scale": 1000})
    for folder in ("corrected", "at_once"):
        make(corrected, tmp_path / folder)
    corrected, at_once = (
        contents(find_prepared("toy", data_dir=tmp_path / name))
        for name in ("corrected", "at_once")
    )
    assert corrected == at_once


_LIMITED = """
import resource, sys
import numpy as np
from jaxdepth.data.prepare import prepare
from jaxdepth.errors import report
from tests.data.prepare.test_preparation import frame, plan_of

def read(name):
    noise = np.random.default_rng(int(name[1:])).integers(0, 256, (60, 80, 3), np.uint8)
    return frame(name, size=(60, 80), image=noise)

def main(arguments):
    prepare("toy", plan_of(read), data_dir=arguments[0], progress=False)
    return 0

if sys.argv[2:]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
sys.exit(report(main, sys.argv[1:]))
"""


def test_a_full_disk_is_told_in_one_sentence_and_the_same_command_goes_on(tmp_path):
    command = [sys.executable, "-c", _LIMITED, str(tmp_path)]
    full = subprocess.run([*command, "20000"], capture_output=True, text=True, check=False)
    assert full.returncode == 1
    (line,) = full.stderr.splitlines()
    assert line.startswith(f"error: cannot write into {tmp_path / 'toy' / '1.0.0.unfinished'}: ")
    assert "Free space there and run the same command again" in line
    assert "skip_bad" not in line
    assert not list(tmp_path.rglob("*.part"))
    subprocess.run(command, capture_output=True, check=True)
    assert os.listdir(tmp_path / "toy") == ["1.0.0"]


def test_two_preparations_at_once_are_refused(tmp_path):
    work = tmp_path / "toy" / "1.0.0.unfinished"
    work.mkdir(parents=True)
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(DataError, match="another process is preparing"):
            make(plan_of(), tmp_path)
    make(plan_of(), tmp_path)


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"depth": np.ones((8, 6), np.float32)}, "a0: depth must be 6x8 .* got 8x6"),
        ({"depth": np.zeros((6, 8), np.float32)}, "a0.png: depth must have a measurement"),
    ],
)
def test_a_misshapen_frame_is_refused(tmp_path, changed, match):
    with pytest.raises(DataError, match=match):
        make(plan_of(lambda name: frame(name, **changed)), tmp_path)


def test_plans_that_cannot_be_a_dataset_are_refused(tmp_path):
    with pytest.raises(DataError, match="split test must have frames"):
        make(plan_of(test=0), tmp_path)
    twice = {"train": plan_of().splits["train"], "test": plan_of().splits["train"][:1]}
    with pytest.raises(DataError, match="in one split, once; a0 is 2 times"):
        make(plan_of(splits=twice), tmp_path)
    with pytest.raises(DataError, match=r"split's name .* got 'a-b'"):
        make(plan_of(splits={"a-b": plan_of().splits["train"]}), tmp_path)
    with pytest.raises(ConfigError, match=r"small letters, digits and _.* got '\.\./toy'"):
        prepare("../toy", plan_of(), data_dir=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", ["jpeg", "png", "turned", "grey", "palette", "bmp", "LA", "1"])
def test_images_keep_their_files_bytes_where_these_are_the_image(tmp_path, kind):
    rng = np.random.default_rng(0)
    picture = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
    path = tmp_path / "image"
    if kind == "turned":
        exif = Image.Exif()
        exif[274] = 6
        picture.save(path, "JPEG", exif=exif)
    elif kind == "grey":
        picture.convert("L").save(path, "JPEG")
    elif kind == "palette":
        picture.convert("P").save(path, "PNG")
    elif kind in ("LA", "1"):
        picture.convert(kind).save(path, "PNG")
    else:
        picture.save(path, kind)
    image = read_image(path)
    read = frame("a0", size=image.shape[:2], image=image)
    plan = Plan({"train": [Item("a0", lambda: read, (path,), path)]}, intrinsics=False)
    builder = make(plan, tmp_path)
    np.testing.assert_array_equal(builder.as_data_source("train")[0]["image"], image)
    as_it_is = {"image": tfds.decode.SkipDecoding()}
    stored = builder.as_data_source("train", decoders=as_it_is)[0]["image"]
    kept = stored == path.read_bytes()
    assert kept or stored.startswith(b"\x89PNG")
    if kind in ("jpeg", "png"):
        assert kept
    if kind in ("turned", "bmp", "LA"):
        assert not kept


_PROTOBUF_6 = ("-W", "ignore:label() is deprecated:DeprecationWarning")  # as in pyproject.toml


def test_needs_no_tensorflow(tmp_path):
    code = (
        "import sys; from tests.data.prepare.test_preparation import *;"
        "make(plan_of(), sys.argv[1]).as_data_source('train')[0];"
        "assert 'tensorflow' not in sys.modules; assert 'jax' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", *_PROTOBUF_6, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""


def test_every_example_is_encoded_by_the_plans_features():
    plan = plan_of()
    example = examples.example_of(plan.splits["train"][0], plan)
    assert set(example) == set(examples.features_of(plan))
