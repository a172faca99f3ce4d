"""Scores of many images under a protocol."""

import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxdepth.errors import DataError
from jaxdepth.evaluation import NYU_VALID_AREA, Placement, Protocol, Scorer, score
from jaxdepth.metrics import METRIC_NAMES, depth_metrics


def pairs(rng, count=3, size=(12, 16)):
    for i in range(count):
        target = rng.uniform(0.5, 12, size).astype(np.float32)
        yield f"{i}.png", (target * np.exp(rng.normal(0.1 * i, 0.2, size))).astype("f"), target


def reference(examples, protocol):
    """The protocol written out: select, clamp, then pool or average."""
    rows, columns = slice(2, 9), slice(3, 14)
    selected = []
    for _, prediction, target in examples:
        g = target[rows, columns].astype(np.float64)
        p = np.clip(prediction[rows, columns].astype(np.float64), 1e-3, 10)
        valid = (g > 1e-3) & (g < 10)
        selected.append((p[valid], g[valid]))
    if protocol.average == "images":
        each = [depth_metrics(p, g) for p, g in selected]
        return {name: np.mean([metrics[name] for metrics in each]) for name in METRIC_NAMES}
    return depth_metrics(*(np.concatenate([s[i] for s in selected]) for i in (0, 1)))


@pytest.mark.parametrize("average", ["pixels", "images"])
def test_scores_are_the_protocol_written_out(average):
    examples = list(pairs(np.random.default_rng(0)))
    protocol = Protocol(crop=(2, 9, 3, 14), average=average, max_depth=10)
    scores = score(iter(examples), protocol)
    expected = reference(examples, protocol)
    for name in METRIC_NAMES:
        np.testing.assert_allclose(scores.metrics[name], expected[name], rtol=1e-12, err_msg=name)
    inside = [target[2:9, 3:14] < 10 for _, _, target in examples]
    assert scores.pixels == np.sum(inside)
    assert (scores.images, scores.empty_images) == (3, 0)
    assert scores.placements == {Placement.CROPPED: 3}
    assert scores.protocol is protocol


def test_a_crop_that_is_off_by_one_scores_other_pixels():
    # The border of the region is wrong, its inside right: any pixel too many would show.
    target = np.full((12, 16), 2.0)
    prediction = np.full((12, 16), 4.0)
    prediction[2:9, 3:14] = 2.0
    examples = [("a.png", prediction, target)]
    assert score(examples, Protocol(crop=(2, 9, 3, 14))).metrics["abs_rel"] == 0
    for crop in ((1, 9, 3, 14), (2, 10, 3, 14), (2, 9, 2, 14), (2, 9, 3, 15)):
        assert score(examples, Protocol(crop=crop)).metrics["abs_rel"] > 0


def test_every_placement_is_counted():
    target = np.full((12, 16), 2.0)
    sizes = [(12, 16), (7, 11), (6, 8), (12, 16), (24, 32), (7, 11)]
    examples = [(f"{i}", np.full(size, 2.0), target) for i, size in enumerate(sizes)]
    scores = score(examples, Protocol(crop=(2, 9, 3, 14), resize=True))
    assert scores.placements == {
        Placement.CROPPED: 2,
        Placement.COVERS_CROP: 2,
        Placement.RESIZED_CROPPED: 2,
    }
    assert scores.metrics["delta1"] == 1
    assert scores.metrics["rmse"] == 0


def test_clamped_and_missing_pixels_are_counted_where_ground_truth_counts():
    target = np.full((1, 8), 5.0)
    target[0, 7] = 0
    prediction = np.array([[5, 1e-4, 11, 0, -1, np.nan, np.inf, np.nan]])
    scores = score([("a", prediction, target)], Protocol(max_depth=10))
    assert (scores.pixels, scores.clamped_pixels, scores.missing_pixels) == (7, 2, 4)
    assert scores.metrics["delta1"] == 1 / 7
    assert all(np.isfinite(value) for value in scores.metrics.values())


@pytest.mark.parametrize("average", ["pixels", "images"])
def test_images_without_valid_ground_truth_are_counted_and_left_out(average):
    examples = list(pairs(np.random.default_rng(1)))
    hole = ("hole.png", np.ones((12, 16)), np.zeros((12, 16)))
    scores = score([hole, *examples, hole], Protocol(average=average))
    assert (scores.images, scores.empty_images) == (3, 2)
    assert scores.metrics == score(examples, Protocol(average=average)).metrics


def test_each_image_has_its_own_scores():
    examples = list(pairs(np.random.default_rng(2)))
    scores = score([*examples, ("hole.png", *np.zeros((2, 4, 4)))], Protocol(average="images"))
    names = [image.name for image in scores.per_image]
    assert names == ["0.png", "1.png", "2.png", "hole.png"]
    assert sum(image.pixels for image in scores.per_image) == scores.pixels
    mean = np.mean([image.metrics["rmse"] for image in scores.per_image[:3]])
    np.testing.assert_allclose(scores.metrics["rmse"], mean, rtol=1e-12)
    assert np.isnan(scores.per_image[3].metrics["rmse"])


def test_arrays_of_jax_and_of_other_precisions_are_taken():
    target = np.full((4, 4), 2.0, np.float16)
    scores = score([("a", jnp.full((4, 4), 3.0), target)], Protocol())
    assert scores.metrics["abs_rel"] == 0.5


def test_scorers_share_one_pass():
    half, double = Scorer(Protocol()), Scorer(Protocol())
    for name, _, target in pairs(np.random.default_rng(3)):
        half.add(name, target / 2, target)
        double.add(name, target * 2, target)
    np.testing.assert_allclose(half.scores().metrics["abs_rel"], 0.5, rtol=1e-6)
    np.testing.assert_allclose(double.scores().metrics["abs_rel"], 1.0, rtol=1e-6)


def test_nothing_to_score_is_an_error():
    with pytest.raises(DataError, match="nothing to score"):
        score([], Protocol())


def test_no_valid_ground_truth_anywhere_is_an_error():
    examples = [("a.png", np.ones((4, 4)), np.full((4, 4), 2000.0))]
    with pytest.raises(DataError, match=r"a\.png.*--depth_scale"):
        score(examples, Protocol(max_depth=10))


def test_an_error_names_the_image():
    examples = [("fine.png", *np.ones((2, 4, 4))), ("bad.png", np.ones((2, 2)), np.ones((4, 4)))]
    with pytest.raises(DataError, match=r"bad\.png.*2x2.*4x4.*--resize"):
        score(examples, Protocol())


@pytest.mark.real_data
@pytest.mark.parametrize("average", ["pixels", "images"])
def test_scaled_ground_truth_of_nyu_has_known_scores(real_data, average):
    files = sorted((real_data / "nyu_filled" / "depth").glob("*.png"))
    targets = [np.asarray(Image.open(file)) / np.float32(1000) for file in files]
    protocol = Protocol(crop=NYU_VALID_AREA, average=average)
    scores = score([(f.name, 1.1 * t, t) for f, t in zip(files, targets, strict=True)], protocol)
    assert scores.images == 5
    assert scores.pixels == 5 * 427 * 561  # filled: every pixel counts
    np.testing.assert_allclose(scores.metrics["abs_rel"], 0.1, rtol=1e-5)
    np.testing.assert_allclose(scores.metrics["log10"], np.log10(1.1), rtol=1e-5)
    assert scores.metrics["silog"] < 1e-4
    assert scores.metrics["delta1"] == 1
    inside = np.stack([target[44:471, 40:601] for target in targets]).astype(np.float64)
    squares = np.mean((0.1 * inside) ** 2, axis=(1, 2))
    rmse = np.sqrt(squares.mean()) if average == "pixels" else np.sqrt(squares).mean()
    np.testing.assert_allclose(scores.metrics["rmse"], rmse, rtol=1e-5)


def test_after_an_error_there_are_no_scores_that_lack_an_image():
    scorer, bad = Scorer(Protocol()), 1
    examples = list(pairs(np.random.default_rng(0), 60))
    examples[bad] = ("bad.png", np.ones((2, 2)), examples[bad][2])

    def add_all():
        for example in examples:
            scorer.add(*example)

    with pytest.raises(DataError, match=r"bad\.png"):
        add_all()
    for again in (scorer.scores, lambda: scorer.images, lambda: scorer.add(*examples[0])):
        with pytest.raises(DataError, match=r"bad\.png"):
            again()


def test_many_images_keep_their_order():
    examples = list(pairs(np.random.default_rng(0), 150))
    names = [image.name for image in score(examples, Protocol()).per_image]
    assert names == [name for name, *_ in examples]
