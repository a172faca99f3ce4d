"""Crops: what they cover, and how they are written."""

import numpy as np
import pytest

from jaxdepth.errors import ConfigError
from jaxdepth.evaluation import NYU_VALID_AREA, Crop, parse_crop


def test_a_crop_is_half_open_and_starts_at_zero():
    rows, columns = np.indices((480, 640))
    crop = Crop(44, 471, 40, 601)
    assert (crop.of(rows).min(), crop.of(rows).max()) == (44, 470)
    assert (crop.of(columns).min(), crop.of(columns).max()) == (40, 600)
    assert crop.size == crop.of(rows).shape == (427, 561)


def test_the_valid_area_of_nyu():
    # get_projection_mask of the dataset's toolbox: mask(45:471, 41:601) = true, 1-based, inclusive.
    mask = np.zeros((480, 640), bool)
    mask[45 - 1 : 471, 41 - 1 : 601] = True
    assert NYU_VALID_AREA.of(mask).all()
    assert NYU_VALID_AREA.of(mask).size == mask.sum() == 427 * 561


def test_a_crop_fits_up_to_the_last_row_and_column():
    assert Crop(0, 480, 0, 640).fits((480, 640))
    assert not Crop(0, 481, 0, 640).fits((480, 640))
    assert not Crop(0, 480, 0, 641).fits((480, 640))


@pytest.mark.parametrize("text", ["44:471,40:601", " 44:471 , 40:601 "])
def test_parsing_is_rows_then_columns(text):
    assert parse_crop(text) == Crop(top=44, bottom=471, left=40, right=601)


def test_a_crop_prints_as_it_is_parsed():
    assert str(NYU_VALID_AREA) == "44:471,40:601"
    assert parse_crop(str(NYU_VALID_AREA)) == NYU_VALID_AREA


@pytest.mark.parametrize(
    "text",
    ["", "44:471", "44:471,40:", ":471,:601", "44-471,40-601", "-1:5,0:5", "a:b,c:d", "1:2:3,4:5"],
)
def test_bad_syntax_is_shown_with_an_example(text):
    with pytest.raises(ConfigError, match=r"TOP:BOTTOM,LEFT:RIGHT.*44:471,40:601") as error:
        parse_crop(text)
    assert repr(text) in str(error.value)


@pytest.mark.parametrize("text", ["5:5,0:3", "6:5,0:3", "0:3,5:5", "0:3,6:5"])
def test_an_empty_crop_is_refused(text):
    with pytest.raises(ConfigError, match=f"TOP < BOTTOM.*{text}"):
        parse_crop(text)
