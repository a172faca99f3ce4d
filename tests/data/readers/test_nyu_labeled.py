"""The labelled NYU file: HDF5 as MATLAB 7.3 writes it, made here."""

import sys

import h5py
import numpy as np
import pytest
import scipy.io

from jaxdepth.data.readers.nyu_labeled import NyuLabeled, read_splits
from jaxdepth.errors import DataError
from tests.data.readers.fuzz import is_refused, refuses_damage

FRAMES, HEIGHT, WIDTH = 5, 48, 64


def reference(file, text):
    """A MATLAB string, as a column of UTF-16 codes in a group of its own."""
    group = file.require_group("#refs#")
    codes = np.array([[ord(c)] for c in text], np.uint16)
    dataset = group.create_dataset(f"r{len(group)}", data=codes)
    dataset.attrs["MATLAB_class"] = np.bytes_("char")
    return dataset.ref


def write_labeled(path, **replaced):
    """A file whose values tell their frame, row and column.

    Image: red = row, green = column, blue = frame; depth = 1 + row / 100 + frame, raw depth the
    same by columns, with a hole at row 3, column 7.
    """
    frame, row, column = np.ogrid[:FRAMES, :HEIGHT, :WIDTH]
    full = np.zeros((FRAMES, HEIGHT, WIDTH))
    arrays = {
        "images": np.stack([row + full, column + full, frame + full], axis=-1).astype(np.uint8),
        "depths": (1 + row / 100 + frame + full).astype(np.float32),
        "rawDepths": (1 + column / 100 + frame + full).astype(np.float32),
    }
    arrays["rawDepths"][:, 3, 7] = 0
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            axes = (0, *range(array.ndim - 1, 0, -1))  # MATLAB's H x W x 3 x N, axes reversed
            file.create_dataset(name, data=array.transpose(axes), compression="gzip")
        for name, texts in {
            "scenes": [f"kitchen_{i:04d}" for i in range(FRAMES)],
            "rawRgbFilenames": [f"kitchen_{i:04d}/r-1294.5-{i}.ppm" for i in range(FRAMES)],
        }.items():
            references = np.array([[reference(file, t) for t in texts]], h5py.ref_dtype)
            file.create_dataset(name, data=references, dtype=h5py.ref_dtype)
        for name, array in replaced.items():
            del file[name]
            if array is not None:
                file[name] = array
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\0\2IM")
    return path


@pytest.fixture
def labeled(tmp_path):
    return write_labeled(tmp_path / "nyu_depth_v2_labeled.mat")


def write_splits(path, train=(3, 4, 5), test=(1, 2), dtype=np.uint16):
    columns = {"trainNdxs": np.array([train], dtype).T, "testNdxs": np.array([test], dtype).T}
    scipy.io.savemat(path, columns)
    return path


SMALL = {"train": 3, "test": 2}


def test_axes_are_turned_back_and_texts_resolved(labeled):
    with NyuLabeled(labeled) as frames:
        assert len(frames) == FRAMES
        frame = frames.read(2)
    row, column = np.mgrid[:HEIGHT, :WIDTH]
    assert frame.image.dtype == np.uint8
    assert frame.image.shape == (HEIGHT, WIDTH, 3)
    assert frame.image.flags.c_contiguous
    np.testing.assert_array_equal(frame.image[..., 0], row)
    np.testing.assert_array_equal(frame.image[..., 1], column)
    np.testing.assert_array_equal(frame.image[..., 2], 2)
    assert frame.depth.dtype == frame.raw_depth.dtype == np.float32
    np.testing.assert_allclose(frame.depth, 3 + row / 100, rtol=1e-6)
    expected = np.where((row == 3) & (column == 7), 0, 3 + column / 100)
    np.testing.assert_allclose(frame.raw_depth, expected, rtol=1e-6)
    assert frame.scene == "kitchen_0002"
    assert frame.file == "kitchen_0002/r-1294.5-2.ppm"
    assert frame.name == "0003"  # the number that splits and papers give it
    assert frame.intrinsics == (
        518.85790117450188, 519.46961112127485, 324.58244941119034, 252.73616633400465)  # fmt: skip


def test_splits_count_from_one_and_a_split_is_iterated_in_its_order(labeled, tmp_path):
    splits = read_splits(write_splits(tmp_path / "splits.mat", train=(5, 3, 4)), sizes=SMALL)
    np.testing.assert_array_equal(splits["train"], [4, 2, 3])
    np.testing.assert_array_equal(splits["test"], [0, 1])
    with NyuLabeled(labeled) as frames:
        read = list(frames.iterate(splits["train"]))
        assert [frame.name for frame in read] == ["0005", "0003", "0004"]
        assert [frame.image[0, 0, 2] for frame in read] == [4, 2, 3]


def test_only_the_frame_asked_for_is_read(labeled, monkeypatch):
    read = []
    getitem = h5py.Dataset.__getitem__
    monkeypatch.setattr(
        h5py.Dataset, "__getitem__", lambda d, i, *a: read.append((d.name, i)) or getitem(d, i, *a)
    )
    with NyuLabeled(labeled) as frames:
        assert not read
        next(frames.iterate(np.array([1, 2])))
    assert {index for name, index in read if name == "/images"} == {1}


def test_an_index_beyond_the_file_is_refused(labeled):
    with NyuLabeled(labeled) as frames:
        with pytest.raises(IndexError, match="0 to 4, got 5"):
            frames.read(5)
        with pytest.raises(DataError, match=r"names frame 6, and the file has 5"):
            frames.iterate(np.array([0, 5]))


def test_depth_that_is_no_number_is_no_measurement(tmp_path):
    depths = np.full((FRAMES, WIDTH, HEIGHT), 2, np.float32)
    depths[:, 4, 1] = np.nan
    depths[:, 4, 2] = -1
    with NyuLabeled(write_labeled(tmp_path / "a.mat", depths=depths)) as frames:
        depth = frames.read(0).depth
    np.testing.assert_array_equal(np.argwhere(depth == 0), [[1, 4], [2, 4]])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("images", None),
        ("images", np.zeros((FRAMES, 3, WIDTH, HEIGHT), np.float32)),
        ("images", np.zeros((FRAMES, 3, WIDTH, HEIGHT), np.uint16)),
        ("images", np.zeros((FRAMES, HEIGHT, WIDTH, 3), np.uint8)),
        ("depths", np.zeros((FRAMES, WIDTH, HEIGHT), np.uint16)),
        ("depths", np.zeros((FRAMES, WIDTH), np.float32)),
        ("depths", np.zeros((FRAMES - 1, WIDTH, HEIGHT), np.float32)),
        ("rawDepths", np.zeros((FRAMES, HEIGHT, WIDTH), np.float32)),
        ("rawDepths", None),
        ("scenes", None),
        ("scenes", np.zeros((1, FRAMES), np.uint16)),
        ("rawRgbFilenames", np.zeros((FRAMES,), np.uint16)),
    ],
)
def test_a_missing_or_misshapen_array_is_named(tmp_path, name, value):
    path = write_labeled(tmp_path / "a.mat", **{name: value})
    is_refused(NyuLabeled, path, match=r"must be .*, got .*original file")


def test_a_text_must_be_a_text(labeled):
    with h5py.File(labeled, "r+") as file:
        file["#refs#/wrong"] = np.zeros(3)
        file["scenes"][0, 1] = file["#refs#/wrong"].ref
        file["scenes"][0, 2] = h5py.Reference()
    with NyuLabeled(labeled) as frames:
        frames.read(0)
        for index in (1, 2):
            is_refused(lambda _, index=index: frames.read(index), labeled)


def test_a_missing_library_says_how_to_get_it(labeled, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    is_refused(NyuLabeled, labeled, match=r'h5py.* pip install "jaxdepth\[data\]"')


def test_a_path_with_blanks_and_umlauts(tmp_path):
    folder = tmp_path / "größte Tiefe 深度"
    folder.mkdir()
    with NyuLabeled(write_labeled(folder / "a b.mat")) as frames:
        assert frames.read(1).name == "0002"
    splits = read_splits(write_splits(folder / "c d.mat"), sizes=SMALL)
    np.testing.assert_array_equal(splits["test"], [0, 1])


def test_damaged_labelled_files_are_refused(labeled):
    def read(path):
        with NyuLabeled(path) as frames:
            return [frames.read(i) for i in range(len(frames))]

    refuses_damage(read, labeled)


@pytest.mark.parametrize(
    ("train", "test", "match"),
    [
        ((3, 4), (1, 2), "must have 3 entries, got 2"),
        ((3, 4, 5), (2, 3), "number 3 is more often"),
        ((3, 3, 5), (1, 2), "number 3 is more often"),
        ((2, 3, 4), (0, 1), "counted from 1, got 0"),
        ((2, 3, 4.5), (0, 1), "whole numbers"),
        ((2, 3, np.nan), (0, 1), "finite"),
    ],
)
def test_wrong_splits_are_refused(tmp_path, train, test, match):
    path = write_splits(tmp_path / "splits.mat", train, test, dtype=float)
    is_refused(lambda p: read_splits(p, sizes=SMALL), path, match=match)


def test_splits_of_another_kind_are_refused(labeled, tmp_path):
    is_refused(read_splits, labeled, match=r"7\.3|damaged")
    scipy.io.savemat(tmp_path / "a.mat", {"trainNdxs": np.array([["a"]], object)})
    is_refused(read_splits, tmp_path / "a.mat", match="array of real numbers")
    scipy.io.savemat(tmp_path / "b.mat", {"other": 1})
    is_refused(read_splits, tmp_path / "b.mat", match="must hold trainNdxs")
    path = write_splits(tmp_path / "splits.mat")
    refuses_damage(lambda p: read_splits(p, sizes=SMALL), path)


@pytest.mark.real_data
def test_the_published_splits(real_data):
    splits = read_splits(real_data / "lists" / "nyu_splits.mat")
    assert {name: len(indices) for name, indices in splits.items()} == {"train": 795, "test": 654}
    np.testing.assert_array_equal(splits["test"][:6], [0, 1, 8, 13, 14, 15])
    together = np.sort(np.concatenate(list(splits.values())))
    np.testing.assert_array_equal(together, np.arange(1449))
