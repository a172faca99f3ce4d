"""Depth maps in colours."""

import cv2
import numpy as np

from jaxdepth.data.images import (
    NO_DEPTH_COLOR,
    colorize,
)


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
