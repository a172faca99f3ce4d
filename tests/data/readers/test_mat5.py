"""MAT v5 arrays as SciPy writes them, in both byte orders, and as MATLAB packs them."""

import struct
import zlib

import numpy as np
import pytest
import scipy.io

from jaxdepth.data.readers.mat5 import read_mat5
from tests.data.readers.fuzz import is_refused


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize(
    "dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"]
)  # fmt: skip
def test_arrays_of_every_type_are_scipys(tmp_path, dtype, compress):
    arrays = {
        "a": np.arange(24).reshape(2, 3, 4).astype(dtype),
        "longer_name_of_it": np.array([[7]], dtype),
        "b": np.arange(3).astype(dtype)[:, None],
        "text": "left alone",
        "c": {"left": "alone"},
    }
    path = tmp_path / "a.mat"
    scipy.io.savemat(path, arrays, do_compression=compress, oned_as="column")
    found = read_mat5(path, ("a", "b", "longer_name_of_it"))
    for name, array in found.items():
        assert array.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(array, arrays[name])


def element(order, kind, content):
    return struct.pack(order + "II", kind, len(content)) + content + b"\0" * (-len(content) % 8)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compress", [False, True])
def test_doubles_packed_into_bytes(tmp_path, order, compress):
    """What MATLAB does to whole numbers; also other machines' byte order and short elements."""
    short_name = struct.pack(order + "I4s", (2 << 16) | 1, b"ab")
    body = (
        element(order, 6, struct.pack(order + "II", 6, 0))
        + element(order, 5, struct.pack(order + "ii", 2, 3))
        + short_name
        + element(order, 2, bytes([1, 2, 3, 4, 5, 6]))
    )
    matrix = element(order, 14, body)
    if compress:
        packed = zlib.compress(matrix)
        matrix = struct.pack(order + "II", 15, len(packed)) + packed  # without padding
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(order + "H2s", 0x0100, b"")
    header = header[:126] + (b"IM" if order == "<" else b"MI")
    path = tmp_path / "a.mat"
    path.write_bytes(header + matrix + matrix)
    array = read_mat5(path, ("ab",))["ab"]
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, [[1, 3, 5], [2, 4, 6]])


def test_damage_anywhere_is_refused_or_read(tmp_path):
    path = tmp_path / "a.mat"
    rng = np.random.default_rng(0)
    for compress in (False, True):
        scipy.io.savemat(path, {"a": np.arange(40.0), "b": "text"}, do_compression=compress)
        content = path.read_bytes()
        outcomes = []
        for _ in range(300):
            damaged = bytearray(content)
            for at in rng.integers(0, len(content), 6):
                damaged[at] = rng.integers(256)
            path.write_bytes(damaged)
            try:
                outcomes.append(read_mat5(path, ("a",))["a"].shape)
            except Exception as error:
                outcomes.append(type(error).__name__)
        assert {o for o in outcomes if isinstance(o, str)} == {"DataError"}
        for length in range(0, len(content) - 8, 7):
            path.write_bytes(content[:length])
            if compress or length < 128 + 56 + 40 * 8:
                is_refused(lambda p: read_mat5(p, ("a",)), path)


@pytest.mark.real_data
def test_a_file_of_matlabs_own(real_data):
    path = real_data / "lists" / "nyu_splits.mat"
    found = read_mat5(path, ("trainNdxs", "testNdxs"))
    expected = scipy.io.loadmat(path)
    for name, array in found.items():
        assert array.dtype == np.float64  # SciPy gives the type that they are packed into
        np.testing.assert_array_equal(array, expected[name])
