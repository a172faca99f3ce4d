"""`evaluate.py --protocol`, `--sensitivity` and the refusal to mix protocols in one table."""

import json
import re
import shutil
from functools import partial

import numpy as np
import pytest
from PIL import Image

import evaluate
from jaxdepth.evaluation import PRESETS, score
from tests.evaluation.transcriptions import bilinear
from tests.scripts import Scripts

SIZE = (480, 640)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two predictions and ground truths of NYU's size, an image of each, and one without truth."""
    root = tmp_path_factory.mktemp("nyu")
    rng = np.random.default_rng(0)
    for name in ("rgb", "depth", "prediction"):
        (root / name).mkdir()
    for i in range(2):
        depth = bilinear(rng.uniform(1, 9, (6, 8)), SIZE).astype(np.float32)
        noisy = bilinear(rng.uniform(0.7, 1.5, (9, 9)), SIZE).astype(np.float32)
        np.save(root / "depth" / f"{i}.npy", np.where(rng.random(SIZE) < 0.1 * i, 0, depth))
        np.save(root / "prediction" / f"{i}.npy", depth * noisy)
        pixels = rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "rgb" / f"{i}.png")
    return root


@pytest.fixture(scope="module")
def saved(tmp_path_factory, folders):
    """`evaluate.py` on the saved predictions, with more arguments."""
    arguments = (
        f"--predictions={folders / 'prediction'}",
        "--prediction_scale=1",
        f"--depth={folders / 'depth'}",
        "--depth_scale=1",
    )
    return partial(Scripts(tmp_path_factory.mktemp("s")).call, evaluate.main, *arguments)


def pairs(folders):
    for i in range(2):
        yield str(i), *(np.load(folders / n / f"{i}.npy") for n in ("prediction", "depth"))


def numbers(line):
    return [float(x) for x in re.findall(r"(?<=\s)\d+\.\d{4}", line)]


def rows_of(text):
    return {line.split("  ")[0]: numbers(line) for line in text.splitlines() if numbers(line)}


def test_every_table_carries_the_hash(saved):
    assert "protocol hash: 44136fa3" in saved()
    out = saved("--protocol=nyu/bts")
    assert "protocol: nyu/bts: averaged over images; crop 45:471,41:601" in out
    assert f"protocol hash: {PRESETS['nyu/bts'].fingerprint}" in out
    assert "the paper does not say" in saved("--protocol=nyu/kim2018")


def test_several_protocols_make_one_table(saved, folders):
    out = saved("--protocol=nyu/bts,nyu/kim2018,nyu/densedepth")
    rows = rows_of(out)
    names = [
        f"{n} [{PRESETS[n].fingerprint}]" for n in ("nyu/bts", "nyu/kim2018", "nyu/densedepth")
    ]
    assert list(rows) == [*names, "largest − smallest"]
    for label, values in list(rows.items())[:3]:
        metrics = score(pairs(folders), PRESETS[label.split()[0]]).metrics
        assert values[3] == pytest.approx(metrics["abs_rel"], abs=6e-5)
        assert values[5] == pytest.approx(metrics["rmse"], abs=6e-5)
    column = [values[3] for values in list(rows.values())[:3]]
    assert rows["largest − smallest"][3] == pytest.approx(max(column) - min(column), abs=2e-4)
    assert "[817cfe78] protocol: nyu/bts: averaged over images" in out
    assert "[619f062f] counted: 2 images" in out


def test_sensitivity_takes_all_protocols_of_the_frame(saved):
    rows = rows_of(saved("--sensitivity", "--silog"))
    expected = [f"{n} [{p.fingerprint}]" for n, p in PRESETS.items() if n.startswith("nyu/")]
    assert list(rows) == [*expected, "largest − smallest"]


def test_sensitivity_counts_the_first_image_too(saved):
    assert saved("--sensitivity").count("counted: 2 images") == 6


def test_a_model_on_a_folder_under_protocols(scripts, finished, folders):
    out = scripts.call(
        evaluate.main,
        f"--workdir={finished}",
        f"--rgb={folders / 'rgb'}",
        f"--depth={folders / 'depth'}",
        "--depth_scale=1",
        "--protocol=nyu/adabins,nyu/bts",
    )
    rows = rows_of(out)
    assert [label.split(" [")[0] for label in rows] == [
        f"{row}, {name}"
        for row in ("mean training depth", "global f", "integrated u")
        for name in ("nyu/adabins", "nyu/bts", "largest − smallest")
    ]
    # Only AdaBins averages with the mirrored image, which changes the model's rows, not the mean's.
    assert rows["mean training depth, largest − smallest"] == [0] * 8
    assert any(rows["global f, largest − smallest"])
    assert "averaged with those of the mirrored images" in out


def test_a_preset_on_other_data_is_called_so_and_has_another_hash(scripts, finished):
    out = scripts.call(evaluate.main, f"--workdir={finished}", "--protocol=diml/kim2018")
    assert re.search(r"protocol: diml/kim2018 with dataset rooms/\S+: pooled", out)
    assert PRESETS["diml/kim2018"].fingerprint not in out


def test_a_mean_of_runs_under_different_protocols_is_refused(scripts, finished, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(finished, other)
    config = json.loads((other / "config.json").read_text())
    config["evaluation"]["max_depth"] = 5.0
    (other / "config.json").write_text(json.dumps(config))
    call = partial(scripts.call, evaluate.main, "--mean", f"--workdir={finished}")
    err = call(f"--workdir={other}", status=2)
    assert "differ in max_depth (10.0 and 5.0)" in err
    assert str(other) in err
    assert "--across_protocols" in err
    out = call(f"--workdir={other}", "--across_protocols")
    assert len(set(re.findall(r"protocol hash: (\w+)", out))) == 2
    out = call(f"--workdir={other}", "--protocol=diml/kim2018")
    assert len(set(re.findall(r"protocol hash: (\w+)", out))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--protocol=nyu/btz"], "one of nyu/kim2018"),
        (["--protocol=nyu/bts", "--crop=none"], "a preset states its --crop itself"),
        (["--sensitivity", "--average=images"], "a preset states its --average itself"),
        (["--sensitivity", "--protocol=nyu/bts"], "leave out --protocol"),
        (["--protocol=nyu/bts,nyu/kim2018", "--mean"], "--mean is of runs under one protocol"),
        (["--across_protocols"], "add --mean"),
        (["--study=iterations", "--protocol=nyu/bts"], "leave out --study"),
        (["--curves=a.png", "--sensitivity"], "leave out --study, --curves"),
    ],
)
def test_choices_that_contradict_each_other_are_explained(scripts, arguments, message):
    assert message in scripts.call(evaluate.main, *arguments, status=2)


def test_a_frame_without_presets_is_named(scripts, tmp_path):
    for name in ("p", "g"):
        (tmp_path / name).mkdir()
        np.save(tmp_path / name / "0.npy", np.ones((12, 16), np.float32))
    err = scripts.call(
        evaluate.main,
        f"--predictions={tmp_path / 'p'}",
        "--prediction_scale=1",
        f"--depth={tmp_path / 'g'}",
        "--depth_scale=1",
        "--sensitivity",
        status=1,
    )
    assert re.search(r"0\.npy: the ground truth is 12x16", err)


@pytest.mark.real_data
@pytest.mark.parametrize("part", ["full frame", "valid area"])
def test_real_depth_perturbed_under_four_protocols(real_data, tmp_path, part):
    """What each protocol counts decides what it sees of an error that is known.

    Predictions are 10 % too near; 40 % at the border of the image, outside the valid area; and half
    as far in that area's first row and column, which only the exact crop contains.
    """
    truth = real_data / "nyu_filled" / "depth"
    for file in sorted(truth.glob("*.png")):
        g = np.asarray(Image.open(file)) / np.float32(1000)
        factor = np.full(SIZE, 0.6, np.float32)
        factor[44:471, 40:601] = 0.5
        factor[45:471, 41:601] = 0.9
        p = g * factor
        np.save(tmp_path / f"{file.stem}.npy", p if part == "full frame" else p[44:471, 40:601])
    out = Scripts(tmp_path).call(
        evaluate.main,
        f"--predictions={tmp_path}",
        "--prediction_scale=1",
        f"--depth={truth}",
        "--depth_scale=1000",
        "--protocol=nyu/bts,nyu/kim2018,nyu/li2017,nyu/laina2016",
        "--silog",
    )
    print(out)
    rows = {label.split(" [")[0]: values for label, values in rows_of(out).items()}
    columns = ("δ1", "δ2", "δ3", "abs rel", "sqr rel", "RMS(lin)", "RMS(log)", "log10", "SIlog")
    of = {name: dict(zip(columns, values, strict=True)) for name, values in rows.items()}
    assert of["nyu/bts"]["abs rel"] == 0.1  # sees neither the border nor the first row and column
    assert of["nyu/bts"]["δ1"] == 1
    assert of["nyu/bts"]["SIlog"] < 0.01
    assert of["nyu/kim2018"] == of["nyu/li2017"]
    row_and_column = (427 + 560) / (427 * 561)
    share = 0.1 + 0.4 * row_and_column
    assert of["nyu/kim2018"]["abs rel"] == pytest.approx(share, abs=2e-4)
    assert of["nyu/kim2018"]["δ1"] == pytest.approx(1 - row_and_column, abs=2e-4)
    assert of["nyu/kim2018"]["RMS(lin)"] > of["nyu/bts"]["RMS(lin)"]
    # Laina sees the border, or stretches over it what covers the valid area: edges move.
    assert of["nyu/laina2016"]["RMS(lin)"] > of["nyu/kim2018"]["RMS(lin)"] + 0.05
    assert of["nyu/laina2016"]["SIlog"] > of["nyu/kim2018"]["SIlog"] + 5
    assert of["nyu/laina2016"]["δ1"] < of["nyu/kim2018"]["δ1"] - 0.02
