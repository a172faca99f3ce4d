"""PLY files, read back byte by byte."""

import struct

import numpy as np
import pytest

from jaxdepth.data.ply import write_ply
from jaxdepth.errors import DataError


def test_the_bytes_of_a_small_file(tmp_path):
    points = np.array([[1.0, -2.5, 3.0], [0.0, 0.125, 1e3]])
    colors = np.array([[255, 0, 7], [1, 2, 3]], np.uint8)
    write_ply(tmp_path / "a.ply", points, colors)
    header, _, body = (tmp_path / "a.ply").read_bytes().partition(b"end_header\n")
    assert header.decode("ascii").splitlines() == [
        "ply",
        "format binary_little_endian 1.0",
        "element vertex 2",
        "property float x",
        "property float y",
        "property float z",
        "property uchar red",
        "property uchar green",
        "property uchar blue",
    ]
    rows = list(struct.iter_unpack("<fffBBB", body))
    assert rows == [(1.0, -2.5, 3.0, 255, 0, 7), (0.0, 0.125, 1e3, 1, 2, 3)]


@pytest.mark.parametrize(
    ("points", "message"),
    [(np.empty((0, 3)), "no point"), (np.array([[0, np.nan, 1]]), "not finite")],
)
def test_what_is_no_cloud_is_refused_and_nothing_written(tmp_path, points, message):
    with pytest.raises(DataError, match=message):
        write_ply(tmp_path / "a.ply", points, np.zeros(points.shape, np.uint8))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"none/a\.ply"):
        write_ply(tmp_path / "none" / "a.ply", np.ones((1, 3)), np.ones((1, 3), np.uint8))
