"""Prediction in batches on several devices: the numbers of one image at a time on one."""

import jax
import numpy as np
import pytest

from jaxdepth.data.sources import Example
from jaxdepth.evaluation import Protocol, Scorer
from jaxdepth.experiment import Predictor, load_config
from jaxdepth.metrics import METRIC_NAMES
from tests.experiment.test_maps import SMALL, TWO_STREAM, random_variables

COUNT = 7  # no multiple of the devices nor of the batch


def examples():
    rng = np.random.default_rng(0)
    for i in range(COUNT):
        size = (30 + i, 44)
        image = rng.integers(0, 256, (*size, 3), dtype=np.uint8)
        yield Example(f"{i}", image, rng.uniform(1, 5, size).astype(np.float32))


def scores(predictor, items):
    scorers = {name: Scorer(Protocol(max_depth=10)) for name in predictor.names}
    names = []
    for example, prediction in items:
        names.append(example.name)
        for name, scorer in scorers.items():
            scorer.add(example.name, prediction.maps[name], example.depth)
    return names, {name: scorer.scores() for name, scorer in scorers.items()}


@pytest.mark.parametrize("spec", ["configs/rooms.py", TWO_STREAM])
def test_the_numbers_of_one_at_a_time_and_no_image_twice(spec, monkeypatch):
    assert len(jax.local_devices()) == 4
    config = load_config(spec, (*SMALL, "--config.evaluation.batch_size=3"))
    variables = random_variables(config)
    spread = Predictor(config, variables)
    assert spread.batch_size == 4
    names, batched = scores(spread, spread.predict_examples(examples()))
    assert names == [str(i) for i in range(COUNT)]
    first = jax.local_devices()[:1]
    monkeypatch.setattr(jax, "local_devices", lambda: first)
    alone = Predictor(config, variables)
    _, expected = scores(alone, ((e, alone(e.image)) for e in examples()))
    for name in spread.names:
        assert batched[name].images == COUNT
        for metric in METRIC_NAMES:
            np.testing.assert_allclose(
                batched[name].metrics[metric],
                expected[name].metrics[metric],
                rtol=1e-6,
                err_msg=f"{name}, {metric}",
            )


def test_every_device_has_its_share():
    config = load_config("configs/rooms.py", SMALL)
    predictor = Predictor(config, random_variables(config))
    maps = predictor._begin([example.image for example in examples()])
    for array in maps.values():
        assert len(array) == 8
        assert {shard.data.shape[0] for shard in array.addressable_shards} == {2}
        assert {shard.device for shard in array.addressable_shards} == set(jax.local_devices())


def test_one_image_is_predicted_on_its_own():
    config = load_config("configs/rooms.py", SMALL)
    predictor = Predictor(config, random_variables(config))
    example = next(examples())
    (pair,) = predictor.predict_examples([example])
    np.testing.assert_allclose(predictor(example.image).depth, pair[1].depth, atol=1e-7)
    assert list(predictor.predict_examples([])) == []
