"""Every dataset end to end: original files, made here, to what training reads."""

import hashlib
import pickle

import cv2
import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from jaxdepth.data.prepare import DATASETS, FILLS, OWN_FILES, Dataset, filled, prepare
from jaxdepth.data.prepare import nyu as nyu_module
from jaxdepth.data.sources import open_source
from jaxdepth.errors import ConfigError, DataError
from tests.data.prepare import fabricated
from tests.data.readers import test_kitti, test_make3d


def make(dataset: Dataset, source, data_dir, *, verify=False, fill="", **options):
    defaults = {option.name: option.default for option in dataset.options}
    plan = dataset.plan(source, verify=verify, **(defaults | options))
    plan = filled(plan, fill) if fill else plan
    return prepare(dataset.name or "own", plan, data_dir=data_dir, progress=False)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "original"
    folder.mkdir()
    return folder


def prepared(name, source, tmp_path, **options):
    """The dataset, made from fabricated files, which must stay as they are."""
    getattr(fabricated, name)(source)
    before = {path: path.stat().st_mtime_ns for path in source.rglob("*")}
    builder = make(DATASETS[name], source, tmp_path / "data", **options)
    assert {path: path.stat().st_mtime_ns for path in source.rglob("*")} == before
    return builder


def test_labelled_frames_have_filled_and_raw_depth(source, tmp_path):
    builder = prepared("nyu_labeled", source, tmp_path)
    train = builder.as_data_source("train")
    assert [record["name"] for record in train] == [b"0003", b"0004", b"0005"]
    assert len(builder.as_data_source("test")) == 2
    record = train[0]
    row, _ = np.mgrid[:48, :64]
    np.testing.assert_array_equal(record["image"][..., 0], row)
    assert record["depth"].dtype == np.float32
    np.testing.assert_array_equal(record["depth"], (1 + row / 100 + 2).astype(np.float32))
    assert record["depth_raw"][3, 7] == 0
    assert record["depth_raw"][3, 8] == np.float32(1 + 8 / 100 + 2)
    assert record["scene"] == b"kitchen_0002"
    assert record["file"] == b"kitchen_0002/r-1294.5-2.ppm"
    np.testing.assert_allclose(record["intrinsics"][0], 518.8579, rtol=1e-6)
    raw = open_source("nyu_labeled", "test", depth="depth_raw", data_dir=str(tmp_path / "data"))
    assert (raw[0].depth == 0).sum() == 1


def test_the_labelled_files_checksum_is_checked(source, tmp_path, monkeypatch):
    fabricated.nyu_labeled(source)
    dataset = DATASETS["nyu_labeled"]
    with pytest.raises(DataError, match="must have 795 entries, got 3"):
        make(dataset, source, tmp_path / "data", verify=True)
    monkeypatch.setattr(nyu_module, "SPLIT_SIZES", {"train": 3, "test": 2})
    with pytest.raises(DataError, match=r"labeled.mat: the md5 sum must be 520609.*, got"):
        make(dataset, source, tmp_path / "data", verify=True)
    sums = {p.name: hashlib.md5(p.read_bytes()).hexdigest() for p in source.glob("*.mat")}
    monkeypatch.setattr(nyu_module, "MD5", sums)
    (source / "splits.mat").rename(tmp_path / "splits.mat")
    builder = make(dataset, source, tmp_path / "data", verify=True, splits=tmp_path / "splits.mat")
    assert builder.info.splits["train"].num_examples == 3
    assert not list((tmp_path / "data").rglob("*.unfinished"))


def test_frames_of_bts_keep_their_jpeg_bytes_and_exact_depth(source, tmp_path):
    builder = prepared("nyu_bts", source, tmp_path)
    records = builder.as_data_source("train")
    image = source / "sync/kitchen_0028b/rgb_00001.jpg"
    depth = np.asarray(Image.open(source / "sync/kitchen_0028b/sync_depth_00001.png"))
    assert records[1]["file"] == b"kitchen_0028b/rgb_00001.jpg"
    np.testing.assert_array_equal(records[1]["image"], cv2.imread(str(image))[..., ::-1])
    np.testing.assert_array_equal(records[1]["depth"], (depth / 1000).astype(np.float32))
    as_stored = {"image": tfds.decode.SkipDecoding()}
    stored = builder.as_data_source("train", decoders=as_stored)[1]["image"]
    assert stored == image.read_bytes()
    assert {record["scene"] for record in records} == {b"kitchen_0028"}
    with pytest.raises(DataError, match="must list 24231 and lists 3"):
        make(DATASETS["nyu_bts"], source, tmp_path / "other", verify=True)


def test_densedepths_splits_have_depth_of_their_own_units(source, tmp_path):
    builder = prepared("nyu_densedepth", source, tmp_path)
    records = builder.as_data_source("train")
    assert [record["scene"] for record in records] == [b"attic_0001", b"attic_0002"]
    row, column = np.mgrid[:24, :32]
    np.testing.assert_allclose(records[1]["depth"], (20 + row + column) / 25.5, rtol=1e-6)
    (record,) = builder.as_data_source("test")
    assert record["file"] == b"data/nyu2_test/00000_colors.png"
    np.testing.assert_allclose(record["depth"][1, :3], [1.0, 1.001, 1.002], rtol=1e-6)
    with pytest.raises(DataError, match="must list 50688 and lists 2"):
        make(DATASETS["nyu_densedepth"], source, tmp_path / "other", verify=True)


def test_the_raw_dump_is_sampled_evenly_over_scenes(source, tmp_path):
    builder = prepared("nyu_raw", source, tmp_path, frames=4)
    assert builder.builder_config.name == "4"
    records = list(builder.as_data_source("train"))
    assert [record["scene"] for record in records] == [b"study_0001"] * 2 + [b"attic_0002"] * 2
    assert [record["file"] for record in records[:2]] == [
        b"study_0001a/r-10.5-1.ppm", b"study_0001b/r-10.5-1.ppm"]  # fmt: skip
    record = records[0]
    assert record["image"][240, 320].tolist() == [1, 1, 1]
    near, far = 351.3 / (1092.5 - 600), 351.3 / (1092.5 - 798)
    assert near < record["depth"][240, 320] < far
    assert "depth_raw" not in record
    with pytest.raises(DataError, match="must list 249 and lists 2"):
        make(DATASETS["nyu_raw"], source, tmp_path / "data", verify=True)


def test_the_raw_dump_filled(source, tmp_path):
    builder = prepared("nyu_raw", source, tmp_path, frames=1, fill="colorization")
    assert builder.builder_config.name == "1_colorization"
    (record,) = builder.as_data_source("train")
    assert (record["depth"] > 0).all()
    known = record["depth_raw"] > 0
    assert 0.5 < known.mean() < 1
    np.testing.assert_allclose(record["depth"][known], record["depth_raw"][known], rtol=0.05)


@pytest.mark.parametrize("fill", FILLS)
def test_holes_are_filled_where_a_dataset_has_any(source, tmp_path, fill):
    plain = prepared("nyu_bts", source, tmp_path)
    builder = make(DATASETS["nyu_bts"], source, tmp_path / "data", fill=fill)
    assert builder.builder_config.name == fill
    assert builder.info.metadata["fill"] == fill
    records = zip(builder.as_data_source("train"), plain.as_data_source("train"), strict=True)
    for record, measured in records:
        np.testing.assert_array_equal(record["depth_raw"], measured["depth"])
        np.testing.assert_array_equal(record["image"], measured["image"])
        frame = (record["image"], measured["depth"])
        np.testing.assert_array_equal(record["depth"], FILLS[fill](*frame))
        assert record["depth_raw"][0, 0] == 0
        assert 1 <= record["depth"][0, 0] < 1.1
    opened = open_source("nyu_bts", "test", depth="depth_raw", variant=fill,
                         data_dir=str(tmp_path / "data"))  # fmt: skip
    assert (opened[0].depth == 0).sum() == 1
    holes = {name for name, dataset in DATASETS.items() if dataset.holes}
    assert holes == {"nyu_bts", "nyu_raw", "kitti"}
    assert OWN_FILES.holes


def test_a_frame_that_cannot_be_filled_is_named(source, tmp_path):
    """The cross-bilateral fill takes ten metres, to which NYU is clamped, for no measurement."""
    fabricated.nyu_bts(source)
    path = source / "sync/kitchen_0028b/sync_depth_00001.png"
    Image.fromarray(np.full(fabricated.SIZE, 10_000, np.uint16)).save(path)
    with pytest.raises(DataError, match="must have a measurement to be filled from") as caught:
        make(DATASETS["nyu_bts"], source, tmp_path / "data", fill="cross_bilateral")
    assert str(caught.value).startswith(str(path))


def test_make3ds_depth_covers_the_image_in_its_own_size(source, tmp_path):
    prepared("make3d", source, tmp_path)
    opened = open_source("make3d", "train", data_dir=str(tmp_path / "data"))
    assert len(opened) == 2
    assert opened[0].image.shape == (22, 17, 3)
    grid = test_make3d.position_grid()[..., 3].astype(np.float32)
    np.testing.assert_array_equal(opened[1].depth, grid)
    with pytest.raises(DataError, match="must have 400 pairs, got 2"):
        make(DATASETS["make3d"], source, tmp_path / "other", verify=True)


def test_kittis_variants(source, tmp_path):
    fabricated.kitti(source)
    counts, depths = {}, {}
    for variant in ("camera_z", "velodyne_x", "annotated", "stereo"):
        builder = make(DATASETS["kitti"], source, tmp_path / "data", depth=variant)
        counts[variant] = {s: info.num_examples for s, info in builder.info.splits.items()}
        opened = open_source("kitti", "test", variant=variant, data_dir=str(tmp_path / "data"))
        depths[variant] = opened[0].depth
        (record,) = builder.as_data_source("test")
        assert record["scene"].decode() == test_kitti.DRIVE
        assert record["intrinsics"].tolist() == [72, 71, 60.5, 24.5]
    full = {"train": 2, "test": 1}
    assert counts == {
        "camera_z": full, "velodyne_x": full, "annotated": {"train": 1, "test": 1},
        "stereo": full}  # fmt: skip
    np.testing.assert_array_equal(np.unique(depths["velodyne_x"]), [0, 5, 10, 20])
    assert (depths["velodyne_x"] > depths["camera_z"])[depths["camera_z"] > 0].all()
    assert depths["annotated"][10, 20] == 12.25
    seen = depths["stereo"] > 0
    assert seen.mean() > 0.8
    np.testing.assert_allclose(depths["stereo"][seen], 38.4 / 7, rtol=0.5 / 7)
    with pytest.raises(ConfigError, match=r"several variants .*: choose one of annotated, camera"):
        open_source("kitti", "test", data_dir=str(tmp_path / "data"))
    with pytest.raises(ConfigError, match=r"no variant 'z'.*choose from annotated"):
        open_source("kitti", "test", variant="z", data_dir=str(tmp_path / "data"))
    with pytest.raises(DataError, match="must list 23158 and lists 2"):
        make(DATASETS["kitti"], source, tmp_path / "other", verify=True)
    next(source.rglob("image_03/data/0000000070.png")).unlink()
    with pytest.raises(
        DataError, match=r"1 files of 3 frames are missing, the first is .*image_03"
    ):
        make(DATASETS["kitti"], source, tmp_path / "other", depth="stereo")


def test_diml_with_the_users_own_camera(source, tmp_path):
    builder = prepared("diml", source, tmp_path, intrinsics="540.5,540,256,144")
    assert builder.builder_config.name == "LR"
    train, test = (builder.as_data_source(split) for split in ("train", "test"))
    assert (len(train), len(test)) == (2, 1)
    record = test[0]
    assert record["scene"].decode() == "2. Café"
    assert record["intrinsics"].tolist() == [540.5, 540, 256, 144]
    assert (record["depth"] == 1.5).all()
    assert np.argwhere(record["depth_raw"] == 0).tolist() == [[3, 4]]
    with pytest.raises(DataError, match="by other options"):  # than with that camera
        make(DATASETS["diml"], source, tmp_path / "data")
    assert "intrinsics" not in make(DATASETS["diml"], source, tmp_path / "none").info.features
    for wrong in ("540", "1,2,3,x", "0,1,2,3", "nan,1,2,3"):
        with pytest.raises(ConfigError, match=r"--intrinsics must be FX,FY,CX,CY"):
            make(DATASETS["diml"], source, tmp_path / "other", intrinsics=wrong)
    with pytest.raises(DataError, match=r"must have 1609 frames .* got 2"):
        make(DATASETS["diml"], source, tmp_path / "other", verify=True)


@pytest.mark.parametrize("name", DATASETS)
def test_a_plan_can_go_to_another_process(name, source):
    getattr(fabricated, name)(source)
    dataset = DATASETS[name]
    options = {option.name: option.default for option in dataset.options}
    plan = pickle.loads(pickle.dumps(dataset.plan(source, verify=False, **options)))
    item = plan.splits["train"][0]
    assert item.read().image.dtype == np.uint8
    assert all(file.exists() for file in item.files)


@pytest.mark.parametrize("name", DATASETS)
def test_what_is_not_prepared_says_how_to_get_it(name, tmp_path):
    with pytest.raises(DataError) as caught:
        open_source(name, "train", data_dir=str(tmp_path))
    assert f"python -m jaxdepth.data prepare {name} --source=DIR" in str(caught.value)
    assert f"--data_dir={tmp_path}" in str(caught.value)


@pytest.mark.real_data
def test_real_photographs_as_files_of_ones_own(real_data, tmp_path):
    pattern = {"image": "{split}/rgb/{name}.jpg", "depth": "{split}/depth/{name}.png"}
    make(OWN_FILES, real_data / "indoor_dslr", tmp_path, **pattern, depth_scale=1000)
    train = open_source("own", "train", data_dir=str(tmp_path))
    assert (len(train), len(open_source("own", "test", data_dir=str(tmp_path)))) == (81, 29)
    assert train[0].image.shape == (432, 645, 3)
    assert 0.2 < train[0].depth.min() < train[0].depth.max() < 10
    size = sum(path.stat().st_size for path in (tmp_path / "own").rglob("*") if path.is_file())
    assert size < 30e6  # JPEG bytes and compressed depth


@pytest.mark.real_data
def test_published_lists_make_plans_of_published_counts(real_data, tmp_path):
    lists = real_data / "lists"
    plans = {
        "nyu_bts": DATASETS["nyu_bts"].plan(tmp_path, verify=True, lists=lists),
        **{
            depth: DATASETS["kitti"].plan(
                tmp_path, verify=True, lists=lists, depth=depth, annotated=None
            )
            for depth in ("camera_z", "annotated")
        },
    }
    counts = {name: {s: len(i) for s, i in plan.splits.items()} for name, plan in plans.items()}
    assert counts == {
        "nyu_bts": {"train": 24231, "test": 654},
        "camera_z": {"train": 23158, "test": 697},
        "annotated": {"train": 23158, "test": 652},
    }
    with pytest.raises(DataError, match="49770 files of 24885 frames are missing"):
        prepare("nyu_bts", plans["nyu_bts"], data_dir=tmp_path)
    assert not list(tmp_path.iterdir())
