"""Reading and writing images, and how files are written."""

import os
import warnings

import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.images import (
    read_depth,
    read_image,
    write_depth_npy,
    write_depth_png,
    write_image,
)
from jaxdepth.errors import DataError
from tests.data.files import REASONS, damage, picture

ORIENTATION = 0x0112


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_an_rgb_file_is_read_as_it_is(rng, tmp_path):
    rgb = picture(rng)
    for suffix in ("png", "bmp", "tif", "ppm"):
        Image.fromarray(rgb).save(tmp_path / f"a.{suffix}")
        image = read_image(tmp_path / f"a.{suffix}")
        assert image.dtype == np.uint8
        assert image.flags.writeable
        np.testing.assert_array_equal(image, rgb)


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda x: x),
        (2, lambda x: x[:, ::-1]),
        (3, lambda x: x[::-1, ::-1]),
        (4, lambda x: x[::-1]),
        (5, lambda x: x.swapaxes(0, 1)),
        (6, lambda x: np.rot90(x, -1)),
        (7, lambda x: x[::-1, ::-1].swapaxes(0, 1)),
        (8, lambda x: np.rot90(x)),
    ],
)
def test_an_image_is_turned_as_its_exif_data_say(tmp_path, suffix, orientation, turned):
    stored = np.zeros((16, 32, 3), np.uint8)
    stored[:8, :16] = 255  # a white corner, on whole JPEG blocks
    image = Image.fromarray(stored)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image.save(tmp_path / f"a.{suffix}", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / f"a.{suffix}"), turned(stored))


def test_damaged_exif_data_do_not_cost_the_image(tmp_path):
    Image.new("RGB", (8, 8), "white").save(tmp_path / "a.jpg", exif=b"Exif\0\0rubbish")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert (read_image(tmp_path / "a.jpg") == 255).all()


def test_grey_becomes_three_equal_channels(rng, tmp_path):
    grey = picture(rng)[..., 0]
    Image.fromarray(grey).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.stack([grey] * 3, axis=-1))


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bits_become_8(tmp_path, suffix):
    Image.fromarray(np.array([[0, 128, 129, 257, 32896, 65535]], np.uint16)).save(
        tmp_path / f"a.{suffix}"
    )
    image = read_image(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(image[0, :, 0], [0, 0, 1, 1, 128, 255])
    assert image.shape == (1, 6, 3)


def test_transparency_is_laid_over_white(tmp_path):
    rgba = np.array([[[255, 0, 0, 255], [255, 0, 0, 0], [0, 0, 0, 127]]], np.uint8)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    expected = [[[255, 0, 0], [255, 255, 255], [128, 128, 128]]]
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), expected)


def test_a_palette_is_looked_up(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 2]], np.uint8), "P")
    image.putpalette([10, 20, 30, 40, 50, 60, 70, 80, 90])
    image.save(tmp_path / "opaque.png")
    image.save(tmp_path / "holed.png", transparency=bytes([255, 0, 255]))
    expected = np.array([[[10, 20, 30], [40, 50, 60], [70, 80, 90]]])
    np.testing.assert_array_equal(read_image(tmp_path / "opaque.png"), expected)
    expected[0, 1] = 255
    np.testing.assert_array_equal(read_image(tmp_path / "holed.png"), expected)


@pytest.mark.parametrize("mode", ["1", "LA", "CMYK", "YCbCr"])
def test_other_modes_become_rgb(tmp_path, mode):
    Image.new("RGB", (4, 3), "white").convert(mode).save(tmp_path / "a.tif")
    image = read_image(tmp_path / "a.tif")
    assert image.shape == (3, 4, 3)
    assert (image >= 254).all()


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_an_image_of_32_bit_numbers_is_refused(tmp_path, dtype):
    Image.fromarray(np.ones((3, 4), dtype)).save(tmp_path / "a.tif")
    with pytest.raises(DataError, match=r"a\.tif.*32-bit.*8 or 16 bits"):
        read_image(tmp_path / "a.tif")


@pytest.mark.parametrize("how", ["empty", "text", "folder", "missing", "0.02", "0.5", "0.97"])
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif", "bmp", "gif"])
def test_an_unreadable_image_is_one_error_with_its_path(rng, tmp_path, suffix, how):
    path = tmp_path / f"photo.{suffix}"
    Image.fromarray(picture(rng, (64, 64))).save(path)
    damage(path, how)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's about TIFF, where the error says it already
        with pytest.raises(DataError, match=REASONS.get(how, "")) as error:
            read_image(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_16_bit_png_round_trip(rng, tmp_path):
    depth = (rng.integers(0, 65536, (40, 50)) / 1000).astype(np.float32)
    write_depth_png(tmp_path / "a.png", depth)
    np.testing.assert_array_equal(read_depth(tmp_path / "a.png", scale=1000), depth)
    stored = np.asarray(Image.open(tmp_path / "a.png"))
    assert stored.dtype == np.uint16


def test_png_rounds_saturates_and_marks_holes(tmp_path):
    depth = [[0.0014, 0.0016, 65.535, 65.536, 1e30, -1, np.nan, np.inf, -np.inf]]
    write_depth_png(tmp_path / "a.png", np.array(depth, np.float32))
    np.testing.assert_array_equal(
        np.asarray(Image.open(tmp_path / "a.png")), [[1, 2, 65535, 65535, 65535, 0, 0, 0, 0]]
    )


def test_npy_round_trip_is_exact(rng, tmp_path):
    depth = rng.uniform(0, 100, (40, 50)).astype(np.float32)
    write_depth_npy(tmp_path / "a.npy", depth)
    np.testing.assert_array_equal(read_depth(tmp_path / "a.npy", scale=1), depth)


def test_image_round_trip(rng, tmp_path):
    rgb = picture(rng)
    write_image(tmp_path / "a.png", rgb)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), rgb)
    for name in ("a.jpg", "a.JPEG"):
        write_image(tmp_path / name, np.full((16, 16, 3), 200, np.uint8))
        assert (tmp_path / name).read_bytes()[:3] == b"\xff\xd8\xff"
        np.testing.assert_array_equal(read_image(tmp_path / name), 200)


def test_an_image_is_png_or_jpeg(tmp_path):
    with pytest.raises(DataError, match=r"a\.txt.*\.png, \.jpg or \.jpeg"):
        write_image(tmp_path / "a.txt", np.zeros((2, 2, 3), np.uint8))


WRITERS = {
    "a.png": lambda path: write_depth_png(path, np.ones((3, 4))),
    "a.npy": lambda path: write_depth_npy(path, np.ones((3, 4))),
    "a.jpg": lambda path: write_image(path, np.zeros((3, 4, 3), np.uint8)),
}


@pytest.mark.parametrize("name", WRITERS)
def test_files_are_replaced_whole(tmp_path, monkeypatch, name):
    path = tmp_path / name
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(DataError, match=f"cannot write {path}: disk full"):
            WRITERS[name](path)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == [name]
    WRITERS[name](path)
    assert path.read_bytes() != b"old"
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("name", WRITERS)
def test_a_missing_folder_is_named(tmp_path, name):
    path = tmp_path / "missing" / name
    with pytest.raises(DataError, match=r"cannot write .*missing"):
        WRITERS[name](path)


@pytest.mark.real_data
def test_real_photographs(real_data):
    assert read_image(real_data / "nyu_filled" / "rgb" / "001.png").shape == (480, 640, 3)
    assert read_image(real_data / "indoor_dslr" / "test" / "rgb" / "001.jpg").shape == (432, 645, 3)
