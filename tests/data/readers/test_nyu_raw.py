"""The raw dump of NYU: pairing by time, byte-swapped depth, even sampling."""

import numpy as np
import pytest
from PIL import Image

from jaxdepth.data.readers.nyu_raw import (
    FAULTY,
    find_recordings,
    pair_by_time,
    pair_scene,
    read_raw_depth,
    read_raw_frame,
    sample_evenly,
)
from jaxdepth.errors import DataError
from tests.data.readers.fuzz import is_refused, refuses_damage


def write_pgm(path, raw, header=b"P5 640 480 65535\n"):
    """As in the dump: a PGM is big-endian, and the Kinect's bytes came little-endian."""
    path.write_bytes(header + np.asarray(raw).astype("<u2").tobytes())
    return path


def raw_picture():
    rows, columns = np.mgrid[:480, :640]
    return (600 + rows // 4 + columns // 8).astype(np.uint16)


def recording(folder, depth_times, color_times):
    folder.mkdir(parents=True)
    for n, time in enumerate(depth_times):
        write_pgm(folder / f"d-{time}-{n}.pgm", raw_picture())
    for n, time in enumerate(color_times):
        image = np.full((480, 640, 3), n, np.uint8)
        Image.fromarray(image).save(folder / f"r-{time}-{n}.ppm")
    return folder


def touch(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def test_bytes_are_swapped_and_rows_are_rows(tmp_path):
    for header in (b"P5 640 480 65535\n", b"P5\n640 480\n65535\n", b"P5\n# a\n640 480\n65535\n"):
        raw = read_raw_depth(write_pgm(tmp_path / "d-1.5-1.pgm", raw_picture(), header))
        assert raw.dtype == np.uint16
        np.testing.assert_array_equal(raw, raw_picture())


def test_a_depth_file_in_proper_order_is_refused(tmp_path):
    path = tmp_path / "d-1.5-1.pgm"
    path.write_bytes(b"P5 640 480 65535\n" + raw_picture().astype(">u2").tobytes())
    is_refused(read_raw_depth, path, match="at most 2047 after swapping bytes")


@pytest.mark.parametrize(
    ("header", "match"),
    [
        (b"P5 480 640 65535\n", "must be 480x640"),
        (b"P5 640 480 255\n", "maximum 255"),
        (b"P2 640 480 65535\n", "PGM header"),
        (b"P5 640 480\n", "PGM header|480x640"),
        (b"P5 99999 99999 65535\n", "480x640"),
    ],
)
def test_another_header_is_refused(tmp_path, header, match):
    path = write_pgm(tmp_path / "d-1.5-1.pgm", raw_picture(), header)
    is_refused(read_raw_depth, path, match=match)


def test_damaged_depth_files_are_refused(tmp_path):
    path = write_pgm(tmp_path / "d-1.5-1.pgm", raw_picture())
    refuses_damage(read_raw_depth, path)
    path.write_bytes(path.read_bytes() + b"\0")
    is_refused(read_raw_depth, path, match="614400 bytes must follow .* got 614401")


def test_depth_takes_the_colour_nearest_in_time(tmp_path):
    folder = touch(
        tmp_path / "attic_0001",
        *(f"d-{t}-9.pgm" for t in ("100.00", "100.10", "100.50", "99.5", "101.0")),
        *(f"r-{t}-8.ppm" for t in ("99.70", "100.04", "100.18", "100.25", "100.75")),
        "a-100.0-1.dump", "INDEX.txt", "d-100.0-1.ppm", "r-100.0-1.pgm", "d-x-1.pgm",
    )  # fmt: skip
    pairs = pair_by_time(folder)
    assert [(p.depth.name, p.color.name) for p in pairs] == [
        ("d-99.5-9.pgm", "r-99.70-8.ppm"),
        ("d-100.00-9.pgm", "r-100.04-8.ppm"),
        ("d-100.10-9.pgm", "r-100.04-8.ppm"),
        ("d-100.50-9.pgm", "r-100.75-8.ppm"),  # as far as 100.25, and later
        ("d-101.0-9.pgm", "r-100.75-8.ppm"),
    ]
    np.testing.assert_allclose([p.gap for p in pairs], [0.2, 0.04, 0.06, 0.25, 0.25], atol=1e-6)


def test_times_are_numbers_not_texts(tmp_path):
    folder = touch(tmp_path / "a", "d-1000.5-1.pgm", "d-999.5-1.pgm", "r-999.6-1.ppm",
                   "r-1000.6-1.ppm")  # fmt: skip
    assert [p.color.name for p in pair_by_time(folder)] == ["r-999.6-1.ppm", "r-1000.6-1.ppm"]


def test_the_faulty_file_is_left_out(tmp_path):
    folder = touch(tmp_path / "a", "r-1315166703.1-1.ppm", "d-1315166703.2-1.pgm", *FAULTY)
    assert [p.depth.name for p in pair_by_time(folder)] == ["d-1315166703.2-1.pgm"]


def test_a_recording_without_frames_is_refused(tmp_path):
    is_refused(pair_by_time, touch(tmp_path / "a", "r-1.5-1.ppm"), match="got 0 and 1")
    is_refused(pair_by_time, touch(tmp_path / "b", "d-1.5-1.pgm"), match="got 1 and 0")
    is_refused(pair_by_time, tmp_path / "missing", match="No such file")


def test_a_frame_is_undistorted_and_projected(tmp_path):
    folder = recording(tmp_path / "attic_0001b", ["10.01"], ["9.0", "10.0"])
    frame = read_raw_frame(pair_by_time(folder)[0])
    assert frame.name == "attic_0001b/d-10.01-0"
    assert frame.file == "attic_0001b/r-10.0-1.ppm"
    assert frame.scene == "attic_0001"
    assert frame.image[240, 320].tolist() == [1, 1, 1]
    assert frame.image[0, 0].tolist() == [255, 255, 255]
    assert frame.depth.shape == (480, 640)
    near, far = 351.3 / (1092.5 - 600), 351.3 / (1092.5 - 798)
    assert near < frame.depth[60, 60] < frame.depth[240, 60] < frame.depth[460, 580] < far
    assert frame.intrinsics.cx == pytest.approx(324.5824494)


def test_a_scenes_folders_become_frames(tmp_path):
    folders = [
        recording(tmp_path / f"attic_0001{letter}", ["1.0", "2.0"], ["1.0"]) for letter in "ab"
    ]
    frames = [read_raw_frame(pair) for pair in pair_scene(folders)]
    assert [frame.name for frame in frames] == [
        "attic_0001a/d-1.0-0", "attic_0001a/d-2.0-1", "attic_0001b/d-1.0-0", "attic_0001b/d-2.0-1"
    ]  # fmt: skip
    assert {frame.scene for frame in frames} == {"attic_0001"}
    assert all(frame.raw_depth is None for frame in frames)


def test_a_frame_may_have_no_depth(tmp_path):
    folder = recording(tmp_path / "attic_0001", ["1.0"], ["1.0"])
    (pair,) = pair_by_time(folder)
    write_pgm(pair.depth, np.full((480, 640), 2047))
    assert not read_raw_frame(pair).depth.any()


def test_a_damaged_pair_names_its_file(tmp_path):
    folder = recording(tmp_path / "a", ["1.0"], ["1.0"])
    (pair,) = pair_by_time(folder)
    refuses_damage(lambda _: read_raw_frame(pair), pair.color, flips=3)
    Image.fromarray(np.zeros((640, 480, 3), np.uint8)).save(pair.color)
    is_refused(lambda _: read_raw_frame(pair), pair.color, match="must be 480x640")


def test_recordings_of_scenes_are_found_at_two_depths(tmp_path):
    for name in ("study_0001", "study_0002b", "study_0002a", "basements/attic_0001", "x_0009"):
        touch(tmp_path / name, "d-1.0-1.pgm")
    found = find_recordings(tmp_path, ["study_0002", "attic_0001"])
    assert list(found) == ["study_0002", "attic_0001"]
    assert [p.name for p in found["study_0002"]] == ["study_0002a", "study_0002b"]
    assert found["attic_0001"] == [tmp_path / "basements" / "attic_0001"]
    with pytest.raises(DataError, match=r"3 scenes .* 2 have none: y_0001, y_0002") as caught:
        find_recordings(tmp_path, ["study_0001", "y_0001", "y_0002"])
    assert str(tmp_path) in str(caught.value)
    touch(tmp_path / "other" / "attic_0001")
    with pytest.raises(DataError, match="must be there once"):
        find_recordings(tmp_path, ["attic_0001"])
    with pytest.raises(DataError, match="No such file"):
        find_recordings(tmp_path / "missing", ["attic_0001"])


def test_a_budget_is_spread_evenly_over_scenes_and_time():
    chosen = sample_evenly({"long": 1000, "short": 3, "none": 0, "middle": 40}, 53)
    assert {scene: len(indices) for scene, indices in chosen.items()} == {
        "long": 25, "short": 3, "none": 0, "middle": 25}  # fmt: skip
    assert chosen["short"] == [0, 1, 2]
    assert set(np.diff(chosen["long"])) == {40}
    assert (chosen["long"][0], chosen["long"][-1]) == (20, 980)
    for indices in chosen.values():
        assert len(set(indices)) == len(indices)


def test_a_paper_sized_budget_is_met():
    rng = np.random.default_rng(0)
    frames = {f"s{i}": int(n) for i, n in enumerate(rng.integers(100, 4000, 249))}
    chosen = sample_evenly(frames, 120_000)
    shares = np.array([len(indices) for indices in chosen.values()])
    assert shares.sum() == 120_000
    limited = shares == np.array(list(frames.values()))
    assert np.ptp(shares[~limited]) <= 1
    assert shares[limited].max() <= shares[~limited].min()
    assert all(indices[-1] < frames[scene] for scene, indices in chosen.items() if indices)


def test_a_budget_beyond_all_frames_takes_all():
    assert sample_evenly({"a": 2, "b": 1}, 10) == {"a": [0, 1], "b": [0]}
    with pytest.raises(ValueError, match="positive"):
        sample_evenly({"a": 2}, 0)
