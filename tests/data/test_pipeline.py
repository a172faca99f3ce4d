"""The grain pipeline and the named sources."""

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

from jaxdepth.data.check import check_dataset
from jaxdepth.data.images import read_image, resize_depth, resize_image
from jaxdepth.data.pipeline import (
    examples_in_order,
    frame_image,
    resize_example,
    train_batches,
)
from jaxdepth.data.show import draw_sheet
from jaxdepth.data.sources import Example, Source, open_builder, open_source
from jaxdepth.errors import ConfigError, DataError
from tests.scripts import VARIANT


def records(count: int, depth=2.0):
    return [
        {"image": np.full((6, 8, 3), i, np.uint8), "depth": np.full((6, 8), depth, np.float16)}
        for i in range(count)
    ]


def source(count: int = 10) -> Source:
    return Source(records(count), name="toy/train", depth_key="depth")


def order(iterator, count: int) -> list[str]:
    return [name for _ in range(count) for name in next(iterator).names]


def test_batches_have_the_stated_layout():
    batch = next(train_batches(source(), batch_size=4, image_size=(3, 4), seed=0))
    assert batch.image.shape == (4, 3, 4, 3)
    assert batch.image.dtype == np.uint8
    assert batch.depth.shape == (4, 3, 4)
    assert batch.depth.dtype == np.float32
    assert batch.names[0] == f"toy/train[{batch.image[0, 0, 0, 0]}]"


def random_example(height=24, width=36) -> Example:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, size=(height, width, 3), dtype=np.uint8)
    return Example("one", image, rng.uniform(1, 10, size=(height, width)).astype(np.float32))


def test_without_a_frame_nothing_is_cut_off():
    image = random_example().image
    np.testing.assert_array_equal(frame_image(image, (24, 36)), image)
    np.testing.assert_array_equal(frame_image(image, (12, 16)), resize_image(image, (12, 16)))
    np.testing.assert_array_equal(frame_image(image, (24, 36), (24, 36)), image)


@pytest.mark.parametrize(
    ("frame", "size", "corner"),
    [((24, 36), (20, 30), (2, 3)), ((12, 18), (9, 11), (1, 3)), ((30, 40), (30, 32), (0, 4))],
)
def test_the_middle_of_the_frame_is_cut_out_of_image_and_depth(frame, size, corner):
    """An odd rest stays at the bottom and on the right."""
    example = random_example()
    cut = tuple(slice(start, start + side) for start, side in zip(corner, size, strict=True))
    image = resize_image(example.image, frame)[cut]
    np.testing.assert_array_equal(frame_image(example.image, size, frame), image)
    got = resize_example(example, size, frame_size=frame)
    assert got.name == "one"
    np.testing.assert_array_equal(got.image, image)
    np.testing.assert_array_equal(got.depth, resize_depth(example.depth, frame)[cut])


def test_depth_of_its_own_size_is_of_the_whole_frame():
    example = random_example()
    got = resize_example(example, (10, 14), frame_size=(12, 18), depth_size=(24, 36))
    np.testing.assert_array_equal(got.depth, example.depth)
    np.testing.assert_array_equal(got.image, frame_image(example.image, (10, 14), (12, 18)))
    got = resize_example(example, (10, 14), depth_size=(6, 9))
    np.testing.assert_array_equal(got.depth, resize_depth(example.depth, (6, 9)))
    assert got.image.shape == (10, 14, 3)


def test_depth_stays_under_its_image():
    """A bright square over near depth, before and after framing."""
    image, depth = np.zeros((40, 60, 3), np.uint8), np.full((40, 60), 8, np.float32)
    image[10:20, 30:50], depth[10:20, 30:50] = 255, 2
    got = resize_example(Example("one", image, depth), (16, 22), frame_size=(20, 30))
    np.testing.assert_array_equal(got.image[..., 0] > 127, got.depth == 2)
    np.testing.assert_array_equal(np.argwhere(got.depth == 2)[[0, -1]], [[3, 11], [7, 20]])


def test_batches_of_a_frame_with_depth_of_its_own_size():
    sizes = {"image_size": (3, 4), "frame_size": (4, 6)}
    batch = next(train_batches(source(), batch_size=4, seed=0, **sizes))
    assert batch.image.shape == (4, 3, 4, 3)
    assert batch.depth.shape == (4, 3, 4)
    batch = next(train_batches(source(), batch_size=4, seed=0, **sizes, depth_size=(6, 8)))
    assert batch.image.shape == (4, 3, 4, 3)
    assert batch.depth.shape == (4, 6, 8)
    assert (batch.depth == 2).all()
    assert batch.names[0] == f"toy/train[{batch.image[0, 0, 0, 0]}]"


def test_every_epoch_holds_every_example_once_in_another_order():
    names = order(train_batches(source(), batch_size=5, image_size=(6, 8), seed=0), 4)
    first, second = names[:10], names[10:]
    assert sorted(first) == sorted(second) == [f"toy/train[{i}]" for i in range(10)]
    assert first != second


def test_the_order_depends_on_the_seed_alone():
    one, same, other = (
        order(train_batches(source(), batch_size=5, image_size=(6, 8), seed=s, num_threads=t), 3)
        for s, t in ((1, 1), (1, 4), (2, 4))
    )
    assert one == same != other


def test_it_goes_on_after_any_number_of_batches():
    iterator = train_batches(source(), batch_size=3, image_size=(6, 8), seed=0)
    order(iterator, 5)
    expected = order(iterator, 5)
    resumed = train_batches(source(), batch_size=3, image_size=(6, 8), seed=0, start=5)
    assert order(resumed, 5) == expected


def test_worker_processes_give_the_same_batches():
    expected = order(train_batches(source(), batch_size=3, image_size=(6, 8), seed=0, start=2), 6)
    iterator = train_batches(
        source(), batch_size=3, image_size=(6, 8), seed=0, start=2, num_workers=2
    )
    try:
        assert order(iterator, 6) == expected
    finally:
        iterator.close()


def test_shards_are_disjoint_and_complete():
    shards = [
        order(train_batches(source(), batch_size=5, image_size=(6, 8), seed=0, shard=(i, 2)), 1)
        for i in range(2)
    ]
    assert sorted(shards[0] + shards[1]) == sorted(f"toy/train[{i}]" for i in range(10))


def test_examples_in_order_keep_their_size():
    examples = list(examples_in_order(source(3)))
    assert [e.name for e in examples] == ["toy/train[0]", "toy/train[1]", "toy/train[2]"]
    assert examples[0].image.shape == (6, 8, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0])
def test_depth_that_is_none_is_zero(bad):
    example = Source(records(1, depth=bad), name="toy", depth_key="depth")[0]
    assert not example.depth.any()


def test_image_and_depth_of_different_sizes_are_named():
    broken = [{"image": np.zeros((6, 8, 3), np.uint8), "depth": np.zeros((5, 8), np.float32)}]
    with pytest.raises(DataError, match=r"toy\[0\]: image and depth must have one size"):
        Source(broken, name="toy", depth_key="depth")[0]


def test_rooms_of_any_size_and_count(scripts):
    data_dir = str(scripts.folder / "data")
    opened = open_source("rooms", "test", variant=VARIANT, data_dir=data_dir)
    assert len(opened) == 8
    assert opened[0].image.shape == (32, 48, 3)
    kinect = open_source("rooms", "test", variant=VARIANT, depth="depth_kinect", data_dir=data_dir)
    assert not np.array_equal(kinect[0].depth, opened[0].depth)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "room"}, "no dataset 'room': choose from diml, .*nyu_depth_v2, .*rooms"),
        ({"split": "tests"}, "no split 'tests': choose from"),
        ({"depth": "depht"}, "no depth 'depht': choose from depth, depth_kinect"),
    ],
)
def test_unknown_names_are_answered_with_the_known(scripts, arguments, message):
    known = {"dataset": "rooms", "split": "test"}
    with pytest.raises(ConfigError, match=message):
        open_source(**(known | arguments), variant=VARIANT, data_dir=str(scripts.folder / "data"))


def test_nyu_that_is_not_there_says_how_to_get_it(tmp_path):
    with pytest.raises(DataError, match=r"tfds build nyu_depth_v2 --file_format=array_record"):
        open_source("nyu_depth_v2", "train", data_dir=str(tmp_path))


class NyuDepthV2(tfds.core.GeneratorBasedBuilder):
    """A dataset of the name, version, features and splits of tfds' `nyu_depth_v2` 0.0.1."""

    name = "nyu_depth_v2"
    VERSION = tfds.core.Version("0.0.1")
    code_path = None

    def _info(self):
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "image": tfds.features.Image(shape=(480, 640, 3)),
                    "depth": tfds.features.Tensor(shape=(480, 640), dtype=np.float16),
                }
            ),
        )

    def _split_generators(self, dl_manager):
        return {"train": self._generate_examples(3), "validation": self._generate_examples(2)}

    def _generate_examples(self, count):
        import io

        for index in range(count):
            blob = io.BytesIO()
            Image.new("RGB", (640, 480), (index, 50, 100)).save(blob, "PNG")
            depth = np.full((480, 640), 1.5 + index, np.float16)
            depth[:, :10] = np.nan if index else 0
            yield index, {"image": io.BytesIO(blob.getvalue()), "depth": depth}


def test_nyu_as_tfds_stores_it(tmp_path):
    builder = NyuDepthV2(data_dir=tmp_path, file_format="array_record")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(try_download_gcs=False)
    )
    opened = open_source("nyu_depth_v2", "train", data_dir=str(tmp_path))
    assert len(opened) == 3
    by_index = {int(e.image[0, 0, 0]): e for e in examples_in_order(opened)}
    assert set(by_index) == {0, 1, 2}
    for index, example in by_index.items():
        assert example.image.shape == (480, 640, 3)
        assert example.depth.dtype == np.float32
        assert not example.depth[:, :10].any()
        np.testing.assert_array_equal(example.depth[:, 10:], 1.5 + index)
    assert len(open_source("nyu_depth_v2", "validation", data_dir=str(tmp_path))) == 2
    stock = open_builder("nyu_depth_v2", data_dir=str(tmp_path))
    summary = check_dataset(stock).splits["train"].depths["depth"]
    assert (summary.nearest, summary.farthest, summary.valid) == (1.5, 3.5, 630 / 640)
    draw_sheet(stock, tmp_path / "sheet.png", split="validation", examples=1)
    assert read_image(tmp_path / "sheet.png").std() > 10


class Sounds(NyuDepthV2):
    """A dataset of tfds that has nothing to see."""

    name = "sounds"

    def _info(self):
        features = {"sound": tfds.features.Tensor(shape=(2,), dtype=np.float32)}
        return self.dataset_info_from_configs(features=tfds.features.FeaturesDict(features))

    def _generate_examples(self, count):
        yield from ((i, {"sound": np.zeros(2, np.float32)}) for i in range(count))


def test_a_dataset_without_images_is_refused(tmp_path):
    builder = Sounds(data_dir=tmp_path, file_format="array_record")
    builder.download_and_prepare(
        download_config=tfds.download.DownloadConfig(try_download_gcs=False)
    )
    with pytest.raises(DataError, match=r"0.0.1 is no dataset of images: sound"):
        open_source("sounds", "train", data_dir=str(tmp_path))
