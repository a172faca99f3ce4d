"""Make3D: pairs by stem, and the depth channel of the grids."""

import numpy as np
import pytest
import scipy.io
from PIL import Image

from jaxdepth.data.readers.make3d import pair_make3d, read_grid, read_make3d_frame
from jaxdepth.errors import DataError
from tests.data.readers.fuzz import is_refused, refuses_damage


def position_grid():
    """Four channels that cannot be taken for each other; depth tells its row and column."""
    row, column = np.mgrid[:55, :305].astype(float)
    return np.stack([row, column, 500 + row, 1 + row + column / 1000], axis=-1)


def write_grid(path, **arrays):
    scipy.io.savemat(path, arrays or {"Position3DGrid": position_grid()}, do_compression=True)
    return path


def dataset(folder, images, depths):
    for name in ("Test134", "Gridlaserdata"):
        (folder / name).mkdir()
    for name in images:
        Image.new("RGB", (17, 22), (9, 8, 7)).save(folder / "Test134" / name)
    for name in depths:
        write_grid(folder / "Gridlaserdata" / name)
    return folder / "Test134", folder / "Gridlaserdata"


def test_the_last_channel_is_depth(tmp_path):
    depth = read_grid(write_grid(tmp_path / "depth_sph_corr-a.mat"))
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth, position_grid()[..., 3].astype(np.float32))


def test_stems_pair_with_and_without_their_prefix(tmp_path):
    folders = dataset(
        tmp_path,
        ["img-op1-p-015t000.jpg", "img-10.21op2-p-046t000.jpg", "img-combined1-p-1.jpg"],
        ["depth_sph_corr-10.21op1-p-015t000.mat", "depth_sph_corr-10.21op2-p-046t000.mat",
         "depth_sph_corr-combined1-p-1.mat", "notes.txt"],
    )  # fmt: skip
    pairs = pair_make3d(*folders, count=3)
    assert [pair.name for pair in pairs] == ["combined1-p-1", "op1-p-015t000", "op2-p-046t000"]
    assert pairs[1].image.name == "img-op1-p-015t000.jpg"
    assert pairs[1].depth.name == "depth_sph_corr-10.21op1-p-015t000.mat"
    frame = read_make3d_frame(pairs[2])
    assert frame.image.shape == (22, 17, 3)
    assert frame.depth.shape == (55, 305)
    assert (frame.name, frame.file) == ("op2-p-046t000", "img-10.21op2-p-046t000.jpg")
    with pytest.raises(DataError, match="must have 134 pairs, got 3"):
        pair_make3d(*folders, count=134)


def test_files_without_a_partner_are_refused(tmp_path):
    images, depths = dataset(tmp_path, ["img-a.jpg", "img-b.jpg"], ["depth_sph_corr-a.mat"])
    is_refused(lambda _: pair_make3d(images, depths), images / "img-b.jpg", "1 files have no")
    (images / "img-b.jpg").rename(images / "img-10.21a.jpg")
    is_refused(
        lambda _: pair_make3d(images, depths), images / "img-10.21a.jpg", "may be there once"
    )
    is_refused(lambda p: pair_make3d(p, depths), tmp_path / "missing")


def test_empty_folders_are_refused(tmp_path):
    with pytest.raises(DataError, match="must have some pairs, got 0"):
        pair_make3d(*dataset(tmp_path, [], []))


@pytest.mark.parametrize(
    "arrays",
    [
        {"other": 1},
        {"Position3DGrid": np.zeros((305, 55, 4))},
        {"Position3DGrid": np.zeros((55, 305))},
        {"Position3DGrid": np.zeros((0, 0))},
        {"Position3DGrid": "text"},
        {"Position3DGrid": np.full((55, 305, 4), np.nan)},
        {"Position3DGrid": {"a": 1}},
        {"Position3DGrid": np.zeros((55, 305, 4), complex)},
    ],
)
def test_another_grid_is_refused(tmp_path, arrays):
    is_refused(read_grid, write_grid(tmp_path / "a.mat", **arrays), "Position3DGrid")


def test_damaged_grids_are_refused(tmp_path):
    refuses_damage(read_grid, write_grid(tmp_path / "depth_sph_corr-a.mat"), flips=60)
