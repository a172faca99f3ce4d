"""`evaluate.py --shard`: shares of the images, each by a process of its own, and one table."""

import shutil

import numpy as np
import pytest
from PIL import Image

import evaluate
from jaxdepth.errors import ConfigError, WorkdirError
from jaxdepth.inference import SavedResults, Shard
from jaxdepth.inference.shard import parse_shard
from tests.inference.saved import COUNT, HEADER, changed, fill


@pytest.fixture
def file(tmp_path):
    return tmp_path / "evaluations" / "test-0.csv"


def score_share(file, shard, header=HEADER, upto=COUNT):
    with SavedResults(header, file, shard=shard) as results:
        fill(results, min(upto, results.stop))
        return results


def expected_bytes(tmp_path):
    alone = tmp_path / "alone.csv"
    with SavedResults(HEADER, alone) as results:
        fill(results)
    return alone.read_bytes()


@pytest.mark.parametrize("images", [1, 5, 6, 200])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 7])
def test_each_image_is_in_one_share(images, count):
    shares = [Shard(index, count).of(images) for index in range(1, count + 1)]
    assert [image for share in shares for image in share] == list(range(images))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


@pytest.mark.parametrize("text", ["0/2", "3/2", "1", "1/", "-1/2", "1/2/3", "a/b", "0/0"])
def test_a_shard_is_one_of_so_many(text):
    with pytest.raises(ConfigError, match=f"I/N.*got '{text}'"):
        parse_shard(text)


def test_two_processes_make_the_results_of_one(scripts, finished, tmp_path):
    one, two = (shutil.copytree(finished, tmp_path / name / "run") for name in ("one", "two"))
    table, _ = scripts.run("evaluate.py", f"--workdir={one}", "--split=train")
    arguments = ("evaluate.py", f"--workdir={two}", "--split=train")
    processes = [scripts.start(*arguments, f"--shard={i}/2") for i in (1, 2)]
    for i, process in enumerate(processes, start=1):
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert f"share {i}/2 is scored" in out
        assert "abs rel" not in out
    names = sorted(p.name.partition(".")[2] for p in (two / "evaluations").glob("train-*"))
    assert names == ["1-of-2.csv", "2-of-2.csv"]
    out = scripts.call(evaluate.main, *arguments[1:])
    assert out.replace(str(two), str(one)) == table
    (mine,), (theirs,) = ((run / "evaluations").glob("train-*") for run in (one, two))
    assert theirs.name == mine.name
    assert theirs.read_bytes() == mine.read_bytes()


@pytest.mark.parametrize("count", [1, 2, 4, 6])
def test_shares_are_taken_together_and_away(tmp_path, file, count):
    for index in reversed(range(1, count + 1)):
        score_share(file, Shard(index, count))
    assert len(list(file.parent.iterdir())) == count
    with SavedResults(HEADER, file) as results:
        assert results.restored == COUNT
    assert [p.name for p in file.parent.iterdir()] == [file.name]
    assert file.read_bytes() == expected_bytes(tmp_path)


def test_a_share_goes_on_where_it_stopped(file):
    with SavedResults(HEADER, file, shard=Shard(2, 2)) as results:
        fill(results, 5)
    with SavedResults(HEADER, file, shard=Shard(2, 2)) as results:
        assert (results.restored, results.next, results.stop) == (2, 5, 6)
        fill(results)
    assert score_share(file, Shard(2, 2)).restored == 3


def test_missing_shares_are_named(file):
    score_share(file, Shard(2, 3))
    with pytest.raises(WorkdirError, match=r"1/3, 3/3 are not.*--shard=1/3.*--fresh"):
        SavedResults(HEADER, file).__enter__()
    assert [p.name for p in file.parent.iterdir()] == ["test-0.2-of-3.csv"]
    with SavedResults(HEADER, file, fresh=True) as results:
        assert results.restored == 0
        fill(results)
    with SavedResults(HEADER, file) as results:
        assert results.restored == COUNT
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_the_fewest_missing_shares_are_named(file):
    for shard in (Shard(1, 2), Shard(1, 3), Shard(1, 4)):
        score_share(file, shard)
    with pytest.raises(WorkdirError, match="and 2/2 is not complete"):
        SavedResults(HEADER, file).__enter__()


def test_shares_that_are_only_begun_are_waited_for(file):
    for shard in (Shard(1, 2), Shard(2, 2)):
        score_share(file, shard, upto=shard.index * 3 - 1)
    with pytest.raises(WorkdirError, match="begun, and 1/2, 2/2 are not complete"):
        SavedResults(HEADER, file).__enter__()


def test_a_torn_share_is_a_missing_one_until_it_is_scored_again(tmp_path, file):
    for shard in (Shard(1, 2), Shard(2, 2)):
        torn = score_share(file, shard).file
    torn.write_bytes(torn.read_bytes()[:-20])
    with pytest.raises(WorkdirError, match="and 2/2 is not"):
        SavedResults(HEADER, file).__enter__()
    score_share(file, Shard(2, 2))
    with SavedResults(HEADER, file) as results:
        assert results.restored == COUNT
    assert file.read_bytes() == expected_bytes(tmp_path)


def test_a_renamed_share_is_no_other_one(file):
    first = score_share(file, Shard(1, 2)).file
    shutil.copy(first, first.with_name("test-0.2-of-2.csv"))
    with pytest.raises(WorkdirError, match="and 2/2 is not"):
        SavedResults(HEADER, file).__enter__()


def test_shares_complete_what_one_process_began(tmp_path, file):
    with SavedResults(HEADER, file) as results:
        fill(results, 2)
    for shard in (Shard(1, 2), Shard(2, 2)):
        score_share(file, shard)
    with SavedResults(HEADER, file) as results:
        assert results.restored == COUNT
    assert file.read_bytes() == expected_bytes(tmp_path)


def test_what_one_process_began_outlives_missing_shares(file):
    with SavedResults(HEADER, file) as results:
        fill(results, 2)
    (began,) = file.parent.iterdir()
    before = began.read_bytes()
    score_share(file, Shard(1, 2))
    with pytest.raises(WorkdirError):
        SavedResults(HEADER, file).__enter__()
    assert began.read_bytes() == before


def test_a_share_of_complete_results_is_done(file):
    with SavedResults(HEADER, file) as results:
        fill(results)
    results = score_share(file, Shard(2, 2))
    assert (results.restored, results.images["f"][0].name) == (3, "3.png")
    assert [p.name for p in file.parent.iterdir()] == [file.name]


def test_shares_of_another_evaluation_do_not_count(file):
    for shard in (Shard(1, 2), Shard(2, 2)):
        score_share(file, shard, changed(HEADER, weights=2))
    score_share(file, Shard(1, 3), changed(HEADER, weights=3))
    (file.parent / f"{file.stem}.1-of-999999999.csv").write_text("")
    (file.parent / f"{file.stem}.1-of-x.csv").write_text("")
    (file.parent / f"{file.stem}.1-of-0.csv").write_text("")
    with SavedResults(HEADER, file) as results:
        assert results.restored == 0


def test_whole_sets_count_before_parts_of_others(file):
    score_share(file, Shard(1, 2))
    for index in (1, 2, 3):
        score_share(file, Shard(index, 3))
    with SavedResults(HEADER, file) as results:
        assert results.restored == COUNT


@pytest.mark.parametrize("index", [1, 2, 7])
def test_more_shares_than_images_are_refused(file, index):
    with pytest.raises(ConfigError, match=rf"at most as many shares .* 6, got {index}/7"):
        SavedResults(HEADER, file, shard=Shard(index, 7))


@pytest.fixture
def call(scripts, tmp_path):
    """`evaluate.py` on three predictions of 480×640."""
    rng = np.random.default_rng(0)
    for name in ("predictions", "depth"):
        (tmp_path / name).mkdir()
        for i in range(3):
            depth = rng.integers(1000, 5000, (480, 640), np.uint16)
            Image.fromarray(depth).save(tmp_path / name / f"{i}.png")
    files = (
        f"--predictions={tmp_path / 'predictions'}",
        "--prediction_scale=1000",
        f"--depth={tmp_path / 'depth'}",
        "--depth_scale=1000",
    )
    return lambda *more, status=0: scripts.call(evaluate.main, *files, *more, status=status)


@pytest.mark.parametrize("protocols", ["--protocol=nyu/bts", "--protocol=nyu/bts,nyu/kim2018"])
def test_shares_of_predictions_under_protocols(call, tmp_path, protocols):
    expected = call(protocols)
    out = f"--out={tmp_path / 'out'}"
    assert "share 1/2 is scored" in call(protocols, out, "--shard=1/2")
    assert "2/2 is not" in call(protocols, out, status=1)
    call(protocols, out, "--shard=2/2")
    assert call(protocols, out) == expected


def test_a_share_is_saved_somewhere(call):
    assert "name a folder by --out=DIR" in call("--shard=1/2", status=2)


def test_what_shapes_the_table_alone_is_left_to_it(call, tmp_path):
    out = f"--out={tmp_path / 'out'}"
    assert "share 1/2 is scored" in call("--shard=1/2", out, "--format=csv", "--silog")


@pytest.mark.parametrize(
    "flag", ["--fresh", "--geometry", "--report=page", "--curves=a.png", "--study=lam"]
)
def test_what_does_not_go_with_a_share_is_refused(call, flag):
    assert "--shard scores a share" in call("--shard=1/2", flag, status=2)
