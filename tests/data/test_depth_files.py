"""Reading depth maps."""

import warnings

import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.images import (
    read_depth,
    read_ground_truth,
    write_depth_png,
)
from jaxdepth.errors import ConfigError, DataError
from tests.data.files import REASONS, damage


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integer_depth_is_value_by_scale(tmp_path, suffix, dtype):
    values = np.array([[0, 1, 100], [200, 254, np.iinfo(dtype).max]], dtype)
    Image.fromarray(values).save(tmp_path / f"a.{suffix}")
    depth = read_depth(tmp_path / f"a.{suffix}", scale=100)
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth, (values / 100.0).astype(np.float32))


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_32_bit_tiff(tmp_path, dtype):
    values = np.array([[0, 1, 70000], [-1, 2, 3]], dtype)
    Image.fromarray(values).save(tmp_path / "a.tif")
    depth = read_depth(tmp_path / "a.tif", scale=1000)
    np.testing.assert_array_equal(depth, np.float32([[0, 0.001, 70], [0, 0.002, 0.003]]))


@pytest.mark.parametrize(("maximum", "dtype"), [(100, "u1"), (2047, ">u2"), (10000, ">u2")])
def test_a_pgm_keeps_its_values_whatever_its_maximum(tmp_path, maximum, dtype):
    values = np.array([[0, 1, 50, maximum]], dtype)
    (tmp_path / "a.pgm").write_bytes(b"P5\n4 1\n%d\n" % maximum + values.tobytes())
    np.testing.assert_array_equal(read_depth(tmp_path / "a.pgm", scale=1), values)


@pytest.mark.parametrize("shape", [(3, 4), (3, 4, 1), (1, 3, 4)])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.uint16, ">f4"])
def test_numpy_depth(tmp_path, shape, dtype):
    values = np.arange(12).reshape(shape).astype(dtype)
    np.save(tmp_path / "a.npy", values)
    np.savez_compressed(tmp_path / "a.npz", anything=values)
    for name in ("a.npy", "a.npz"):
        depth = read_depth(tmp_path / name, scale=2)
        assert depth.dtype == np.float32
        np.testing.assert_array_equal(depth, np.arange(12).reshape(3, 4) / 2)


def test_what_is_no_measurement_becomes_zero(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[-1, 0, 2, np.nan, np.inf, -np.inf, 1e300, 7]]))
    np.testing.assert_array_equal(
        read_depth(tmp_path / "a.npy", scale=1, invalid_values=[7]), [[0, 0, 2, 0, 0, 0, 0, 0]]
    )


def test_invalid_values_are_those_of_the_file(tmp_path):
    Image.fromarray(np.array([[0, 65, 65535, 3]], np.uint16)).save(tmp_path / "a.png")
    depth = read_depth(tmp_path / "a.png", scale=1000, invalid_values=(65535, 3))
    np.testing.assert_array_equal(depth, np.float32([[0, 0.065, 0, 0]]))
    Image.fromarray(np.array([[1, 2]], np.uint8)).save(tmp_path / "b.png")
    depth = read_depth(tmp_path / "b.png", scale=1, invalid_values=(65535,))
    np.testing.assert_array_equal(depth, [[1, 2]])


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P", "1"])
def test_depth_has_one_channel_of_numbers(tmp_path, mode):
    Image.new("RGB", (4, 3)).convert(mode).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=rf"a\.png.*mode {mode}.*one channel.*16-bit"):
        read_depth(tmp_path / "a.png", scale=1000)


@pytest.mark.parametrize(
    "array",
    [np.ones(3), np.ones((3, 4, 3)), np.ones((0, 4)), np.ones((3, 4), complex), np.array("a")],
)
def test_a_numpy_file_holds_a_matrix_of_real_numbers(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(DataError, match=r"a\.npy must be an array \[height, width\] of real"):
        read_depth(tmp_path / "a.npy", scale=1)


def test_an_archive_holds_one_array(tmp_path):
    np.savez(tmp_path / "a.npz", depth=np.ones((3, 4)), mask=np.ones((3, 4)))
    with pytest.raises(DataError, match=r"a\.npz must hold one array, and holds 2: depth, mask"):
        read_depth(tmp_path / "a.npz", scale=1)


def test_pickles_are_not_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(DataError, match=r"a\.npy"):
        read_depth(tmp_path / "a.npy", scale=1)


@pytest.mark.parametrize("scale", [0, -1, float("nan"), float("inf")])
def test_a_scale_is_positive(tmp_path, scale):
    with pytest.raises(ConfigError, match="1000 for millimetres"):
        read_depth(tmp_path / "a.png", scale=scale)


def test_ground_truth_has_a_measurement(tmp_path):
    write_depth_png(tmp_path / "zero.png", np.zeros((3, 4)))
    with pytest.raises(DataError, match=r"zero\.png has no valid pixel"):
        read_ground_truth(tmp_path / "zero.png", scale=1000)
    Image.fromarray(np.full((3, 4), 65535, np.uint16)).save(tmp_path / "max.png")
    with pytest.raises(DataError, match=r"max\.png has no valid pixel"):
        read_ground_truth(tmp_path / "max.png", scale=1000, invalid_values=(65535,))
    write_depth_png(tmp_path / "one.png", np.eye(1, 9))
    assert read_ground_truth(tmp_path / "one.png", scale=1000).sum() == 1


@pytest.mark.parametrize("how", ["empty", "text", "folder", "missing", "0.02", "0.5", "0.97"])
@pytest.mark.parametrize("suffix", ["png", "tif", "pgm", "npy", "npz"])
def test_an_unreadable_depth_map_is_one_error_with_its_path(rng, tmp_path, suffix, how, capfd):
    path = tmp_path / f"depth.{suffix}"
    depth = rng.integers(1, 10000, (64, 64), np.uint16)
    if suffix == "npy":
        np.save(path, depth)
    elif suffix == "npz":
        np.savez(path, depth)
    else:
        Image.fromarray(depth).save(path)
    damage(path, how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(DataError, match=REASONS.get(how, "")) as error:
            read_depth(path, scale=1000)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.real_data
def test_real_depth_round_trip(real_data, tmp_path):
    for file in sorted((real_data / "nyu_filled" / "depth").glob("*.png")):
        depth = read_ground_truth(file, scale=1000)
        assert depth.shape == (480, 640)
        assert 0.5 < depth.min() < depth.max() < 10
        write_depth_png(tmp_path / file.name, depth)
        np.testing.assert_array_equal(
            np.asarray(Image.open(tmp_path / file.name)), np.asarray(Image.open(file))
        )


@pytest.mark.real_data
def test_real_holes(real_data):
    for file in sorted((real_data / "nyu_raw" / "depth").glob("*.png")):
        holes = read_depth(file, scale=5000) == 0
        np.testing.assert_array_equal(holes, np.asarray(Image.open(file)) == 0)
        assert 0.3 < holes.mean() < 0.4
