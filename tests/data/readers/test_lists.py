"""Lists of frames and scenes."""

import pytest

from jaxdepth.data.readers.lists import (
    ListedFrame,
    read_frame_list,
    read_scene_list,
    scene_of_folder,
)
from tests.data.readers.fuzz import is_refused, refuses_damage


def write(path, *lines):
    path.write_text("\n".join(lines), newline="")
    return path


def test_both_forms_of_paths_and_missing_ground_truth(tmp_path):
    path = write(
        tmp_path / "list.txt",
        "/kitchen_0028b/rgb_00045.jpg /kitchen_0028b/sync_depth_00045.png 518.8579\r",
        "",
        "a/b/1.png None 721.5377",
    )
    assert read_frame_list(path) == [
        ListedFrame("kitchen_0028b/rgb_00045.jpg", "kitchen_0028b/sync_depth_00045.png", 518.8579),
        ListedFrame("a/b/1.png", None, 721.5377),
    ]
    is_refused(lambda p: read_frame_list(p, count=3), path, "must list 3 and lists 2")


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("a.jpg b.png", "line 2: a line must be `image depth focal-length`"),
        ("a.jpg b.png 1 2", "line 2"),
        ("a.jpg b.png f", "line 2"),
        ("a.jpg b.png nan", "positive"),
        ("a.jpg b.png -5", "positive"),
        ("../a.jpg b.png 5", "below the dataset's folder"),
        ("a.jpg /../../b.png 5", "below the dataset's folder"),
        ("/ b.png 5", "below the dataset's folder"),
        ("x.jpg y.png 5", "lines 1 and 2: each image may be listed once"),
    ],
)
def test_a_wrong_line_is_named(tmp_path, line, match):
    is_refused(read_frame_list, write(tmp_path / "list.txt", "x.jpg y.png 5", line), match)


def test_scenes_are_read_in_order(tmp_path):
    path = write(tmp_path / "scenes.txt", "study_0002", "attic_0001", "")
    assert read_scene_list(path, count=2) == ["study_0002", "attic_0001"]
    is_refused(lambda p: read_scene_list(p, count=249), path, "must list 249 and lists 2")


@pytest.mark.parametrize("line", ["a b", "a/b", "..", ".", "/", "study_0001"])
def test_a_wrong_scene_is_named(tmp_path, line):
    is_refused(read_scene_list, write(tmp_path / "scenes.txt", "study_0001", line), "2")


def test_a_recordings_letter_is_no_part_of_its_scene():
    folders = ["kitchen_0028b", "kitchen_0028", "bathroom", "study_room_0005a", "b", ""]
    assert [scene_of_folder(folder) for folder in folders] == [
        "kitchen_0028", "kitchen_0028", "bathroom", "study_room_0005", "b", ""]  # fmt: skip


def test_damaged_lists_are_refused(tmp_path):
    path = write(tmp_path / "list.txt", *(f"a/{i}.jpg b/{i}.png 5.5" for i in range(100)))
    cuts = (0.0, 0.01, 0.1, 0.5, 0.9)
    refuses_damage(lambda p: read_frame_list(p, count=100), path, cuts=cuts, flips=60)
    scenes = write(tmp_path / "scenes.txt", *(f"attic_{i:04d}" for i in range(100)))
    refuses_damage(lambda p: read_scene_list(p, count=100), scenes, cuts=cuts, flips=60)
    for read, file in ((read_frame_list, path), (read_scene_list, scenes)):
        file.write_bytes(file.read_bytes().decode().encode("utf-16"))
        is_refused(read, file)


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "count", "with_depth"),
    [
        ("nyudepthv2_train_files_with_gt.txt", 24231, 24231),
        ("nyudepthv2_test_files_with_gt.txt", 654, 654),
        ("eigen_train_files_with_gt.txt", 23158, 23158),
        ("eigen_test_files_with_gt.txt", 697, 652),
    ],
)
def test_published_lists_have_their_counts(real_data, name, count, with_depth):
    frames = read_frame_list(real_data / "lists" / name, count=count)
    assert len(frames) == count
    assert sum(frame.depth is not None for frame in frames) == with_depth
    lines = (real_data / "lists" / name).read_text().split("\n")
    assert [f"{f.image} {f.depth}" for f in frames] == [
        " ".join(part.lstrip("/") for part in line.split()[:2]) for line in lines if line
    ]


@pytest.mark.real_data
def test_nyus_training_frames_are_of_the_249_scenes(real_data):
    scenes = read_scene_list(real_data / "lists" / "nyu_train_scenes_249.txt", count=249)
    frames = read_frame_list(real_data / "lists" / "nyudepthv2_train_files_with_gt.txt")
    found = {scene_of_folder(frame.image.split("/")[0]) for frame in frames}
    assert found == set(scenes)
    assert {frame.focal for frame in frames} == {518.8579}


@pytest.mark.real_data
def test_the_eigen_split_has_28_test_drives(real_data):
    frames = read_frame_list(real_data / "lists" / "eigen_test_files_with_gt.txt")
    assert len({frame.image.split("/")[1] for frame in frames}) == 28
    assert {frame.focal for frame in frames} <= {721.5377, 707.0493, 718.3351, 707.0912, 718.856}
