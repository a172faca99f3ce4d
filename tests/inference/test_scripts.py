"""`evaluate.py` and `python -m jaxdepth.predict`, as users run them."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import evaluate
from jaxdepth import predict
from jaxdepth.data.images import read_image

COLUMNS = ["δ1", "δ2", "δ3", "abs rel", "sqr rel", "RMS(lin)", "RMS(log)", "log10"]


def rows_of(table: str) -> dict[str, list[float]]:
    """Label → numbers of each row of a table."""
    rows = {}
    for line in table.splitlines():
        numbers = re.findall(r"(?<=\s)(\d+\.\d{4,}|nan)(?=\s|$)", line)
        if len(numbers) == len(COLUMNS):
            rows[line.split("  ")[0].strip()] = [float(x) for x in numbers]
    return rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Three photographs with depth in millimetres, the third one's with holes."""
    root = tmp_path_factory.mktemp("pairs")
    rng = np.random.default_rng(0)
    for name in ("rgb", "depth"):
        (root / name).mkdir()
    for i in range(3):
        pixels = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / "rgb" / f"{i}.jpg")
        depth = rng.uniform(500, 5000, (48, 64)).astype(np.uint16)
        if i == 2:
            depth[:, :20] = 0
        Image.fromarray(depth).save(root / "depth" / f"{i}.png")
    return root


def files_in(root: Path) -> dict[Path, bytes]:
    return {p: p.read_bytes() for p in root.rglob("*") if p.is_file()}


def test_a_run_on_its_test_split(scripts, finished):
    out, _ = scripts.run("evaluate.py", f"--workdir={finished}")
    rows = rows_of(out)
    assert list(rows) == ["mean training depth", "global f", "integrated u"]
    header = next(line for line in out.splitlines() if "abs rel" in line)
    assert all(column in header for column in COLUMNS)
    assert "pooled over all pixels" in out
    assert "8 images" in out
    assert scripts.call(evaluate.main, f"--workdir={finished}") == out


def test_split_and_protocol_can_be_chosen(scripts, finished):
    test = scripts.call(evaluate.main, f"--workdir={finished}")
    other = scripts.call(
        evaluate.main,
        f"--workdir={finished}",
        "--split=validation",
        "--average=images",
        "--crop=4:28,4:44",
        "--max_depth=3",
    )
    assert rows_of(other) != rows_of(test)
    assert "validation split" in other
    assert "averaged over images" in other
    assert "crop 4:28,4:44" in other
    assert "< 3 m" in other


def test_every_finished_run_by_default(scripts, finished, tmp_path):
    for name in ("a", "b"):
        shutil.copytree(finished, tmp_path / "runs" / name)
    shutil.copytree(finished, tmp_path / "runs" / "unfinished")
    (tmp_path / "runs" / "unfinished" / "finished.json").unlink()
    out, _ = scripts.run("evaluate.py", cwd=tmp_path)
    assert [line.split(",")[0] for line in out.splitlines() if line.startswith("runs/")] == [
        "runs/a",
        "runs/b",
    ]


def test_a_run_by_its_config(scripts, finished):
    out = scripts.call(evaluate.main, *scripts.train_arguments(finished))
    assert rows_of(out)
    err = scripts.call(
        evaluate.main, "--config=configs/rooms.py", f"--workdir={finished}", status=1
    )
    assert "was made by another config" in err


def test_a_run_on_a_folder_of_pairs(scripts, finished, folder):
    out = scripts.call(
        evaluate.main,
        f"--workdir={finished}",
        f"--rgb={folder / 'rgb'}",
        f"--depth={folder / 'depth'}",
        "--depth_scale=1000",
    )
    assert list(rows_of(out)) == ["mean training depth", "global f", "integrated u"]
    assert f"{3 * 48 * 64 - 48 * 20:,} pixels" in out


def test_depth_of_another_resolution_is_scored_at_its_own(scripts, finished, folder, tmp_path):
    for file in (folder / "depth").iterdir():
        with Image.open(file) as image:
            image.resize((32, 24), Image.Resampling.NEAREST).save(tmp_path / file.name)
    out = scripts.call(
        evaluate.main,
        f"--workdir={finished}",
        f"--rgb={folder / 'rgb'}",
        f"--depth={tmp_path}",
        "--depth_scale=1000",
        "--silog",
    )
    assert f"{3 * 24 * 32 - 24 * 10:,} pixels" in out
    assert "SIlog" in out


def test_saved_predictions_without_a_model(scripts, folder):
    arguments = (f"--depth={folder / 'depth'}", "--depth_scale=1000", "--prediction_scale=500")
    out = scripts.call(evaluate.main, f"--predictions={folder / 'depth'}", *arguments)
    (row,) = rows_of(out).values()
    # Read at half the scale, the ground truth itself is twice as deep.
    np.testing.assert_allclose(row[:4], [0, 0, 0, 1], atol=1e-4)
    np.testing.assert_allclose(row[7], np.log10(2), atol=1e-4)


def test_predictions_of_the_crops_size_cover_the_crop(scripts, folder, tmp_path):
    for file in (folder / "depth").iterdir():
        depth = np.asarray(Image.open(file))[4:44, 8:60] / np.float32(1000)
        np.save(tmp_path / f"{file.stem}.npy", depth)
    arguments = [
        f"--predictions={tmp_path}",
        f"--depth={folder / 'depth'}",
        "--depth_scale=1000",
        "--prediction_scale=1",
    ]
    out = scripts.call(evaluate.main, *arguments, "--crop=4:44,8:60")
    (row,) = rows_of(out).values()
    np.testing.assert_allclose(row[:5], [1, 1, 1, 0, 0], atol=1e-4)
    assert "of the crop's size, laid over it" in out
    err = scripts.call(evaluate.main, *arguments, "--crop=4:44,8:61", status=1)
    assert "--resize" in err
    assert "0.npy" in err
    out = scripts.call(evaluate.main, *arguments, "--crop=4:44,8:61", "--resize")
    assert "resized bilinearly" in out


def test_photographs_at_their_own_size(scripts, finished, folder, tmp_path):
    photos = sorted(str(p) for p in (folder / "rgb").iterdir())
    out = scripts.call(predict.main, *photos, f"--workdir={finished}", f"--out={tmp_path / 'out'}")
    assert out.split() == [str(tmp_path / "out" / f"{i}_color.png") for i in range(3)]
    metres = np.load(tmp_path / "out" / "0_depth.npy")
    millimetres = np.asarray(Image.open(tmp_path / "out" / "0_depth.png"))
    assert metres.shape == millimetres.shape == (48, 64)
    assert metres.dtype == np.float32
    np.testing.assert_allclose(millimetres / 1000, metres, atol=5.1e-4)
    assert read_image(tmp_path / "out" / "0_color.png").shape == (48, 64, 3)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("truncated", r"1\.jpg.*cut short"),
        ("other_size", r"1\.(jpg|png).*aspect"),
        ("no_pairs", r"partner of the same name"),
        ("all_zero", r"1\.png has no valid pixel"),
        ("no_folder", r"no folder .*nowhere"),
    ],
)
def test_bad_folders_get_one_clear_line(scripts, finished, folder, tmp_path, damage, message):
    root = tmp_path / "pairs"
    shutil.copytree(folder, root)
    depth = root / "depth"
    if damage == "truncated":
        content = (root / "rgb" / "1.jpg").read_bytes()
        (root / "rgb" / "1.jpg").write_bytes(content[: len(content) // 2])
    elif damage == "other_size":
        Image.fromarray(np.ones((48, 20), np.uint16)).save(depth / "1.png")
    elif damage == "no_pairs":
        for file in list(depth.iterdir()):
            file.rename(depth / f"x{file.name}")
    elif damage == "all_zero":
        Image.fromarray(np.zeros((48, 64), np.uint16)).save(depth / "1.png")
    else:
        depth = root / "nowhere"
    before = files_in(root) | files_in(finished)
    err = scripts.call(
        evaluate.main,
        f"--workdir={finished}",
        f"--rgb={root / 'rgb'}",
        f"--depth={depth}",
        "--depth_scale=1000",
        status=1,
    )
    assert re.search(message, err.strip().splitlines()[-1]), err
    assert files_in(root) | files_in(finished) == before


def test_a_bad_photograph_stops_before_anything_is_written(scripts, finished, folder, tmp_path):
    bad = tmp_path / "bad.jpg"
    bad.write_bytes((folder / "rgb" / "0.jpg").read_bytes()[:300])
    err = scripts.call(
        predict.main,
        str(folder / "rgb" / "0.jpg"),
        str(bad),
        f"--workdir={finished}",
        f"--out={tmp_path / 'out'}",
        status=1,
    )
    assert str(bad) in err
    assert not (tmp_path / "out").exists()


def test_a_damaged_checkpoint_is_named(scripts, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "run")
    newest = max((tmp_path / "run" / "checkpoints").glob("[0-9]*"), key=lambda p: int(p.name))
    files = [p for p in (newest / "variables").rglob("*") if p.is_file()]
    largest = max(files, key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:100])
    err = scripts.call(evaluate.main, f"--workdir={tmp_path / 'run'}", status=1)
    assert f"checkpoints/{newest.name} cannot be used" in err


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["--rgb=a"], 2, "--depth=DIR goes with"),
        (["--rgb=a", "--depth=b"], 2, "--depth needs --depth_scale"),
        (["--predictions=a", "--depth=b", "--depth_scale=1"], 2, "needs --prediction_scale"),
        (["--workdri=a"], 2, "unknown argument '--workdri=a'"),
        (["--workdir=nowhere"], 1, "nowhere is not a run"),
        (["--crop=1:2"], 2, "TOP:BOTTOM,LEFT:RIGHT"),
        (["--predictions=a", "--depth=b", "--maxdepth=3"], 2, "unknown argument '--maxdepth=3'"),
        (["--prediction_scale=1"], 2, "--predictions needs --prediction_scale, and it alone"),
        (["--depth_scale=1"], 2, "--depth needs --depth_scale, and it alone"),
    ],
)
def test_mistaken_arguments_are_explained(scripts, arguments, status, message):
    err = scripts.call(evaluate.main, *arguments, status=status)
    assert message in err


@pytest.mark.real_data
def test_real_photographs_are_scored_and_predicted(scripts, finished, real_data, tmp_path):
    nyu = real_data / "nyu_filled"
    out = scripts.call(
        evaluate.main,
        f"--workdir={finished}",
        f"--rgb={nyu / 'rgb'}",
        f"--depth={nyu / 'depth'}",
        "--depth_scale=1000",
        "--crop=44:471,40:601",
    )
    assert "5 images" in out
    photo = nyu / "rgb" / "001.png"
    photo = photo if photo.exists() else sorted((nyu / "rgb").iterdir())[0]
    scripts.call(predict.main, str(photo), f"--workdir={finished}", f"--out={tmp_path}")
    assert np.load(tmp_path / f"{photo.stem}_depth.npy").shape == (480, 640)


def test_means_over_runs(scripts, finished, tmp_path):
    shutil.copytree(finished, tmp_path / "again")
    runs = [f"--workdir={finished}", f"--workdir={tmp_path / 'again'}"]
    alone = rows_of(scripts.call(evaluate.main, f"--workdir={finished}"))
    out = scripts.call(evaluate.main, "--mean", *runs)
    line = next(line for line in out.splitlines() if line.startswith("integrated u"))
    assert re.findall(r"(\S+) ± (\S+)", line) == [
        (f"{value:.4f}", "0.0000") for value in alone["integrated u"]
    ]
