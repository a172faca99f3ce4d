"""Every layout of files is read; whatever does not fit is refused, entry by entry."""

import re
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors.numpy

from jaxdepth.errors import DataError
from jaxdepth.models import make_base
from jaxdepth.pretrained import ConversionReport, load_pretrained, save_npz
from jaxdepth.pretrained.names import keras_names, torch_names
from jaxdepth.pretrained.recipes import keras_recipes, torch_recipes
from tests.pretrained import files, reference

WIDTH = 1 / 16
BASES = ("vgg16", "vgg19", "resnet50")


def shapes_of(base, *, width=WIDTH, **options):
    model = make_base(base, width=width, **options)
    return jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 64, 64, 3)))


def load(path, base, *, convention="torch", **options):
    return load_pretrained(path, base, shapes_of(base, **options), convention=convention)


@pytest.fixture
def torch_file(tmp_path):
    state = reference.random_torch("vgg16", width=WIDTH)
    return files.write_torch(tmp_path / "vgg16.safetensors", state)


def assert_equal(variables, expected):
    jax.tree.map(np.testing.assert_array_equal, variables, expected)


# The published networks at their full size, by shapes alone.


def flat(tree):
    return {"/".join(k.key for k in path): x.shape for path, x in
            jax.tree_util.tree_leaves_with_path(tree)}  # fmt: skip


@pytest.mark.parametrize(
    ("base", "batch_norm"), [(b, False) for b in BASES] + [("vgg16", True), ("vgg19", True)]
)
def test_full_size_networks_need_exactly_the_entries_of_torchvision(base, batch_norm):
    ours = flat(shapes_of(base, width=1.0, batch_norm=batch_norm))
    names = torch_names(base, batch_norm=batch_norm)
    recipes = torch_recipes(names, ours, biased=base != "resnet50")
    expected = {k: v for recipe in recipes.values() for k, v in recipe.sources.items()}
    assert expected == reference.torch_shapes(base, batch_norm=batch_norm)
    assert set(recipes) == set(ours)


@pytest.mark.parametrize("base", BASES)
def test_full_size_networks_need_exactly_the_entries_of_keras(base):
    ours = flat(shapes_of(base, width=1.0))
    recipes = keras_recipes(keras_names(base), ours)
    expected = {k: v for recipe in recipes.values() for k, v in recipe.sources.items()}
    layers = reference.keras_shapes(base)
    parts = {2: ("kernel", "bias"), 4: ("gamma", "beta", "moving_mean", "moving_variance")}
    published = {
        f"{layer}/{part}": shape
        for layer, shapes in layers.items()
        for part, shape in zip(parts[len(shapes)], shapes, strict=True)
    }
    assert expected == published
    assert set(recipes) == set(ours)


# Layouts.


def test_what_is_skipped_is_said(torch_file):
    variables, report = load(torch_file, "vgg16")
    assert len(report.loaded) == 26
    assert report.skipped == ("classifier.0.weight",)
    assert "26 entries loaded" in str(report)
    assert "1 skipped (not needed): classifier.0.weight" in str(report)
    assert {x.dtype for x in jax.tree.leaves(variables)} == {np.dtype(np.float32)}
    assert jax.tree.map(np.shape, variables) == jax.tree.map(lambda x: x.shape, shapes_of("vgg16"))


@pytest.mark.parametrize("head", ["pre_logits.fc1", "head.fc"])
def test_heads_of_timm_are_skipped(tmp_path, head):
    state = reference.random_torch("vgg16", width=WIDTH)
    path = files.write_torch(tmp_path / "w.safetensors", state, head=head)
    assert load(path, "vgg16")[1].skipped == (f"{head}.weight",)


@pytest.mark.parametrize("dtype", [np.float16, jnp.bfloat16])
def test_half_precision_weights_become_single(tmp_path, dtype):
    state = reference.random_torch("vgg16", width=WIDTH)
    half = {name: value.astype(dtype) for name, value in state.items()}
    single = {name: value.astype(np.float32) for name, value in half.items()}
    files.write_torch(tmp_path / "half.safetensors", half)
    files.write_torch(tmp_path / "single.safetensors", single)
    assert_equal(
        load(tmp_path / "half.safetensors", "vgg16")[0],
        load(tmp_path / "single.safetensors", "vgg16")[0],
    )


@pytest.mark.parametrize("base", ["vgg16", "resnet50"])
def test_the_layouts_of_keras_hold_the_same(tmp_path, base):
    layers = reference.random_keras(base, width=WIDTH)
    published = load(files.write_keras(tmp_path / "a.h5", layers), base, convention="keras")
    assert published[1].skipped == ("predictions/kernel", "predictions/bias")
    model = load(files.write_keras_model(tmp_path / "b.h5", layers), base, convention="keras")
    weights = files.write_keras_weights(tmp_path / "c.weights.h5", layers)
    weights = load(weights, base, convention="keras")
    assert weights[1].skipped == ("optimizer/vars/0",)
    assert_equal(model[0], published[0])
    assert_equal(weights[0], published[0])


def test_keras_weights_without_names_of_layers_are_refused(tmp_path):
    layers = reference.random_keras("vgg16", width=WIDTH)
    path = files.write_keras_weights(tmp_path / "c.weights.h5", layers, named=False)
    with pytest.raises(DataError, match=r"c.weights.h5: does not name its layers"):
        load(path, "vgg16", convention="keras")


@pytest.mark.parametrize("base", ["vgg16", "resnet50"])
def test_own_files_give_back_what_was_saved(tmp_path, base):
    layers = reference.random_keras(base, width=WIDTH)
    path = files.write_keras(tmp_path / "a.h5", layers)
    variables, _ = load(path, base, convention="keras")
    save_npz(tmp_path / "b.npz", base, variables, convention="keras")
    again, report = load(tmp_path / "b.npz", base, convention="keras")
    assert_equal(again, variables)
    assert report.fits
    assert not report.skipped
    assert [p.name for p in tmp_path.iterdir() if "partial" in p.name] == []
    with pytest.raises(DataError, match=r"of the keras convention.*set convention='keras'"):
        load(tmp_path / "b.npz", base)
    with pytest.raises(DataError, match=f"has weights of {base}.*set base='{base}'"):
        load(tmp_path / "b.npz", "vgg19", convention="keras")


# Refusals.


def test_every_entry_that_does_not_fit_is_listed(tmp_path):
    state = reference.random_torch("vgg16", width=WIDTH)
    del state["features.0.bias"], state["features.28.weight"]
    state["features.2.weight"] = state["features.2.weight"][:3]
    state["extra.one"] = np.zeros((2, 3), np.float32)
    path = files.write_torch(tmp_path / "w.safetensors", state)
    with pytest.raises(DataError) as caught:
        load(path, "vgg16")
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    for line in (
        "23 entries fit",
        "2 missing:\n  features.0.bias: expected (4,)\n  features.28.weight: expected (32, 32, 3",
        "1 extra:\n  extra.one: found (2, 3)",
        "1 misshapen:\n  features.2.weight: expected (4, 4, 3, 3), found (3, 4, 3, 3)",
    ):
        assert line in message


def test_another_width_is_refused(torch_file):
    with pytest.raises(DataError, match=r"26 misshapen:"):
        load(torch_file, "vgg16", width=1 / 8)


def test_another_network_is_refused(torch_file):
    with pytest.raises(DataError, match=r"features.34.weight: expected"):
        load(torch_file, "vgg19")


@pytest.mark.parametrize("batch_norm", [True, False])
def test_batch_norm_that_the_weights_do_not_have_is_pointed_out(tmp_path, batch_norm):
    state = reference.random_torch("vgg16", width=WIDTH, batch_norm=batch_norm)
    path = files.write_torch(tmp_path / "w.safetensors", state)
    with pytest.raises(DataError, match=f"Set batch_norm={batch_norm}"):
        load(path, "vgg16", batch_norm=not batch_norm)


def test_the_wrong_convention_is_refused(tmp_path, torch_file):
    with pytest.raises(DataError, match=r"of the torch convention.*set convention='torch'"):
        load(torch_file, "vgg16", convention="keras")
    layers = reference.random_keras("vgg16", width=WIDTH)
    path = files.write_keras(tmp_path / "w.h5", layers)
    with pytest.raises(DataError, match=r"of the keras convention.*set convention='keras'"):
        load(path, "vgg16")


def test_the_first_resnet_of_keras_is_refused(tmp_path):
    layers = {"res2a_branch2a": [np.ones((1, 1, 4, 4), np.float32), np.ones(4, np.float32)]}
    path = files.write_keras(tmp_path / "w.h5", layers)
    with pytest.raises(DataError, match="first Keras releases"):
        load(path, "resnet50", convention="keras")


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".bin", ".ckpt", ".pkl"])
def test_pickles_are_refused_unopened(tmp_path, suffix):
    path = tmp_path / f"vgg16{suffix}"
    with pytest.raises(
        DataError, match=r"any code.*\n.*weights_only=True.*\n.*save_file"
    ) as caught:
        load(path, "vgg16")
    assert "'vgg16.safetensors'" in str(caught.value)


def test_a_pickle_inside_an_npz_is_not_loaded(tmp_path):
    path = tmp_path / "w.npz"
    np.savez(path, metadata=np.array([object()], dtype=object))
    with pytest.raises(DataError, match=r"w.npz: damaged.*allow_pickle=False"):
        load(path, "vgg16")


@pytest.mark.parametrize("suffix", [".safetensors", ".h5", ".npz"])
def test_a_missing_file_is_named(tmp_path, suffix):
    with pytest.raises(DataError, match=f"w{suffix}: there is no such file"):
        load(tmp_path / f"w{suffix}", "vgg16", convention="torch" if suffix != ".h5" else "keras")


def test_other_suffixes_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"must be .safetensors .* got .onnx"):
        load(tmp_path / "w.onnx", "vgg16")


def write_any(path):
    """A good file of the path's kind; (path, convention)."""
    if path.suffix == ".safetensors":
        state = reference.random_torch("vgg16", width=WIDTH)
        return files.write_torch(path, state), "torch"
    layers = reference.random_keras("vgg16", width=WIDTH)
    if path.suffix == ".h5":
        return files.write_keras(path, layers), "keras"
    source = files.write_keras(path.with_suffix(".h5"), layers)
    save_npz(path, "vgg16", load(source, "vgg16", convention="keras")[0], convention="keras")
    return path, "keras"


@pytest.mark.parametrize("suffix", [".safetensors", ".h5", ".npz"])
@pytest.mark.parametrize("fraction", [0.0, 0.001, 0.3, 0.9, 0.999])
def test_truncated_files_are_refused_in_one_line(tmp_path, suffix, fraction):
    path, convention = write_any(tmp_path / f"w{suffix}")
    content = path.read_bytes()
    path.write_bytes(content[: int(fraction * len(content))])
    with pytest.raises(DataError, match=re.escape(f"w{suffix}: damaged")) as caught:
        load(path, "vgg16", convention=convention)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", [".safetensors", ".h5", ".npz"])
def test_files_of_something_else_are_refused_in_one_line(tmp_path, suffix):
    path = tmp_path / f"w{suffix}"
    path.write_text("<html>Not found</html>" * 20)
    convention = "torch" if suffix == ".safetensors" else "keras"
    with pytest.raises(DataError, match=re.escape(f"w{suffix}: damaged")) as caught:
        load(path, "vgg16", convention=convention)
    assert "\n" not in str(caught.value)


def test_an_npz_of_somebody_else_is_refused(tmp_path):
    np.savez(tmp_path / "w.npz", a=np.ones(3))
    with pytest.raises(DataError, match=r"has no metadata.*save_npz"):
        load(tmp_path / "w.npz", "vgg16")


def test_values_must_be_finite_numbers(tmp_path):
    for name, value, rule in (
        ("a", np.array([1, 2, np.nan, 4], np.float32), "features.0.bias holds values that are not"),
        ("b", np.array([1, 2, 3, 4], np.int32), "features.0.bias must hold floating-point numbers"),
    ):
        state = reference.random_torch("vgg16", width=WIDTH)
        path = tmp_path / f"{name}.safetensors"
        safetensors.numpy.save_file({**state, "features.0.bias": value}, path)
        with pytest.raises(DataError, match=rule):
            load(path, "vgg16")


@pytest.mark.parametrize(("suffix", "library"), [(".h5", "h5py"), (".safetensors", "safetensors")])
def test_a_library_that_is_not_installed_is_named(tmp_path, monkeypatch, suffix, library):
    path, convention = write_any(tmp_path / f"w{suffix}")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(DataError, match=rf'{library}.*pip install "jaxdepth\[pretrained\]"'):
        load(path, "vgg16", convention=convention)


def test_variables_of_another_network_are_refused(torch_file):
    with pytest.raises(ValueError, match=r"must be those of make_base\('vgg19'\)"):
        load_pretrained(torch_file, "vgg19", shapes_of("vgg16"), convention="torch")


def test_names_are_checked(torch_file, tmp_path):
    with pytest.raises(ValueError, match="base must be one of"):
        load_pretrained(torch_file, "vgg11", {}, convention="torch")
    with pytest.raises(ValueError, match="convention must be one of"):
        load_pretrained(torch_file, "vgg16", {}, convention="caffe")
    with pytest.raises(ValueError, match=r"path must end in .npz"):
        save_npz(tmp_path / "w", "vgg16", {}, convention="torch")


def test_an_empty_report_fits():
    assert ConversionReport().fits
    assert not ConversionReport(missing={"a": (1,)}).fits
