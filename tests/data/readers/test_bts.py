"""NYU in the form of BTS."""

import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.readers.bts import read_bts_frame
from jaxdepth.data.readers.depth_png import read_depth_png
from jaxdepth.data.readers.lists import ListedFrame
from jaxdepth.errors import DataError
from tests.data.readers.fuzz import is_refused, refuses_damage

LISTED = ListedFrame(
    "kitchen_0028b/rgb_00045.jpg", "kitchen_0028b/sync_depth_00045.png", 518.8579
)  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    row, column = np.mgrid[:48, :64]
    image = tmp_path / LISTED.image
    image.parent.mkdir()
    Image.fromarray(np.stack([4 * row, 3 * column, 0 * row], -1).astype(np.uint8)).save(
        image, quality=98
    )
    depth = (1000 + 10 * row + column).astype(np.uint16)
    depth[5, 6] = 0
    Image.fromarray(depth).save(tmp_path / LISTED.depth)
    return tmp_path


def test_depth_is_in_millimetres_with_holes(folder):
    frame = read_bts_frame(folder, LISTED)
    row, column = np.mgrid[:48, :64]
    expected = (1000 + 10 * row + column) / 1000
    expected[5, 6] = 0
    np.testing.assert_allclose(frame.depth, expected, rtol=1e-6)
    assert abs(frame.image[40, 10].astype(int) - [160, 30, 0]).max() < 12
    assert frame.scene == "kitchen_0028"
    assert (frame.name, frame.file) == ("kitchen_0028b/rgb_00045", LISTED.image)
    assert frame.intrinsics.fx == pytest.approx(LISTED.focal, abs=1e-4)


def test_damaged_frames_are_refused(folder):
    for name in (LISTED.image, LISTED.depth):
        refuses_damage(
            lambda _: read_bts_frame(folder, LISTED), folder / name, cuts=(0.0, 0.01, 0.1, 0.5)
        )


def test_depth_of_another_size_or_none_is_refused(folder):
    path = folder / LISTED.depth
    Image.fromarray(np.ones((64, 48), np.uint16)).save(path)
    is_refused(lambda _: read_bts_frame(folder, LISTED), path, "48x64 .* and has 64x48")
    with pytest.raises(DataError, match="its list says None"):
        read_bts_frame(folder, LISTED._replace(depth=None))


@pytest.mark.parametrize(
    "picture",
    [np.ones((4, 5), np.uint8), np.ones((4, 5, 3), np.uint8), np.ones((4, 5), bool)],
)
def test_only_16_bit_grey_is_depth(tmp_path, picture):
    Image.fromarray(picture).save(tmp_path / "a.png")
    is_refused(lambda p: read_depth_png(p, scale=1000), tmp_path / "a.png", "16 bits, got")


def test_depth_in_another_format_is_refused(tmp_path):
    Image.fromarray(np.ones((4, 5), np.uint16)).save(tmp_path / "a.png", "TIFF")
    is_refused(lambda p: read_depth_png(p, scale=1000), tmp_path / "a.png", "no PNG")
