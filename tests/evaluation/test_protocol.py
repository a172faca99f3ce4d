"""Which pixels count, and where a prediction comes to lie."""

import dataclasses

import numpy as np
import pytest

from jaxdepth.errors import ConfigError, DataError
from jaxdepth.evaluation import Crop, Placement, Protocol
from tests.interpolation import linear

TARGET = np.random.default_rng(0).uniform(1, 9, (12, 16))
CROP = Crop(2, 9, 3, 14)


def bilinear(depth, size):
    """Bilinear sampling with half-pixel centres, as one matrix for each axis."""
    return linear(size[0], depth.shape[0]) @ depth @ linear(size[1], depth.shape[1]).T


def test_a_prediction_of_the_ground_truths_size():
    prediction = TARGET + 1
    p, g, placement = Protocol().place(prediction, TARGET, name="a.png")
    np.testing.assert_array_equal(p, prediction)
    np.testing.assert_array_equal(g, TARGET)
    assert placement is Placement.EXACT


def test_a_prediction_of_the_ground_truths_size_is_cropped_like_it():
    prediction = TARGET + 1
    p, g, placement = Protocol(crop=CROP).place(prediction, TARGET, name="a.png")
    np.testing.assert_array_equal(p, prediction[2:9, 3:14])
    np.testing.assert_array_equal(g, TARGET[2:9, 3:14])
    assert placement is Placement.CROPPED


@pytest.mark.parametrize("resize", [False, True])
def test_a_prediction_of_the_crops_size_covers_the_crop(resize):
    prediction = np.ones(CROP.size)
    p, g, placement = Protocol(crop=CROP, resize=resize).place(prediction, TARGET, name="a.png")
    np.testing.assert_array_equal(p, prediction)
    np.testing.assert_array_equal(g, TARGET[2:9, 3:14])
    assert placement is Placement.COVERS_CROP


def test_a_crop_of_the_whole_frame_is_none():
    protocol = Protocol(crop=(0, 12, 0, 16))
    p, g, placement = protocol.place(TARGET, TARGET, name="a.png")
    assert p.shape == g.shape == TARGET.shape
    assert placement is Placement.EXACT


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (24, 32), (7, 40)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_another_size_is_resized_over_the_full_frame(size, dtype):
    prediction = np.random.default_rng(1).uniform(1, 9, size).astype(dtype)
    expected = bilinear(prediction.astype(np.float64), TARGET.shape)

    p, g, placement = Protocol(resize=True).place(prediction, TARGET, name="a.png")
    np.testing.assert_allclose(p, expected, rtol=1e-7)
    assert placement is Placement.RESIZED

    p, g, placement = Protocol(crop=CROP, resize=True).place(prediction, TARGET, name="a.png")
    np.testing.assert_allclose(p, expected[2:9, 3:14], rtol=1e-7)
    np.testing.assert_array_equal(g, TARGET[2:9, 3:14])
    assert placement is Placement.RESIZED_CROPPED


@pytest.mark.parametrize("hole", [0.0, -1.0, np.nan, np.inf])
def test_resizing_mixes_no_missing_prediction_into_depth(hole):
    prediction = np.full((6, 8), 5.0)
    prediction[3, 4] = hole
    p, _, _ = Protocol(resize=True).place(prediction, TARGET, name="a.png")
    assert np.isnan(p[6:8, 8:10]).all()  # the hole's own four pixels
    assert set(p[np.isfinite(p)]) == {5.0}
    assert np.isnan(p).sum() <= 16


@pytest.mark.parametrize(
    ("crop", "expected"),
    [
        (None, ["a.png", "6x8", "12x16", "--resize"]),
        (CROP, ["a.png", "6x8", "12x16", "7x11", "--resize"]),
    ],
)
def test_another_size_is_an_error_that_names_file_sizes_and_remedy(crop, expected):
    with pytest.raises(DataError) as error:
        Protocol(crop=crop).place(np.ones((6, 8)), TARGET, name="a.png")
    assert all(part in str(error.value) for part in expected)


def test_a_transposed_prediction_is_an_error():
    with pytest.raises(DataError, match="16x12"):
        Protocol().place(TARGET.T, TARGET, name="a.png")


@pytest.mark.parametrize("crop", [(0, 13, 0, 16), (0, 12, 0, 17)])
@pytest.mark.parametrize("resize", [False, True])
def test_a_crop_beyond_the_ground_truth_is_an_error(crop, resize):
    with pytest.raises(DataError, match=r"a\.png.*crop.*12x16.*choose a crop within it"):
        Protocol(crop=crop, resize=resize).place(TARGET, TARGET, name="a.png")


@pytest.mark.parametrize("shape", [(12, 16, 1), (1, 12, 16), (16,), (0, 16)])
def test_depth_has_two_axes(shape):
    with pytest.raises(DataError, match=r"a\.png: the prediction must be a depth map"):
        Protocol().place(np.ones(shape), TARGET, name="a.png")
    with pytest.raises(DataError, match=r"a\.png: the ground truth must be a depth map"):
        Protocol().place(TARGET, np.ones(shape), name="a.png")


def test_ground_truth_counts_strictly_within_the_range():
    target = np.array([0.0, 0.001, 0.0011, 5, 9.99, 10, 11, np.inf, -np.inf, np.nan, -5])
    for dtype in (np.float32, np.float64):
        valid = Protocol(max_depth=10).valid(target.astype(dtype))
        np.testing.assert_array_equal(np.flatnonzero(valid), [2, 3, 4])
        valid = Protocol().valid(target.astype(dtype))
        np.testing.assert_array_equal(np.flatnonzero(valid), [2, 3, 4, 5, 6])


def test_predictions_are_clamped():
    prediction = np.array([-5, 0, 1e-4, 2, 10, 11, np.inf, -np.inf, np.nan])
    np.testing.assert_array_equal(
        Protocol(max_depth=10).clamp(prediction), [1e-3, 1e-3, 1e-3, 2, 10, 10, 10, 1e-3, 1e-3]
    )
    np.testing.assert_array_equal(
        Protocol().clamp(prediction), [1e-3, 1e-3, 1e-3, 2, 10, 11, np.inf, 1e-3, 1e-3]
    )


def test_a_protocol_is_a_value_in_one_line():
    protocol = Protocol(crop=(44, 471, 40, 601), average="images", max_depth=10)
    assert protocol == Protocol(crop=Crop(44, 471, 40, 601), average="images", max_depth=10.0)
    assert hash(protocol) == hash(dataclasses.replace(protocol))
    assert str(protocol) == (
        "averaged over images; crop 44:471,40:601 (rows, columns); "
        "0.001 m < ground truth < 10 m, predictions clamped to [0.001, 10] m"
    )
    assert str(Protocol()) == (
        "pooled over all pixels; full frame; "
        "ground truth > 0.001 m, predictions clamped to at least 0.001 m"
    )


@pytest.mark.parametrize(
    ("setting", "named"),
    [
        ({"average": "median"}, "average.*'pixels' or 'images'.*'median'"),
        ({"min_depth": 0.0}, "min_depth.*0"),
        ({"min_depth": float("nan")}, "min_depth.*nan"),
        ({"max_depth": 0.0005}, "max_depth.*min_depth.*0.0005"),
        ({"max_depth": float("inf")}, "max_depth.*None.*inf"),
        ({"crop": (5, 5, 0, 3)}, "TOP < BOTTOM.*5:5,0:3"),
        ({"crop": (-1, 5, 0, 3)}, "-1:5,0:3"),
    ],
)
def test_settings_out_of_range_are_refused(setting, named):
    with pytest.raises(ConfigError, match=named):
        Protocol(**setting)
