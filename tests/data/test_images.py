"""Reading, writing, resizing and colouring images and depth maps."""

import os
import warnings

import cv2
import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.images import (
    NO_DEPTH_COLOR,
    colorize,
    read_depth,
    read_ground_truth,
    read_image,
    resize_depth,
    resize_image,
    resize_prediction,
    write_depth_npy,
    write_depth_png,
    write_image,
)
from jaxdepth.errors import ConfigError, DataError

ORIENTATION = 0x0112


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def picture(rng, size=(20, 30)):
    return rng.integers(0, 256, (*size, 3), np.uint8)


# Images


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


# Files that cannot be read


def damage(path, how):
    if how == "empty":
        path.write_bytes(b"")
    elif how == "text":
        path.write_text("This is no image.")
    elif how == "folder":
        path.unlink()
        path.mkdir()
    elif how == "missing":
        path.unlink()
    else:
        blob = path.read_bytes()
        path.write_bytes(blob[: int(len(blob) * float(how))])


REASONS = {"empty": "empty", "text": "", "folder": "[Dd]irectory", "missing": "No such file"}


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


# Depth


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


# Writing


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


# Colours


def test_near_is_bright_and_far_is_dark():
    colors = colorize(np.linspace(1, 5, 50)[None]).astype(int)
    brightness = colors[0] @ [299, 587, 114]
    assert (np.diff(brightness) <= 0).all()
    assert brightness[0] > 10 * brightness[-1]
    inferno = cv2.applyColorMap(np.array([[255, 0]], np.uint8), cv2.COLORMAP_INFERNO)
    np.testing.assert_array_equal(colors[0, [0, -1]], inferno[0, :, ::-1])


def test_what_is_not_measured_or_masked_is_grey():
    depth = np.array([[1, 2, 0, -1, np.nan, np.inf, 3, 100]])
    mask = np.array([[True] * 7 + [False]])
    colors = colorize(depth, mask=mask)
    grey = (colors == NO_DEPTH_COLOR).all(axis=-1)
    np.testing.assert_array_equal(grey, [[False, False, True, True, True, True, False, True]])
    np.testing.assert_array_equal(colors[0, [0, 1, 6]], colorize(np.array([[1.0, 2, 3]]))[0])
    np.testing.assert_array_equal(colorize(np.zeros((3, 4))), np.full((3, 4, 3), 128))


def test_the_limits_fix_the_colours():
    depth = np.array([[0.5, 1, 2, 3, 9]])
    colors = colorize(depth, vmin=1, vmax=3)
    np.testing.assert_array_equal(colors[0, 0], colors[0, 1])
    np.testing.assert_array_equal(colors[0, 4], colors[0, 3])
    np.testing.assert_array_equal(colors[0, 1:4], colorize(depth[:, 1:4])[0])


def test_depth_of_one_value_is_bright():
    colors = colorize(np.full((2, 2), 3.0, np.float32))
    np.testing.assert_array_equal(
        colors, colorize(np.array([[3.0, 4]]))[0, 0] + np.zeros((2, 2, 1))
    )


# Sizes


def linear(new, old):
    """The matrix of bilinear interpolation along one axis, pixel centres at half-integers."""
    at = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
    low = np.minimum(at.astype(int), old - 2)
    weights = np.zeros((new, old))
    weights[np.arange(new), low] = 1 - (at - low)
    weights[np.arange(new), low + 1] += at - low
    return weights


def area(new, old):
    """The matrix of averaging along one axis: the share of each new pixel in each old one."""
    edges = np.arange(new + 1) * old / new
    starts = np.maximum(edges[:-1, None], np.arange(old))
    ends = np.minimum(edges[1:, None], np.arange(old) + 1)
    return np.maximum(ends - starts, 0) * new / old


@pytest.mark.parametrize(
    "size", [(10, 15), (7, 11), (40, 60), (33, 47), (10, 60), (33, 11), (20, 30)]
)
def test_images_are_averaged_to_shrink_and_interpolated_to_grow(rng, size):
    image = rng.random((20, 30, 3), np.float32)
    rows, columns = (
        (area if new < old else linear)(new, old)
        for new, old in zip(size, image.shape[:2], strict=True)
    )
    expected = np.einsum("yi,xj,ijc->yxc", rows, columns, image)
    np.testing.assert_allclose(resize_image(image, size), expected, atol=2e-6)
    in_bytes = resize_image(np.rint(255 * image).astype(np.uint8), size)
    assert in_bytes.dtype == np.uint8
    np.testing.assert_allclose(in_bytes, 255 * expected, atol=2)


@pytest.mark.parametrize("size", [(10, 15), (7, 11), (40, 60), (33, 47), (20, 30)])
def test_predictions_are_interpolated(rng, size):
    depth = rng.random((20, 30), np.float32)
    expected = linear(size[0], 20) @ depth @ linear(size[1], 30).T
    np.testing.assert_allclose(resize_prediction(depth, size), expected, atol=1e-6)


@pytest.mark.parametrize("size", [(10, 15), (7, 11), (40, 60), (33, 47), (20, 30)])
def test_ground_truth_is_picked_at_pixel_centres(size):
    rows, columns = np.indices((20, 30))
    picked_rows, picked_columns = resize_depth(rows, size), resize_depth(columns, size)
    for picked, new, old in ((picked_rows[:, 0], size[0], 20), (picked_columns[0], size[1], 30)):
        centres = (np.arange(new) + 0.5) * old / new
        np.testing.assert_array_equal(picked, np.floor(centres + 1e-9))
    np.testing.assert_array_equal(picked_rows, picked_rows[:, :1] + 0 * picked_columns)


def test_thirds_are_picked_in_the_middle():
    # OpenCV's INTER_NEAREST would pick the corners 0, 3 and 6.
    np.testing.assert_array_equal(resize_depth(np.arange(9)[None], (1, 3)), [[1, 4, 7]])


def test_ground_truth_is_never_mixed(rng):
    depth = rng.choice(np.float32([0, 1, 5]), (20, 30))
    assert set(np.unique(resize_depth(depth, (33, 47)))) <= {0, 1, 5}


# Real files


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


@pytest.mark.real_data
def test_real_photographs(real_data):
    assert read_image(real_data / "nyu_filled" / "rgb" / "001.png").shape == (480, 640, 3)
    assert read_image(real_data / "indoor_dslr" / "test" / "rgb" / "001.jpg").shape == (432, 645, 3)
