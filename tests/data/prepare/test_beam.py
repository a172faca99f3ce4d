"""Preparation by Apache Beam: the same files as by one process, whatever happens on the way."""

import importlib.util

import pytest

from jaxdepth.data.prepare import DATASETS, find_prepared, preparation, prepare, shards
from jaxdepth.errors import ConfigError, DataError
from tests.data.prepare import fabricated
from tests.data.prepare.test_own_files import PATTERN
from tests.data.prepare.test_own_files import plan as own_plan
from tests.data.prepare.test_preparation import contents


@pytest.fixture
def beam():
    return pytest.importorskip(
        "apache_beam", reason='Apache Beam is not installed: pip install "jaxdepth[beam]"'
    )


@pytest.fixture(autouse=True)
def short_shards(monkeypatch):
    monkeypatch.setattr(shards, "SHARD_SIZE", 2)


def plan_of_raw(folder):
    options = {option.name: option.default for option in DATASETS["nyu_raw"].options}
    return DATASETS["nyu_raw"].plan(fabricated.nyu_raw(folder), verify=False, **options)


def make(plan, folder, **options):
    prepare("toy", plan, data_dir=folder, progress=False, **options)
    return contents(find_prepared("toy", data_dir=folder))


def test_a_pipeline_writes_the_same_bytes(tmp_path, beam):
    plan = plan_of_raw(tmp_path)
    alone = make(plan, tmp_path / "alone")
    assert sum("array_record" in name for name in alone) == 3
    assert make(plan, tmp_path / "beam", beam="") == alone
    assert [path.name for path in (tmp_path / "beam/toy/all").iterdir()] == ["1.0.0"]


def test_bad_frames_are_told_together_and_what_is_done_is_kept(tmp_path, beam):
    source = fabricated.own_folder(tmp_path / "files")  # shards: 1, 2, 2 and 2 frames
    plan = own_plan(source, **PATTERN)
    alone = make(plan, tmp_path / "alone")
    bad = [source / f"train/depth/{i:03d}.png" for i in (2, 4)]
    whole = [path.read_bytes() for path in bad]
    for path in bad:
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"2 frames cannot be read.*--skip_bad=2") as caught:
        make(plan, tmp_path / "beam", beam="", skip_bad=1)
    assert str(bad[0]) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert find_prepared("toy", data_dir=tmp_path / "beam") is None
    work = tmp_path / "beam/toy/1.0.0.unfinished"
    assert [str(p) in line for p, line in zip(
        bad, (work / "skipped.txt").read_text().splitlines(), strict=True)]  # fmt: skip
    done = {path: path.stat().st_mtime_ns for path in work.glob("*.json")}
    assert len(done) == 2
    without = make(plan, tmp_path / "without", beam="", skip_bad=2)
    assert without == make(plan, tmp_path / "without_alone", skip_bad=2)
    for path, content in zip(bad, whole, strict=True):
        path.write_bytes(content)
    for unread in (source / "test/rgb").iterdir():
        unread.write_bytes(b"is read no more")
    assert make(plan, tmp_path / "beam", beam="") == alone


def test_either_way_goes_on_from_the_other(tmp_path, beam):
    source = fabricated.own_folder(tmp_path / "files")
    plan = own_plan(source, **PATTERN)
    alone = make(plan, tmp_path / "alone")
    path = source / "train/depth/004.png"
    whole = path.read_bytes()
    for first, second in ((None, ""), ("", None)):
        folder = tmp_path / f"first_{first}"
        path.write_bytes(b"no picture")
        with pytest.raises(DataError, match=r"004\.png"):
            make(plan, folder, beam=first)
        path.write_bytes(whole)
        assert make(plan, folder, beam=second) == alone


def test_a_shard_of_bad_frames_alone_is_refused(tmp_path, beam):
    source = fabricated.own_folder(tmp_path / "files")
    plan = own_plan(source, **PATTERN)
    for path in (source / "test/rgb").iterdir():
        path.write_bytes(b"no picture")
    with pytest.raises(DataError, match="none of the 2 frames from test/rgb/000 to"):
        make(plan, tmp_path, beam="", skip_bad=2)
    assert find_prepared("toy", data_dir=tmp_path) is None


@pytest.mark.parametrize(
    ("flags", "match"),
    [
        ("--runner=NoRunner", r"has stopped: Unexpected pipeline runner: NoRunner"),
        ('--runner="', "has stopped: No closing quotation"),
    ],
)
def test_a_pipeline_that_stops_gets_one_sentence(tmp_path, beam, flags, match):
    plan = own_plan(fabricated.own_folder(tmp_path / "files"), **PATTERN)
    with pytest.raises(DataError, match=match) as caught:
        make(plan, tmp_path, beam=flags)
    assert "\n" not in str(caught.value)
    assert find_prepared("toy", data_dir=tmp_path) is None


def test_what_workers_did_not_write_is_noticed(tmp_path, monkeypatch):
    plan = own_plan(fabricated.own_folder(tmp_path / "files"), **PATTERN)
    monkeypatch.setattr(preparation, "require_beam", lambda: None)
    monkeypatch.setattr(preparation, "write_by_beam", lambda *_: None)
    with pytest.raises(DataError, match=r"4 of 4 files are not in .*unfinished"):
        make(plan, tmp_path, beam="")


def test_without_apache_beam_its_extra_is_named(tmp_path, monkeypatch):
    plan = own_plan(fabricated.own_folder(tmp_path / "files"), **PATTERN)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install \"jaxdepth\[beam\]\""):
        make(plan, tmp_path / "data", beam="")
    assert not (tmp_path / "data").exists()
