"""The depth maps that a system offers, and what they are made of."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxdepth.errors import DataError
from jaxdepth.experiment import Predictor, init_variables, load_base_weights, load_config, map_names
from jaxdepth.experiment.maps import build_maps, frame_size, map_labels
from jaxdepth.models import make_base
from jaxdepth.pretrained import save_npz

SMALL = (
    "--config.model.width=0.03125",
    "--config.model.local_width=0.0625",
    "--config.model.block_width=0.0625",
    "--config.model.hidden=8",
    "--config.model.num_iters=2",
    "--config.data.image_size=(32,48)",
)
TWO_STREAM = "configs/rooms.py:two_stream"


def random_variables(config):
    """Variables with random values everywhere, so that no prediction is flat."""
    shapes = jax.eval_shape(lambda: init_variables(config))
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda x: rng.normal(0.05, 0.05, x.shape).astype(np.float32) ** 2, shapes)


def test_two_stream_rows_follow_the_stages_that_are_done():
    config = load_config(TWO_STREAM)
    assert map_names(config, ("depth_coarse",)) == ("depth, coarse",)
    assert map_names(config, ("depth_coarse", "depth_refinement"))[-1] == "depth + bilateral"
    assert map_names(config)[-1] == "depth + gradients, optimization"
    config = load_config("configs/rooms.py")
    assert map_names(config, ("pretrain_global",)) == ("global f",)
    assert map_names(config) == ("global f", "integrated u")
    assert map_names(load_config("configs/rooms.py:global_only")) == ("global f",)


def test_labels_name_the_loss():
    assert map_labels(load_config(TWO_STREAM))["depth only"] == "L_set, depth only"
    single = load_config("configs/rooms.py:two_stream_single")
    assert map_labels(single)["depth only"] == "L_single, depth only"


def test_the_papers_frame_is_twice_the_networks():
    config = load_config("configs/nyu.py:two_stream")
    assert frame_size(config) == (480, 640)
    image = jax.ShapeDtypeStruct((1, 232, 310, 3), jnp.float32)
    guide = jax.ShapeDtypeStruct((1, 480, 640, 3), jnp.float32)
    variables = jax.eval_shape(lambda: init_variables(config))
    maps = jax.eval_shape(build_maps(config), variables, image, guide)
    assert {x.shape for x in maps.values()} == {(1, 480, 640)}
    assert set(map_names(config)) <= set(maps)


@pytest.mark.parametrize("spec", ["configs/rooms.py:best", TWO_STREAM])
def test_mirrored_prediction_commutes_with_mirroring(spec):
    config = load_config(spec, (*SMALL, "--config.evaluation.mirrored=true"))
    predictor = Predictor(config, random_variables(config))
    image = np.random.default_rng(1).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    straight, mirrored = predictor(image), predictor(image[:, ::-1])
    assert np.ptp(straight.depth) > 1e-4
    for name in predictor.names:
        np.testing.assert_allclose(
            mirrored.maps[name][:, ::-1], straight.maps[name], rtol=2e-3, atol=2e-3, err_msg=name
        )


@pytest.mark.parametrize(
    ("spec", "homes"),
    [
        ("configs/rooms.py", [("global_net", "encoder")]),
        (TWO_STREAM, [("streams", f"{s}_coarse", "base") for s in ("depth", "gradient")]),
    ],
)
def test_pretrained_weights_go_into_every_base_network(spec, homes, tmp_path, capsys):
    config = load_config(spec, SMALL)
    model = make_base("vgg16", width=0.03125, batch_norm=True)
    init = jax.jit(model.init)
    weights = init(jax.random.key(7, impl="rbg"), jnp.zeros((1, 32, 32, 3)))
    save_npz(tmp_path / "vgg.npz", "vgg16", weights, convention="torch")
    config = load_config(spec, (*SMALL, f"--config.model.base_weights={tmp_path / 'vgg.npz'}"))
    before = jax.device_get(init_variables(config))
    after = load_base_weights(config, before)
    assert jax.tree.structure(after) == jax.tree.structure(before)
    for collection, expected in weights.items():
        for home in homes:
            got = after[collection]
            for name in home:
                got = got[name]
            jax.tree.map(np.testing.assert_array_equal, got, dict(expected))
    assert "vgg.npz" in capsys.readouterr().err


def test_weights_that_are_not_there_are_a_line_that_names_them():
    config = load_config("configs/rooms.py", (*SMALL, "--config.model.base_weights=no.npz"))
    with pytest.raises(DataError, match=r"no\.npz"):
        load_base_weights(config, jax.eval_shape(lambda: init_variables(config)))
