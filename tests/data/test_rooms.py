"""The embedded rooms dataset: geometry against closed forms, determinism, and the round trip."""

import itertools
import math
import os
import random
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from jaxdepth.data.rooms import RoomsConfig, builder, prepare_rooms, render_scene, textures
from jaxdepth.data.rooms.generate import scene_seed
from jaxdepth.data.rooms.layout import sample_scene
from jaxdepth.data.rooms.renderer import render
from jaxdepth.data.rooms.scene import FIRST_FACE as FIRST_FACE_ROW
from jaxdepth.data.rooms.scene import FLOOR, Material, Piece, SceneBuilder, camera_matrix
from jaxdepth.data.rooms.sensor import (
    EDGE_RATIO,
    KINECT_BASELINE,
    KINECT_FOCAL,
    KINECT_RANGE,
    KINECT_STEPS,
    kinect_depth,
)
from jaxdepth.errors import DataError

H, W = 24, 32
SIZE = {"height": H, "width": W}
FOCAL = 26.0
GREY = Material(textures.PLAIN, (0.5, 0.5, 0.5))
EYE = (2.0, 2.0, 1.5)


def analytic(piece=None, *, at=(0.0, 0.0, 0.0), turn=0.0, eye=EYE, yaw=0.0, pitch=0.0, roll=0.0):
    """Depth, surface index and rays `[H, W, 3]` (camera axes, z = 1) of a room of 8 × 4 × 3 m."""
    camera = camera_matrix(eye, yaw=yaw, pitch=pitch, roll=roll)
    scene = SceneBuilder((8.0, 4.0, 3.0), camera, 1.5)
    if piece is not None:
        scene.place(piece, at[0], at[1], z=at[2], yaw=turn)
    intrinsics = (FOCAL, FOCAL * 1.01, 15.2, 11.7)
    packed = scene.build(
        faces=[GREY] * 6,
        lights=[(4, 2, 2.5, 1, 1, 1, 0.1)],
        ambient=(0.5, 0.5, 0.5),
        intrinsics=intrinsics,
    )
    radiance, depth, index = render(packed, **SIZE)
    assert radiance.shape == (H, W, 3)
    assert np.isfinite(radiance).all()
    fx, fy, cx, cy = intrinsics
    x, y = np.meshgrid(np.arange(W), np.arange(H))
    rays = np.stack([(x - cx) / fx, (y - cy) / fy, np.ones_like(x, float)], -1)
    return depth, index, rays


def test_a_wall_straight_ahead_has_one_depth_not_one_ray_length():
    depth, index, _ = analytic()
    wall = index == FIRST_FACE_ROW + 1
    assert wall.sum() > 100
    np.testing.assert_allclose(depth[wall], 6.0, rtol=1e-5)


@pytest.mark.parametrize(
    ("pitch", "roll", "yaw"), [(-20, 0, 0), (-30, 5, 40), (-12, -4, 200), (8, 3, 10)]
)
def test_back_projected_floor_lies_at_camera_height(pitch, roll, yaw):
    pitch, roll, yaw = (math.radians(angle) for angle in (pitch, roll, yaw))
    depth, index, rays = analytic(pitch=pitch, roll=roll, yaw=yaw)
    floor = index == FIRST_FACE_ROW + FLOOR
    assert floor.any()
    points = (rays * depth[..., None])[floor]
    # World "down" in the camera's axes (x right, y down, z forward), from the angles alone.
    down = np.array([np.sin(roll) * np.cos(pitch), np.cos(roll) * np.cos(pitch), -np.sin(pitch)])
    np.testing.assert_allclose(points @ down, EYE[2], rtol=1e-4)


def test_sphere_depth():
    piece = Piece(1.0, 1.0, 1.0)
    piece.sphere((0, 0, 0), 0.5, GREY)
    depth, index, rays = analytic(piece, at=(5.0, 2.0, 1.5))
    # |t·ray - (0, 0, 3)| = 0.5
    a = (rays**2).sum(-1)
    inside = 9 - a * (9 - 0.25)
    met = inside > 1e-3
    assert met.sum() > 20
    expected = (3 - np.sqrt(np.maximum(inside, 0))) / a
    np.testing.assert_allclose(depth[met], expected[met], rtol=1e-4)
    assert (index[inside < -1e-3] >= FIRST_FACE_ROW).all()


@pytest.mark.parametrize("turn", [0.0, math.pi / 2, math.pi / 6])
def test_box_depth(turn):
    size = (0.8, 1.2, 1.0)
    piece = Piece(*size)
    piece.box((0, 0, 0), size, GREY)
    depth, index, rays = analytic(piece, at=(4.0, 2.0, 1.5), turn=turn)
    # Camera z, x, y are the world's x, -y, -z; the box's centre is 2 m ahead.
    c, s = math.cos(turn), math.sin(turn)
    world = np.stack([rays[..., 2], -rays[..., 0], -rays[..., 1]], -1)
    axes = np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])
    d, p = world @ axes.T, axes @ np.array([-2.0, 0, 0])
    with np.errstate(divide="ignore"):
        planes = np.stack([(sign * np.array(size) / 2 - p) / d for sign in (-1, 1)])
    near, far = planes.min(0).max(-1), planes.max(0).min(-1)
    met = near < far - 1e-3
    assert met.sum() > 100
    np.testing.assert_allclose(depth[met], near[met], rtol=1e-4)
    assert (index[near > far + 1e-3] >= FIRST_FACE_ROW).all()
    if turn == 0.0:
        np.testing.assert_allclose(depth[met], 1.6, rtol=1e-5)


def test_cylinder_depth():
    piece = Piece(1.0, 1.0, 1.0)
    piece.cylinder((0, 0, 0.5), 0.4, 1.0, GREY)
    # From above, so that its top is seen.
    pitch = math.radians(-30)
    depth, index, rays = analytic(piece, at=(4.0, 2.0, 0.0), pitch=pitch)
    met = index < FIRST_FACE_ROW
    _, right, down, forward = camera_matrix(EYE, yaw=0, pitch=pitch, roll=0).astype(float)
    points = EYE + depth[..., None] * (rays @ np.stack([right, down, forward]))
    across = np.hypot(points[..., 0] - 4, points[..., 1] - 2)[met]
    height = points[..., 2][met]
    on_top = np.abs(height - 1.0) < 1e-4
    assert on_top.sum() > 5
    assert (~on_top).sum() > 20
    assert (across[on_top] < 0.4001).all()
    np.testing.assert_allclose(across[~on_top], 0.4, atol=1e-3)
    assert (points[..., 0][met][~on_top] < 4.0).all()  # the near side


def test_the_same_room_at_another_size():
    small = sample_scene(random.Random(4), height=H, width=W)
    large = sample_scene(random.Random(4), height=10 * H, width=10 * W)
    for name in small._fields:
        if name != "intrinsics":
            np.testing.assert_array_equal(getattr(small, name), getattr(large, name), err_msg=name)
    np.testing.assert_allclose(10 * small.intrinsics[:2], large.intrinsics[:2], rtol=1e-6)
    # The principal point is the same place once the half pixel outside the centres is added.
    np.testing.assert_allclose(
        10 * (small.intrinsics[2:] + 0.5), large.intrinsics[2:] + 0.5, rtol=1e-5
    )


def test_deterministic_and_independent_of_what_was_rendered_before():
    first = [render_scene(3, "train", i, **SIZE) for i in range(3)]
    for i in (2, 0, 1):
        again = render_scene(3, "train", i, **SIZE)
        for name, array in first[i].items():
            np.testing.assert_array_equal(array, again[name], err_msg=name)


def test_every_scene_has_a_seed_of_its_own():
    states = {
        tuple(scene_seed(seed, split, index).generate_state(4))
        for seed, split, index in itertools.product(
            range(3), ("train", "validation", "test"), range(500)
        )
    }
    assert len(states) == 3 * 3 * 500
    images = [
        render_scene(seed, split, 0, **SIZE)["depth"]
        for seed, split in itertools.product((0, 1), ("train", "validation", "test"))
    ]
    assert len({image.tobytes() for image in images}) == 6


def test_ranges_and_types():
    for index in range(12):
        scene = render_scene(0, "validation", index, **SIZE)
        depth, measured = scene["depth"], scene["depth_kinect"]
        assert scene["image"].dtype == np.uint8
        assert scene["image"].shape == (H, W, 3)
        assert depth.dtype == measured.dtype == scene["intrinsics"].dtype == np.float32
        assert np.isfinite(depth).all()
        assert depth.min() > 0.15
        assert depth.max() < 12
        assert 40 < scene["image"].mean() < 215
        assert (measured >= 0).all()
        seen = measured > 0
        assert 0.4 < seen.mean() <= 1
        np.testing.assert_allclose(measured[seen], depth[seen], rtol=0.12)
        fx, fy, cx, cy = scene["intrinsics"]
        assert 0.78 * W < fx < 0.84 * W
        assert abs(fy / fx - 1) < 0.01
        assert abs(cx - (W - 1) / 2) < 0.02 * W
        assert abs(cy - (H - 1) / 2) < 0.02 * H


@pytest.mark.parametrize(
    "arguments",
    [
        {"seed": -1, "index": 0, **SIZE},
        {"seed": 0, "index": -1, **SIZE},
        {"seed": 0, "index": 0, "height": 4, "width": 32},
    ],
)
def test_render_scene_refuses(arguments):
    with pytest.raises(DataError, match="must be at least"):
        render_scene(split="train", **arguments)


def test_kinect_steps_grow_with_depth_squared():
    depth = np.tile(np.linspace(0.6, 7.9, 20000), (3, 1))
    measured = kinect_depth(depth, focal=10.0)
    levels = np.unique(measured)
    assert (levels > 0).all()
    step, middle = np.diff(levels), (levels[1:] + levels[:-1]) / 2
    constant = 1 / (KINECT_STEPS * KINECT_FOCAL * KINECT_BASELINE)
    np.testing.assert_allclose(step / middle**2, constant, rtol=0.01)
    assert np.abs(measured - depth).max() <= 0.51 * constant * 7.95**2


def test_kinect_holes_are_where_they_should_be():
    depth = np.full((20, 40), 3.0)
    depth[:, 20:] = 1.5
    depth[0, :5], depth[19, :5] = 0.4, 9.0
    focal = 60.0
    hole = kinect_depth(depth, focal=focal) == 0
    shadow = int(focal * KINECT_BASELINE * (1 / 1.5 - 1 / 3.0) + 1e-6)
    assert shadow >= 1
    np.testing.assert_array_equal(np.flatnonzero(hole[10]), np.arange(20 - max(shadow, 1), 20))
    assert hole[0, :5].all()  # too near
    assert hole[19, :5].all()  # too far
    assert not hole[3:, 20:].any()
    assert KINECT_RANGE == (0.5, 8.0)


def test_kinect_has_no_hole_on_a_slanted_plane():
    depth = np.tile(np.linspace(1.0, 3.0, 100), (10, 1))
    assert (depth[:, 1:] / depth[:, :-1]).max() < EDGE_RATIO
    assert (kinect_depth(depth, focal=80.0) > 0).all()


TINY = {"num_train": 3, "num_validation": 2, "num_test": 1, **SIZE}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    config = RoomsConfig(name="tiny", seed=5, **TINY)
    return folder, config, prepare_rooms(config, data_dir=folder, progress=False)


def test_round_trip_through_array_record(prepared):
    _, config, dataset = prepared
    assert dataset.data_path.name == str(dataset.version)
    for split, count in config.counts.items():
        source = dataset.as_data_source(split=split)
        assert len(source) == count
        for index in range(count):
            example = source[index]
            assert example["scene"] == f"{split}/{index:06d}".encode()
            expected = render_scene(5, split, index, **SIZE)
            for name, array in expected.items():
                assert example[name].dtype == array.dtype
                np.testing.assert_array_equal(example[name], array, err_msg=name)


def test_prepared_data_is_reused(prepared, monkeypatch, capfd):
    folder, config, _ = prepared
    monkeypatch.setattr(builder, "render_scene", None)
    again = prepare_rooms(config, data_dir=folder)
    assert len(again.as_data_source(split="train")) == 3
    assert capfd.readouterr() == ("", "")


def test_a_name_stands_for_one_set_of_parameters(prepared):
    folder, _, _ = prepared
    with pytest.raises(DataError, match="another name"):
        prepare_rooms(RoomsConfig(name="tiny", seed=6, **TINY), data_dir=folder)
    with pytest.raises(DataError, match="built-in"):
        prepare_rooms(RoomsConfig(name="96x128", **TINY), data_dir=folder)
    with pytest.raises(DataError, match="96x128_20k"):
        prepare_rooms("no such config", data_dir=folder)
    with pytest.raises(DataError, match="num_test"):
        prepare_rooms(RoomsConfig(name="none", **{**TINY, "num_test": 0}), data_dir=folder)


def test_other_counts_share_scenes(prepared, tmp_path):
    _, _, first = prepared
    config = RoomsConfig(name="other", seed=5, **{**TINY, "num_train": 5})
    second = prepare_rooms(config, data_dir=tmp_path, progress=False)
    for split in ("train", "validation", "test"):
        a, b = first.as_data_source(split=split), second.as_data_source(split=split)
        for index in range(len(a)):
            np.testing.assert_array_equal(a[index]["depth"], b[index]["depth"])
            np.testing.assert_array_equal(a[index]["image"], b[index]["image"])


def test_built_in_configs_share_validation_and_test():
    configs = {config.name: config.parameters() for config in builder.Rooms.BUILDER_CONFIGS}
    small, large = configs["96x128"], configs["96x128_20k"]
    assert small.pop("num_train") == 2000
    assert large.pop("num_train") == 20_000
    assert small == large
    assert (configs["240x320"]["height"], configs["240x320"]["width"]) == (240, 320)


def test_an_interrupted_run_leaves_nothing_to_be_taken_for_complete(tmp_path, monkeypatch):
    config = RoomsConfig(name="tiny", seed=5, **TINY)

    def interrupted(seed, split, index, **size):
        if split == "validation":
            raise KeyboardInterrupt
        return render_scene(seed, split, index, **size)

    with monkeypatch.context() as patch:
        patch.setattr(builder, "render_scene", interrupted)
        with pytest.raises(KeyboardInterrupt):
            prepare_rooms(config, data_dir=tmp_path, progress=False)
    assert not list(tmp_path.rglob("*.array_record*"))
    dataset = prepare_rooms(config, data_dir=tmp_path, progress=False)
    assert len(dataset.as_data_source(split="test")) == 1


def test_needs_no_tensorflow_no_network_and_gives_no_warning(tmp_path):
    code = """
        import socket, sys

        def refuse(*arguments, **keywords):
            raise AssertionError("network")

        socket.socket.connect = refuse
        socket.getaddrinfo = refuse
        from jaxdepth.data.rooms import RoomsConfig, prepare_rooms

        config = RoomsConfig(
            name="tiny", height=8, width=12, num_train=1, num_validation=1, num_test=1
        )
        source = prepare_rooms(config, data_dir=sys.argv[1]).as_data_source(split="test")
        assert source[0]["image"].shape == (8, 12, 3)
        assert "tensorflow" not in sys.modules
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code), str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "JAX_PLATFORMS": "cpu"},
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "3/3" in done.stderr
    assert "arning" not in done.stderr
