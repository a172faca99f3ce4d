"""Damaged, wrong and hostile files: each is read right or named in a `DataError`, silently."""

import json
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image

from jaxdepth.data import images
from jaxdepth.data.folder import match_pairs
from jaxdepth.data.images import read_depth
from jaxdepth.data.readers import mat5, nyu_labeled
from jaxdepth.data.readers.make3d import pair_make3d, read_grid
from jaxdepth.data.readers.nyu_raw import find_recordings
from jaxdepth.errors import DataError
from tests.data.readers.damages import ABSENT, REFUSED, SUSPECT
from tests.data.readers.fuzz import is_refused
from tests.data.readers.samples import KINDS, SIZE, make_samples, millimetres
from tests.data.readers.test_make3d import position_grid, write_grid
from tests.data.readers.test_nyu_labeled import write_labeled

DAMAGES = ABSENT | REFUSED | SUSPECT
MEBIBYTES = 600
"""Of memory for the whole process; the libraries take some 190."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """What every reader made of every damage, in a process as users have it."""
    done = subprocess.run(
        [sys.executable, "-W", "always", "-m", "tests.data.readers.damages",
         tmp_path_factory.mktemp("damages")],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    results = [json.loads(line) for line in done.stdout.splitlines()]
    return done, {(r["kind"], r["damage"]): r for r in results if "kind" in r}, results[-1]


def test_the_process_ends_well_and_silently(outcomes):
    done, results, last = outcomes
    assert (done.returncode, done.stderr) == (0, "")
    assert len(results) == len(KINDS) * len(DAMAGES) > 1000
    assert last["peak"] < MEBIBYTES


@pytest.mark.parametrize("kind", KINDS)
def test_damage_is_read_or_refused_by_name(outcomes, kind):
    _, results, _ = outcomes
    wrong = []
    for damage in DAMAGES:
        result = results[kind, damage]
        file, error = Path(result["file"]), result["error"]
        if "raised" in result or result["warned"]:
            wrong.append(result)
        elif error is None:
            wrong += [result] * (damage not in SUSPECT)
        else:
            names = [file, *file.parents[:3]] if damage in ABSENT else [file]
            wrong += [result] * (not any(str(n) in error for n in names) or "\n" in error)
    assert not wrong


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_good_is_read(tmp_path, kind):
    make_samples(tmp_path)[kind].read()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.startswith("depth n")])
@pytest.mark.parametrize(
    "array",
    [
        np.zeros((0, 5)), np.zeros(()), np.zeros(7), np.zeros((2, 3, 4)), np.zeros((2, 4, 5, 1)),
        np.zeros((4, 5), complex), np.zeros((4, 5), bool), np.zeros((4, 5), "U3"),
        np.zeros((4, 5), "M8[s]"), np.zeros((4, 5), [("z", "f4")]), np.zeros((4, 5), object),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)  # fmt: skip
def test_arrays_that_are_no_depth_are_refused(tmp_path, kind, array):
    path = tmp_path / f"a b ü.{kind.split()[1]}"
    (np.save if path.suffix == ".npy" else np.savez)(path, array)
    is_refused(lambda p: read_depth(p, scale=1), path)


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", ">f4", "i8"])
def test_what_is_no_measurement_is_zero(tmp_path, dtype):
    values = np.full((4, 5), 2, dtype)
    wrong = [-1, 0] if dtype == "i8" else [-1, -0.0, np.nan, np.inf, -np.inf]
    values[0, : len(wrong)] = wrong
    np.save(tmp_path / "a.npy", values)
    depth = read_depth(tmp_path / "a.npy", scale=1)
    assert not depth[0, : len(wrong)].any()
    assert (depth[1:] == 2).all()


def test_numbers_beyond_float32_are_no_measurement(tmp_path):
    grid = position_grid()
    grid[0, :2, 3] = 1e300, -1e300
    depth = read_grid(write_grid(tmp_path / "a.mat", Position3DGrid=grid))
    assert depth[0, :2].tolist() == [0, 0]
    depths = np.full((5, 64, 48), 1e300)
    with nyu_labeled.NyuLabeled(write_labeled(tmp_path / "b.mat", depths=depths)) as frames:
        assert not frames.read(0).depth.any()


@pytest.mark.parametrize(
    "kind", ["bts depth", "densedepth depth", "diml depth_filled", "diml depth_raw",
             "kitti annotated", "listed depth", "folder depth"]
)  # fmt: skip
@pytest.mark.parametrize("damage", ["swapped axes", "one row less", "no measurement"])
def test_depth_of_another_shape_is_refused(tmp_path, kind, damage):
    sample = make_samples(tmp_path)[kind]
    size = (50, 120) if kind.startswith("kitti") else SIZE
    depth = np.resize(millimetres(), size)
    depth = {"swapped axes": depth.T, "one row less": depth[:-1]}.get(damage, 0 * depth)
    if sample.file.suffix == ".npy":
        np.save(sample.file, depth)
    else:
        Image.fromarray(np.ascontiguousarray(depth)).save(sample.file)
    empty_is_read = damage == "no measurement" and sample.file.suffix == ".png"
    scaled_is_read = damage == "one row less" and kind == "folder depth"
    if empty_is_read or scaled_is_read:
        sample.read()
    else:
        is_refused(lambda _: sample.read(), sample.file)


def test_files_that_would_fill_the_memory_are_refused(tmp_path, monkeypatch):
    for module in (images, nyu_labeled):
        monkeypatch.setattr(module, "MAX_PIXELS", 100)
    monkeypatch.setattr(mat5, "_LARGEST", 1000)
    samples = make_samples(tmp_path)
    for kind in ("depth npz", "nyu labeled"):
        is_refused(lambda _, kind=kind: samples[kind].read(), samples[kind].file, "100 pixels")
    grid = write_grid(tmp_path / "a.mat")
    is_refused(read_grid, grid, "more than 1000 bytes")


def test_a_long_text_in_the_labelled_file_is_refused(tmp_path):
    path = make_samples(tmp_path)["nyu labeled"].file
    with h5py.File(path, "r+") as file:
        file["#refs#/long"] = np.full(100_000, ord("a"), np.uint16)
        file["scenes"][0, 1] = file["#refs#/long"].ref
    with nyu_labeled.NyuLabeled(path) as frames:
        frames.read(0)
        is_refused(lambda _: frames.read(1), path, "1000 characters at most, got 100000")


def test_links_in_circles_are_not_followed(tmp_path):
    """To the folder itself, to one above it, and two folders to each other."""
    for name in ("rgb", "depth"):
        for room in ("a", "b"):
            (tmp_path / name / room).mkdir(parents=True)
            np.save(tmp_path / name / room / "0.npy", np.ones((4, 5)))
            (tmp_path / name / room / "itself").symlink_to(".")
            (tmp_path / name / room / "above").symlink_to("../..")
        (tmp_path / name / "a" / "b").symlink_to("../b")
        (tmp_path / name / "b" / "a").symlink_to("../a")
    matches = match_pairs(tmp_path / "rgb", tmp_path / "depth", first_suffixes={".npy"})
    assert [pair.name for pair in matches.pairs] == ["a/0", "a/b/0", "b/0", "b/a/0"]


def test_names_that_are_no_text_and_links_to_nothing(tmp_path):
    odd = b"img-\xff\xe4.jpg".decode("utf-8", "surrogateescape")
    (tmp_path / "Test134").mkdir()
    (tmp_path / "Test134" / odd).touch()
    (tmp_path / "Gridlaserdata").mkdir()
    with pytest.raises(DataError, match="1 files have no partner"):
        pair_make3d(tmp_path / "Test134", tmp_path / "Gridlaserdata")
    (tmp_path / "dump" / "attic_0001").mkdir(parents=True)
    (tmp_path / "dump" / "loop").symlink_to("loop")
    (tmp_path / "dump" / "lost").symlink_to("nowhere")
    assert find_recordings(tmp_path / "dump", ["attic_0001"])["attic_0001"]
