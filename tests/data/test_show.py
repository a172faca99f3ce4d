"""Pictures of datasets."""

import sys

import numpy as np
import pytest

from jaxdepth.data.images import read_image
from jaxdepth.data.show import color_histograms, draw_sheet
from jaxdepth.data.sources import open_builder
from jaxdepth.errors import ConfigError
from tests.scripts import VARIANT


@pytest.fixture
def rooms(scripts):
    return open_builder("rooms", variant=VARIANT, data_dir=str(scripts.folder / "data"))


def test_histograms_are_each_channels_part_of_all_pixels():
    first = np.zeros((2, 3, 3), np.uint8)
    first[..., 1] = 7
    second = np.full((1, 6, 3), 255, np.uint8)
    histograms = color_histograms([first, second])
    assert histograms.shape == (3, 256)
    np.testing.assert_allclose(histograms.sum(axis=1), 1)
    assert histograms[0, 0] == histograms[1, 7] == histograms[2, 255] == 0.5
    assert histograms[1, 0] == 0


def test_a_sheet_shows_examples_and_colours(rooms, tmp_path):
    pictures = {}
    for depth in ("depth", "depth_kinect"):
        draw_sheet(rooms, tmp_path / f"{depth}.png", split="test", depth=depth, examples=2)
        pictures[depth] = read_image(tmp_path / f"{depth}.png")
    assert pictures["depth"].shape == pictures["depth_kinect"].shape
    assert (pictures["depth"] != pictures["depth_kinect"]).any()
    draw_sheet(rooms, tmp_path / "a.svg", examples=1)
    assert (tmp_path / "a.svg").read_text().startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"file": "a.gif"}, "--out must name a .png"),
        ({"split": "tests"}, "no split 'tests': choose from"),
        ({"depth": "deep"}, "no depth 'deep': choose from depth, depth_kinect"),
    ],
)
def test_unknown_names_are_answered_with_the_known(rooms, tmp_path, arguments, match):
    file = tmp_path / arguments.pop("file", "a.png")
    with pytest.raises(ConfigError, match=match):
        draw_sheet(rooms, file, **arguments)
    assert not list(tmp_path.iterdir())


def test_a_missing_library_says_how_to_get_it(rooms, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ConfigError, match=r'pip install "jaxdepth\[plots\]"'):
        draw_sheet(rooms, tmp_path / "a.png")
