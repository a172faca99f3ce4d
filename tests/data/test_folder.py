"""Pairs of files in two folders."""

import numpy as np
import pytest

from jaxdepth.data.folder import (
    DEPTH_SUFFIXES,
    Pair,
    check_pair,
    match_pairs,
    read_image_pairs,
    read_prediction_pairs,
)
from jaxdepth.data.images import write_depth_npy, write_depth_png, write_image
from jaxdepth.errors import DataError


@pytest.fixture
def folders(tmp_path):
    """Makes empty files in the folders `rgb` and `depth`, and gives these."""

    def make(rgb, depth):
        for folder, names in (("rgb", rgb), ("depth", depth)):
            (tmp_path / folder).mkdir()
            for name in names:
                path = tmp_path / folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch()
        return tmp_path / "rgb", tmp_path / "depth"

    return make


def test_files_match_by_stem_in_sorted_order(folders):
    rgb, depth = folders(
        ["b.jpg", "a.png", "10.JPG", "2.png"], ["2.npy", "a.png", "10.png", "b.TIF"]
    )
    matches = match_pairs(rgb, depth)
    assert matches.pairs == [
        Pair("10", rgb / "10.JPG", depth / "10.png"),
        Pair("2", rgb / "2.png", depth / "2.npy"),
        Pair("a", rgb / "a.png", depth / "a.png"),
        Pair("b", rgb / "b.jpg", depth / "b.TIF"),
    ]
    assert matches.only_first == matches.only_second == []
    assert matches.warning() is None


def test_files_in_subfolders_match_by_their_path(folders):
    rgb, depth = folders(
        ["kitchen/1.png", "office/1.png", "office/b/1.png", "1.png"],
        ["office/1.png", "kitchen/1.png", "1.png", "office/b/1.png"],
    )
    matches = match_pairs(rgb, depth)
    assert [pair.name for pair in matches.pairs] == ["1", "kitchen/1", "office/1", "office/b/1"]
    for pair in matches.pairs:
        assert pair.first.relative_to(rgb) == pair.second.relative_to(depth)


def test_a_stem_ends_at_the_last_point(folders):
    rgb, depth = folders(["r-12.5-7.ppm", "r-12.6-7.ppm"], ["r-12.5-7.pgm", "r-12.6-7.pgm"])
    assert [pair.name for pair in match_pairs(rgb, depth).pairs] == ["r-12.5-7", "r-12.6-7"]


def test_other_and_hidden_files_are_not_looked_at(folders):
    rgb, depth = folders(
        ["1.png", "1.txt", ".1.png", ".cache/1.jpg", "notes"], ["1.png", "1.csv", ".DS_Store"]
    )
    assert match_pairs(rgb, depth).pairs == [Pair("1", rgb / "1.png", depth / "1.png")]


def test_files_without_partner_are_returned_and_named(folders):
    rgb, depth = folders(["1.png", "2.png", "3.png"], ["2.png", "4.png", "5.png"])
    matches = match_pairs(rgb, depth)
    assert [pair.name for pair in matches.pairs] == ["2"]
    assert matches.only_first == [rgb / "1.png", rgb / "3.png"]
    assert matches.only_second == [depth / "4.png", depth / "5.png"]
    warning = matches.warning()
    assert warning.startswith("4 files have no partner")
    assert str(depth / "4.png") in warning
    assert warning.endswith(", …")


def test_endings_are_left_out_of_names(folders):
    rgb, depth = folders(["1_colors.png", "2_colors.png"], ["1_depth.png", "2_depth.npy", "2.png"])
    matches = match_pairs(rgb, depth, first_ending="_colors", second_ending="_depth")
    assert matches.pairs == [
        Pair("1", rgb / "1_colors.png", depth / "1_depth.png"),
        Pair("2", rgb / "2_colors.png", depth / "2_depth.npy"),
    ]
    assert matches.warning() is None


def test_endings_match_files_of_one_folder(folders):
    rgb, _ = folders(["1_rgb.png", "1_depth.png", "_rgb.png", "_depth.png"], [])
    matches = match_pairs(rgb, rgb, first_ending="_rgb", second_ending="_depth")
    assert matches.pairs == [Pair("1", rgb / "1_rgb.png", rgb / "1_depth.png")]


def test_a_missing_folder_is_named(folders, tmp_path):
    rgb, depth = folders(["1.png"], ["1.png"])
    for first, second in ((tmp_path / "nowhere", depth), (rgb, tmp_path / "nowhere")):
        with pytest.raises(DataError, match=r"there is no folder .*nowhere"):
            match_pairs(first, second)
    with pytest.raises(DataError, match=r"there is no folder .*1\.png"):
        match_pairs(rgb / "1.png", depth)


def test_a_folder_without_such_files_is_named(folders):
    rgb, depth = folders(["1.png"], ["1.jpg"])
    with pytest.raises(DataError, match=r"depth has no file .*\.npy.*\.png"):
        match_pairs(rgb, depth)


def test_no_pair_names_both_folders_and_examples(folders):
    rgb, depth = folders(["a1.png", "a2.png"], ["b1.png", "b2.png", "b3.png", "b4.png"])
    with pytest.raises(DataError) as error:
        match_pairs(rgb, depth)
    message = str(error.value)
    assert all(str(x) in message for x in (rgb, depth, rgb / "a1.png", depth / "b3.png"))
    assert "b4.png" not in message
    assert "rename" in message


@pytest.mark.parametrize("twice", [["1.png", "1.npy"], ["s/1.png", "s/1.PNG"]])
def test_a_name_twice_is_an_error_that_names_both_files(folders, twice):
    name = twice[0].removesuffix(".png")
    rgb, depth = folders([f"{name}.jpg"], twice)
    with pytest.raises(DataError) as error:
        match_pairs(rgb, depth)
    assert all(str(depth / file) in str(error.value) for file in twice)


PAIR = Pair("1", "rgb/1.png", "depth/1.png")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ((480, 640), (480, 640)),
        ((480, 640), (240, 320)),
        ((375, 1242), (188, 621)),
        ((111, 150), (444, 600)),
    ],
)
def test_scaled_sizes_belong_together(first, second):
    check_pair(PAIR, first, second)
    check_pair(PAIR, second, first)


@pytest.mark.parametrize("size", [(427, 561), (640, 480), (480, 480), (352, 1216)])
def test_other_aspect_ratios_are_an_error_unless_resized(size):
    with pytest.raises(DataError) as error:
        check_pair(PAIR, (480, 640), size)
    parts = ("rgb/1.png", "depth/1.png", "480x640", f"{size[0]}x{size[1]}", "--resize")
    assert all(part in str(error.value) for part in parts)
    check_pair(PAIR, (480, 640), size, resize=True)


@pytest.fixture
def dataset(tmp_path):
    """Two images with ground truth, and predictions in metres: 1 and 2 m, all of them right."""
    for folder in ("rgb", "depth", "predictions"):
        (tmp_path / folder).mkdir()
    for name in (1, 2):
        write_image(tmp_path / "rgb" / f"{name}.jpg", np.full((6, 8, 3), 50 * name, np.uint8))
        write_depth_png(tmp_path / "depth" / f"{name}.png", np.full((12, 16), float(name)))
        write_depth_npy(tmp_path / "predictions" / f"{name}.npy", np.full((12, 16), float(name)))
    return tmp_path


def test_image_pairs(dataset):
    pairs = match_pairs(dataset / "rgb", dataset / "depth").pairs
    read = list(read_image_pairs(pairs, depth_scale=1000))
    for i, (name, image, target) in enumerate(read, start=1):
        assert name == str(dataset / "rgb" / f"{i}.jpg")
        np.testing.assert_array_equal(image, np.full((6, 8, 3), 50 * i))
        np.testing.assert_array_equal(target, np.full((12, 16), i))
        assert target.dtype == np.float32


def test_prediction_pairs(dataset):
    pairs = match_pairs(
        dataset / "predictions", dataset / "depth", first_suffixes=DEPTH_SUFFIXES
    ).pairs
    read = list(read_prediction_pairs(pairs, prediction_scale=1, depth_scale=500))
    assert len(read) == 2
    for i, (name, prediction, target) in enumerate(read, start=1):
        assert name == str(dataset / "predictions" / f"{i}.npy")
        np.testing.assert_array_equal(prediction, np.full((12, 16), i))
        np.testing.assert_array_equal(target, np.full((12, 16), 2 * i))


def test_files_are_read_one_at_a_time(dataset):
    pairs = match_pairs(dataset / "rgb", dataset / "depth").pairs
    pairs = read_image_pairs(pairs, depth_scale=1000)
    next(pairs)
    (dataset / "rgb" / "2.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"2\.jpg: the file is empty"):
        next(pairs)


def test_an_all_zero_depth_map_is_an_error_that_names_it(dataset):
    write_depth_png(dataset / "depth" / "2.png", np.zeros((12, 16)))
    pairs = match_pairs(dataset / "rgb", dataset / "depth").pairs
    with pytest.raises(DataError, match=r"depth/2\.png has no valid pixel"):
        list(read_image_pairs(pairs, depth_scale=1000))
    with pytest.raises(DataError, match=r"depth/2\.png has no valid pixel"):
        list(
            read_prediction_pairs(
                [Pair("2", *[dataset / "depth" / "2.png"] * 2)],
                prediction_scale=1,
                depth_scale=1000,
            )
        )


def test_invalid_values_reach_the_ground_truth(dataset):
    pairs = match_pairs(dataset / "rgb", dataset / "depth").pairs
    with pytest.raises(DataError, match=r"1\.png has no valid pixel"):
        list(read_image_pairs(pairs, depth_scale=1000, depth_invalid_values=(1000,)))


def test_images_of_another_aspect_ratio_are_refused(dataset):
    write_image(dataset / "rgb" / "2.jpg", np.zeros((8, 8, 3), np.uint8))
    pairs = match_pairs(dataset / "rgb", dataset / "depth").pairs
    with pytest.raises(DataError, match=r"2\.jpg is 8x8.*2\.png is 12x16.*--resize"):
        list(read_image_pairs(pairs, depth_scale=1000))
    assert len(list(read_image_pairs(pairs, depth_scale=1000, resize=True))) == 2


@pytest.mark.real_data
def test_real_pairs(real_data):
    root = real_data / "indoor_dslr" / "test"
    matches = match_pairs(root / "rgb", root / "depth")
    assert len(matches.pairs) == 29
    assert matches.warning() is None
    for _, image, target in read_image_pairs(matches.pairs[:3], depth_scale=1000):
        assert image.shape == (432, 645, 3)
        assert target.shape == (432, 645)
        assert 0.1 < target[target > 0].min() < target.max() < 15
