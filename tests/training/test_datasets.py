"""Each dataset's config, shrunk: a run on small files of the original formats, and its scores."""

from pathlib import Path

import numpy as np
import pytest

import evaluate
import train
from jaxdepth.data.prepare import DATASETS, OWN_FILES, Plan, prepare
from jaxdepth.experiment import Workdir, build_source, load_config, load_predictor
from tests.data.prepare import fabricated
from tests.data.readers import test_kitti, test_make3d
from tests.inference.test_scripts import rows_of
from tests.scripts import TINY

SHRUNK = (*TINY[1:], "--config.data.num_workers=0")


def plan(name: str, source: Path, **options) -> Plan:
    dataset = DATASETS.get(name, OWN_FILES)
    defaults = {option.name: option.default for option in dataset.options}
    return dataset.plan(source, verify=False, **(defaults | options))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")

    def files(name: str) -> Path:
        source = folder / "files" / name
        source.mkdir(parents=True)
        return getattr(fabricated, name)(source)

    kitti = files("kitti")
    forward, left, up = np.random.default_rng(0).uniform((5, -0.7, -0.3), (40, 0.7, 0), (9000, 3)).T
    points = test_kitti.scan(*np.stack([forward, forward * left, forward * up], axis=-1))
    for file in kitti.rglob("*.bin"):
        points.tofile(file)
    rooms = fabricated.own_folder(folder / "files" / "diml")
    pattern = {"image": "{split}/rgb/{name}.jpg", "depth": "{split}/depth/{name}.png"}
    scans = {depth: plan("kitti", kitti, depth=depth) for depth in ("camera_z", "velodyne_x")}
    for name, planned in (
        ("make3d", plan("make3d", files("make3d"))),
        *(("kitti", scan) for scan in scans.values()),
        ("kitti", scans["camera_z"]._replace(variant="stereo")),
        ("diml", plan("", rooms, **pattern, depth_scale=1000)._replace(variant="LR")),
        ("nyu_labeled", plan("nyu_labeled", files("nyu_labeled"))),
        ("nyu_raw", plan("nyu_raw", files("nyu_raw"), frames=4)._replace(variant="120000")),
    ):
        prepare(name, planned, data_dir=folder, progress=False)
    return folder


@pytest.mark.parametrize(
    ("name", "overrides", "split", "protocols", "images"),
    [
        (
            "make3d",
            ("--config.data.image_size=(64,48)",),
            "test",
            ["make3d/kim2018-c1", "make3d/kim2018-c2", "make3d/laina2016", "make3d/monodepth2"],
            1,
        ),
        (
            "kitti",
            ("--config.data.image_size=(32,64)",),
            "kitti/velodyne_x/test",
            ["kitti/garg80", "kitti/eigen50"],
            1,
        ),
        ("diml", ("--config.data.depth_size=(24,32)",), "test", ["diml/kim2018"], 2),
        (
            "nyu",
            ("--config.data.validation_split=train[-1:]", "--config.data.train_split=train[:-1]",
             "--config.data.depth_size=()"),
            "test",
            ["nyu/laina2016"],
            2,
        ),
    ],
)  # fmt: skip
def test_it_trains_and_is_scored_as_published(
    scripts, finished, data_dir, tmp_path, name, overrides, split, protocols, images
):
    spec = f"configs/{name}.py" + (":raw" if name == "nyu" else "")
    overrides = (*SHRUNK, *overrides, f"--config.data.data_dir={data_dir}")
    if name == "diml":  # as large as the run that it begins from
        overrides += (f"--config.init_from={finished}", "--config.model.batch_norm=True")
    scripts.call(train.main, f"--config={spec}", f"--workdir={tmp_path}", *overrides)
    assert Workdir(tmp_path).is_finished
    run = f"--workdir={tmp_path}"
    if name == "kitti":  # its own test split is of another ground truth
        assert "protocol: kitti/kim2018:" in scripts.call(
            evaluate.main, run, "--protocol=kitti/kim2018"
        )
    for protocol in protocols:
        table = scripts.call(evaluate.main, run, f"--split={split}", f"--protocol={protocol}")
        assert f"protocol: {protocol}:" in table
        assert f"{images} image" in table
        assert np.isfinite(rows_of(table)["integrated u"]).all()


def test_training_takes_no_depth_beyond_the_limit(data_dir):
    limit = ("--config.data.max_depth=30", "--config.data.validation_fraction=0.5")
    config = load_config("configs/make3d.py", (*limit, f"--config.data.data_dir={data_dir}"))
    grid = test_make3d.position_grid()[..., 3].astype(np.float32)
    for split in ("train", "validation"):
        learnt = build_source(config, split, training=True)[0].depth
        np.testing.assert_array_equal(learnt, np.where(grid <= 30, grid, 0))
        np.testing.assert_array_equal(build_source(config, split)[0].depth, grid)


def test_the_test_split_can_be_another_datasets(data_dir):
    config = load_config("configs/nyu.py:raw", (f"--config.data.data_dir={data_dir}",))
    assert repr(build_source(config, "test")) == "Source('nyu_labeled/test', length=2)"
    config = load_config("configs/kitti.py", (f"--config.data.data_dir={data_dir}",))
    sources = [build_source(config, split) for split in ("train", "validation", "test")]
    assert [len(source) for source in sources] == [1, 1, 1]


def test_a_map_is_resized_once_where_depth_is_not_of_the_images_size(finished, data_dir):
    predictor = load_predictor(Workdir(finished))
    example = build_source(
        load_config("configs/make3d.py", (f"--config.data.data_dir={data_dir}",)), "test"
    )[0]
    ((_, prediction),) = predictor.predict_examples([example])
    assert prediction.depth.shape == predictor.image_size
    same = example._replace(depth=np.ones(example.image.shape[:2], np.float32))
    ((_, prediction),) = predictor.predict_examples([same])
    assert prediction.depth.shape == example.image.shape[:2]
