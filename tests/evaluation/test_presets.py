"""Every preset gives the numbers of the code or paper that it is named after."""

from functools import partial

import numpy as np
import pytest

from jaxdepth.errors import ConfigError, DataError
from jaxdepth.evaluation import (
    NYU_VALID_AREA,
    PRESETS,
    Placement,
    fitting_presets,
    parse_protocols,
    score,
)
from jaxdepth.ops import cross_bilateral_fill
from tests.evaluation import transcriptions as t

NYU, MAKE3D, DIML = (480, 640), (55, 305), (288, 512)
KITTI = ((375, 1242), (370, 1226), (376, 1241))


def truths(rng, sizes, *, far, holes):
    """Depth between 0.3 m and beyond the range, half of it near; with zeros, NaN and infinity."""
    for i, size in enumerate(sizes):
        g = rng.uniform(0.3, far * (1 + i) / 2, size)
        if holes:
            g[rng.random(size) < holes] = 0
            g[rng.random(size) < 0.01] = np.nan
            g[rng.random(size) < 0.01] = np.inf
            g[rng.random(size) < 0.01] = -1
        yield g


def network_output(rng, sizes, *, far):
    """Smooth depth that leaves the range on both sides."""
    for size in sizes:
        coarse = np.exp(rng.uniform(np.log(far / 200), np.log(1.5 * far), (7, 9)))
        coarse[0, 0], coarse[-1, -1] = 1e-5, 3 * far
        yield t.bilinear(coarse, size)


def check(name, predictions, ground_truths, expected):
    scored = score(zip("abc", predictions, ground_truths, strict=False), PRESETS[name])
    assert expected
    for metric, value in expected.items():
        np.testing.assert_allclose(scored.metrics[metric], value, rtol=1e-6, err_msg=metric)
    return scored


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize("name", ["nyu/kim2018", "nyu/li2017", "nyu/bts"])
def test_nyu_of_the_frames_size(rng, name):
    g = list(truths(rng, [NYU] * 3, far=8, holes=0.3))
    p = [
        np.abs(x) * np.exp(rng.normal(0.1, 0.4, NYU)) for x in network_output(rng, [NYU] * 3, far=8)
    ]
    for x, hole in zip(p, (0.0, np.inf, np.nan), strict=True):
        x[rng.random(NYU) < 0.02] = hole
    code = t.nyu_bts if name == "nyu/bts" else t.nyu_papers
    scored = check(name, p, g, code(p, g))
    assert scored.clamped_pixels
    assert scored.missing_pixels


@pytest.mark.parametrize("name", ["nyu/kim2018", "nyu/li2017", "nyu/bts", "nyu/adabins"])
def test_nyu_of_the_valid_areas_size_lies_where_it_belongs(rng, name):
    g = list(truths(rng, [NYU] * 2, far=8, holes=0.3))
    p = list(network_output(rng, [NYU] * 2, far=8))
    code = t.nyu_papers if name in ("nyu/kim2018", "nyu/li2017") else t.nyu_bts
    check(name, [x[t.VALID_AREA] for x in p], g, code(p, g))


def test_nyu_kim2018_of_the_networks_size(rng):
    g = list(truths(rng, [NYU] * 2, far=8, holes=0))
    p = list(network_output(rng, [(256, 320)] * 2, far=8))
    check("nyu/kim2018", p, g, t.nyu_papers(p, g))


def test_nyu_li2017_of_the_networks_size(rng):
    (g,) = truths(rng, [NYU], far=8, holes=0)
    (p,) = network_output(rng, [(111, 150)], far=8)
    image = rng.integers(0, 256, (*NYU, 3), dtype=np.uint8)
    placed = np.zeros(NYU)
    placed[18:462, 20:620] = t.bilinear(p, (444, 600))
    filled = np.asarray(
        cross_bilateral_fill(placed.astype(np.float32), image.astype(np.float32) / 255)
    )
    full = np.where(placed > 0, placed, filled)
    scored = score([("a", p, g, image)], PRESETS["nyu/li2017"])
    for metric, value in t.nyu_papers([full], [g]).items():
        np.testing.assert_allclose(scored.metrics[metric], value, rtol=1e-6)
    with pytest.raises(DataError, match=r"b\.png.*cross-bilateral.*480x640x3.*image="):
        score([("b.png", p, g)], PRESETS["nyu/li2017"])


@pytest.mark.parametrize("size", [(128, 160), NYU, (427, 561)])
def test_nyu_laina2016(rng, size):
    g = list(truths(rng, [NYU] * 2, far=14, holes=0))
    p = list(network_output(rng, [size] * 2, far=8))
    scored = check("nyu/laina2016", p, g, t.nyu_laina(p, g))
    assert scored.pixels == 2 * 480 * 640
    assert scored.clamped_pixels == 0


def mirrored_outputs(rng, size, count, *, far, low):
    """Pairs as networks give them, and the mean that is saved: each is clamped, then averaged."""
    outputs = [tuple(network_output(rng, [size] * 2, far=far)) for _ in range(count)]
    return outputs, [(np.clip(a, low, far) + np.clip(b[:, ::-1], low, far)) / 2 for a, b in outputs]


def test_nyu_adabins(rng):
    g = list(truths(rng, [NYU] * 2, far=12, holes=0.3))
    outputs, p = mirrored_outputs(rng, (240, 320), 2, far=10, low=1e-3)
    check("nyu/adabins", p, g, t.nyu_adabins(outputs, g))


def test_nyu_adabins_clamps_before_it_resizes(rng):
    g = list(truths(rng, [NYU], far=12, holes=0))
    (p,) = network_output(rng, [(240, 320)], far=20)
    check("nyu/adabins", [p], g, t.nyu_adabins([(p, p[:, ::-1])], g))


def test_nyu_densedepth(rng):
    g = list(truths(rng, [NYU] * 2, far=9, holes=0))
    outputs, p = mirrored_outputs(rng, (240, 320), 2, far=10, low=0.1)
    scored = check("nyu/densedepth", p, g, t.nyu_densedepth(outputs, g))
    g, p = 2 * np.ones(NYU), 4 * np.ones(NYU)
    scored = score([("a", p, g)], PRESETS["nyu/densedepth"])
    assert scored.metrics["abs_rel"] == 0.5  # divided by the prediction; by the truth it is 1


@pytest.mark.parametrize("size", [MAKE3D, (192, 256)])
@pytest.mark.parametrize(
    ("name", "code"), [("make3d/kim2018-c1", t.make3d_c1), ("make3d/kim2018-c2", t.make3d_c2)]
)
def test_make3d_papers(rng, name, code, size):
    g = [np.where(np.isfinite(x), x, 0) for x in truths(rng, [MAKE3D] * 3, far=60, holes=0.2)]
    p = list(network_output(rng, [size] * 3, far=80))
    scored = check(name, p, g, code(p, g))
    positive = sum(np.sum((x > 1e-3) & ((x < 70) | (name[-1] == "2"))) for x in g)
    assert scored.pixels == positive


def test_make3d_laina2016(rng):
    g = [np.where(np.isfinite(x), x, 0) for x in truths(rng, [MAKE3D] * 3, far=60, holes=0.2)]
    p = list(network_output(rng, [(128, 96)] * 3, far=80))
    check("make3d/laina2016", p, g, t.make3d_laina(p, g))


def test_make3d_monodepth2(rng):
    g = [np.where(np.isfinite(x), x, 0) for x in truths(rng, [MAKE3D] * 3, far=60, holes=0.2)]
    p = list(network_output(rng, [(192, 640)] * 3, far=3))
    scored = check("make3d/monodepth2", p, g, t.make3d_monodepth2(p, g))
    assert scored.placements == {Placement.RESIZED_AS_STATED: 3}


def kitti_truths(rng):
    return [np.nan_to_num(x, posinf=0) for x in truths(rng, KITTI, far=70, holes=0.8)]


def test_kitti_kim2018(rng):
    g = kitti_truths(rng)
    p = list(network_output(rng, [(192, 512)] * 3, far=80))
    check("kitti/kim2018", p, g, t.kitti_kim(p, g))


@pytest.mark.parametrize("crop", ["garg", "eigen"])
@pytest.mark.parametrize(("high", "low"), [(80, 1e-3), (50, 1)])
def test_kitti_monodepth(rng, crop, high, low):
    g = kitti_truths(rng)
    d = [1 / x for x in network_output(rng, [(256, 512)] * 3, far=80)]
    fractions = {"garg": t.GARG, "eigen": t.EIGEN}[crop]
    code = partial(t.kitti_monodepth, fractions=fractions, low=low, high=high)
    check(f"kitti/{crop}{high}", [1 / x for x in d], g, code(d, g))


def test_kitti_monodepth2(rng):
    g = kitti_truths(rng)
    d = [1 / x for x in network_output(rng, [(192, 640)] * 3, far=4)]
    check("kitti/monodepth2", [1 / x for x in d], g, t.kitti_monodepth2(d, g))


def test_kitti_bts_puts_the_benchmarks_size_back(rng):
    g = kitti_truths(rng)
    p = list(network_output(rng, [(352, 1216)] * 3, far=80))
    p[0][rng.random(p[0].shape) < 0.02] = 0
    check("kitti/bts", p, g, t.kitti_bts(p, g))


def test_kitti_adabins_takes_fractions_of_the_benchmarks_size(rng):
    g = kitti_truths(rng)
    outputs, p = mirrored_outputs(rng, (176, 608), 3, far=80, low=1e-3)
    expected = t.kitti_adabins(outputs, g)
    check("kitti/adabins", p, g, expected)
    assert not np.isclose(
        expected["rmse"], score(zip("abc", p, g, strict=True), PRESETS["kitti/bts"]).metrics["rmse"]
    )


def test_diml_kim2018(rng):
    g = [np.nan_to_num(x, posinf=0) for x in truths(rng, [DIML] * 2, far=7, holes=0.1)]
    p = list(network_output(rng, [(192, 384)] * 2, far=7))
    check("diml/kim2018", p, g, t.diml(p, g))


FRAME = {"nyu": NYU, "make3d": MAKE3D, "kitti": KITTI[0], "diml": DIML}


@pytest.mark.parametrize("name", PRESETS)
def test_what_does_not_count_changes_nothing(rng, name):
    protocol, size = PRESETS[name], FRAME[name.split("/")[0]]
    (g,) = truths(rng, [size], far=8, holes=0)
    (p,) = network_output(rng, [size], far=8)
    g = np.maximum(g, 1.5)
    region = protocol.region(protocol.truth_frame(g).shape, name="a")
    outside = np.ones(protocol.truth_frame(g).shape, bool)
    region.of(outside)[:] = False
    holes = rng.random(size) < 0.2
    clean = np.where(holes, 0, g)
    if protocol.truth_size is None:
        holes |= outside
    expected = score([("a", p, clean)], protocol)
    for garbage in (np.nan, np.inf, -np.inf, -3.0, 0.0):
        noisy = np.where(holes & ~(clean > 0), garbage, clean)
        noisy = np.where(outside, garbage, noisy) if protocol.truth_size is None else noisy
        spoilt = np.where(holes, garbage, p) if protocol.truth_size is None else p
        got = score([("a", spoilt, noisy)], protocol)
        assert got.metrics == pytest.approx(expected.metrics, rel=1e-12, nan_ok=True)
        assert all(np.isfinite(value) for value in got.metrics.values())


@pytest.mark.parametrize("name", PRESETS)
def test_an_image_without_valid_pixels_is_named_and_in_no_mean(rng, name):
    size = FRAME[name.split("/")[0]]
    (g,) = truths(rng, [size], far=8, holes=0)
    (p,) = network_output(rng, [size], far=8)
    p = np.abs(p) + 0.01
    alone = score([("a", p, g)], PRESETS[name])
    both = score([("hole.png", p, 0 * g), ("a", p, g)], PRESETS[name])
    assert both.metrics == alone.metrics
    assert (both.images, both.empty_images, both.empty_names) == (1, 1, ("hole.png",))


def test_presets_are_chosen_by_name():
    assert [p.name for p in parse_protocols("nyu/bts, nyu/kim2018")] == ["nyu/bts", "nyu/kim2018"]
    with pytest.raises(ConfigError, match=r"one of nyu/kim2018.*got 'nyu/btz'"):
        parse_protocols("nyu/btz")
    with pytest.raises(ConfigError, match=r"'nyu/bts' twice: drop one"):
        parse_protocols("nyu/bts,nyu/bts")


def test_presets_are_chosen_by_frame():
    for dataset, size in FRAME.items():
        names = [p.name for p in fitting_presets(size, name="a.png")]
        assert names == [name for name in PRESETS if name.startswith(f"{dataset}/")]
    with pytest.raises(DataError, match=r"a\.png.*12x16.*nyu, make3d, kitti, diml.*--protocol"):
        fitting_presets((12, 16), name="a.png")


def test_presets_differ_and_accept_any_size():
    assert len({p.fingerprint for p in PRESETS.values()}) == len(PRESETS)
    assert all(p.resize and p.name == name for name, p in PRESETS.items())
    assert PRESETS["nyu/kim2018"].crop == NYU_VALID_AREA
