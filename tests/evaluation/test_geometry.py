"""The scores of edges, planes and points, and their columns."""

import numpy as np
import pytest

from jaxdepth.data.rooms import render_scene, scene_planes
from jaxdepth.evaluation import (
    GEOMETRY_COLUMNS,
    Camera,
    Protocol,
    Scorer,
    compare_image,
    footer_lines,
    format_table,
)
from jaxdepth.metrics import (
    boundary_errors,
    cloud_scores,
    depth_metrics,
    near_edges,
    planarity_errors,
)
from jaxdepth.ops import unproject

SIZE = {"height": 24, "width": 32}


@pytest.fixture(scope="module")
def room():
    """Depth, a prediction of it, and its camera."""
    depth = render_scene(0, "test", 2, **SIZE)
    planes = scene_planes(0, "test", 2, **SIZE)
    camera = Camera(depth["intrinsics"].tolist(), planes.labels, planes.normals)
    target = depth["depth"].astype(np.float64)
    noise = np.random.default_rng(0).uniform(0.9, 1.05, target.shape)
    return target * noise, target, camera


def scored(protocol, *images):
    scorer = Scorer(protocol, geometry=True)
    for *image, camera in images:
        scorer.add("a", *image, camera=camera)
    return scorer.scores()


def test_they_are_the_metrics_of_the_region_with_the_camera_of_the_region(room):
    prediction, target, camera = room
    crop = np.s_[4:22, 3:30]
    protocol = Protocol(crop=(4, 22, 3, 30))
    scores = scored(protocol, room)
    compared = compare_image(protocol, prediction, target, name="a")
    p, g = prediction[crop], target[crop]
    np.testing.assert_array_equal(compared.prediction, p)
    np.testing.assert_array_equal(compared.target, g)

    near = near_edges(target)[crop]
    assert 0 < near.mean() < 1
    expected = {"away_mae": depth_metrics(p, g, ~near)["mae"]}
    edges = near_edges(target, distance=0.5)[crop]
    expected["dbe_acc"], expected["dbe_comp"] = boundary_errors(p, edges)
    clouds = [np.asarray(unproject(z, camera.intrinsics))[crop].reshape(-1, 3)
              for z in (prediction, target)]  # fmt: skip
    points = cloud_scores(*clouds)
    expected["chamfer"] = points.chamfer
    expected |= {"f_5cm": points.f_scores[0.05].f, "f_10cm": points.f_scores[0.1].f}
    fx, fy, cx, cy = camera.intrinsics
    errors = np.array(
        [
            planarity_errors(
                p, g, camera.labels[crop] == i + 1, n, np.array([fx, fy, cx - 3, cy - 4])
            )
            for i, n in enumerate(camera.normals)
        ]
    )
    errors = errors[np.isfinite(errors[:, 0])]
    assert 2 <= len(errors) == scores.geometry.planes
    expected["pe_plan"], expected["pe_ori"] = errors.mean(axis=0)
    assert expected.keys() == GEOMETRY_COLUMNS.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(scores.metrics[name], value, rtol=1e-4, err_msg=name)
    for name in GEOMETRY_COLUMNS:  # of one image, the average is that image's
        np.testing.assert_allclose(scores.per_image[0].metrics[name], scores.metrics[name])


def test_the_truth_itself_is_perfect(room):
    _, target, camera = room
    metrics = scored(Protocol(), (target, target, camera)).metrics
    assert metrics["away_mae"] == metrics["chamfer"] == 0
    assert metrics["f_5cm"] == metrics["f_10cm"] == 1
    assert metrics["pe_plan"] < 1e-4
    assert metrics["pe_ori"] < 0.01


def test_resizing_the_truth_moves_its_camera(room):
    _, target, camera = room
    smaller = target[1::2, 1::2]  # what `truth_size` picks, whose rays these are
    metrics = scored(Protocol(truth_size=(12, 16)), (smaller, target, camera)).metrics
    assert metrics["pe_ori"] < 2.5  # the picked pixel's centre is half a pixel away
    wrong = camera._replace(intrinsics=[2 * x for x in camera.intrinsics])
    assert scored(Protocol(truth_size=(12, 16)), (smaller, target, wrong)).metrics["pe_ori"] > 10


def test_what_is_not_known_has_no_column(room):
    prediction, target, camera = room
    scores = scored(Protocol(), (prediction, target, None))
    assert set(scores.metrics) & set(GEOMETRY_COLUMNS) == {"away_mae", "dbe_acc", "dbe_comp"}
    without_planes = camera._replace(labels=None, normals=None)
    scores = scored(Protocol(), (prediction, target, without_planes))
    assert not {"pe_plan", "pe_ori"} & scores.metrics.keys()
    text = format_table([("", scores.metrics)], geometry=True, footer=footer_lines(scores))
    heading, _, *footer = text.splitlines()
    assert heading.endswith("away MAE  DBE acc  DBE comp  chamfer  F 5 cm  F 10 cm")
    assert any(
        line.startswith("points: chamfer distance in metres, mean over 1 im") for line in footer
    )
    assert not any(line.startswith("planes") for line in footer)
    assert "DBE" not in format_table([("", scores.metrics)])


def test_images_without_edges_are_in_no_mean(room):
    flat = np.full((24, 32), 2.0)
    scores = scored(Protocol(), (flat, flat, None), room)
    of_flat, of_room = scores.per_image
    assert scores.geometry.edge_images == 1
    assert scores.metrics["dbe_acc"] == of_room.metrics["dbe_acc"]
    assert np.isnan(of_flat.metrics["dbe_acc"])
    assert scores.geometry.cloud_images == 1
