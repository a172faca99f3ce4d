"""The planes of rendered rooms, against their exact depth."""

import numpy as np
import pytest

from jaxdepth.data.rooms import render_scene, scene_planes
from jaxdepth.data.rooms.scene import CEILING, FLOOR
from jaxdepth.data.sources import open_source
from jaxdepth.errors import DataError
from jaxdepth.ops import unproject

SIZE = {"height": 24, "width": 32}


@pytest.mark.parametrize("index", range(6))
def test_every_labelled_point_lies_on_its_plane_and_furniture_before_it(index):
    scene, planes = (f(0, "test", index, **SIZE) for f in (render_scene, scene_planes))
    points = np.asarray(unproject(scene["depth"], scene["intrinsics"]), np.float64)
    np.testing.assert_allclose(np.linalg.norm(planes.normals, axis=1), 1, atol=1e-6)
    assert (planes.offsets < 0).all()  # the camera is inside
    above = points @ planes.normals.T - planes.offsets
    assert above.min() > -1e-3
    assert planes.labels.max() > 0
    for i in range(6):
        assert np.all(np.abs(above[planes.labels == i + 1, i]) < 1e-3)
    assert (above[planes.labels == 0].min(axis=-1) > 1e-3).mean() > 0.95


def test_the_floor_is_below():
    planes = scene_planes(0, "test", 0, **SIZE)
    assert planes.normals[FLOOR, 1] < -0.7
    assert planes.normals[CEILING, 1] > 0.7
    rows = np.indices(planes.labels.shape)[0]
    floor = planes.labels == FLOOR + 1
    assert rows[floor].mean() > rows[~floor].mean()


def test_a_source_of_rooms_knows_intrinsics_and_planes(scripts):
    source = open_source("rooms", "test[2:4]", variant="32x48_24_8_8", data_dir=scripts.data_dir)
    example = source[1]
    scene = render_scene(0, "test", 3, height=32, width=48)
    np.testing.assert_array_equal(example.depth, scene["depth"])
    np.testing.assert_array_equal(example.intrinsics, scene["intrinsics"])
    expected = scene_planes(0, "test", 3, height=32, width=48)
    for actual, array in zip(example.planes(), expected, strict=True):
        np.testing.assert_array_equal(actual, array)


def test_arguments_are_those_of_the_scene():
    with pytest.raises(DataError, match="at least 8 × 8"):
        scene_planes(0, "test", 0, height=7, width=9)
