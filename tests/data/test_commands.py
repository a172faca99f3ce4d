"""`python -m jaxdepth.data`, as a user runs it."""

import shlex
import shutil
import subprocess
import sys

import pytest

from jaxdepth.data.__main__ import main
from jaxdepth.data.prepare import DATASETS, OWN_FILES
from jaxdepth.errors import report
from jaxdepth.experiment import build_source, load_config
from tests.data.prepare import fabricated
from tests.scripts import VARIANT

PATTERN = ("--image={split}/rgb/{name}.jpg", "--depth={split}/depth/{name}.png")
OWN = (*PATTERN, "--depth_scale=1000")


def run(capsys, *arguments) -> tuple[int, str, str]:
    status = report(main, [str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return status, out, err


def test_prepare_check_and_show(tmp_path, capsys):
    source = fabricated.own_folder(tmp_path / "files")
    where = f"--data_dir={tmp_path / 'data'}"
    status, out, err = run(capsys, "prepare", "flat", f"--source={source}", *OWN, where)
    assert status == 0
    assert "'train': 5" in out
    assert out.endswith(
        "To train on it: python train.py --config=configs/folder.py:flat "
        f"--config.data.{where[2:]}\n"
    )
    assert "7/7" in err
    status, out, _ = run(capsys, "check", "flat", where)
    assert status == 0
    assert "train  5         24x32" in out
    status, out, _ = run(capsys, "show", "flat", where, f"--out={tmp_path / 'sheet.png'}")
    assert status == 0
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
    next((tmp_path / "data/flat/1.0.0").glob("flat-test*")).unlink()
    status, out, _ = run(capsys, "check", "flat", where)
    assert status == 1
    assert "wrong: test" in out
    sheet = f"--out={tmp_path / 'other.png'}"
    status, _, err = run(capsys, "show", "flat", where, sheet, "--split=test")
    assert status == 1
    assert "flat/1.0.0, test: " in err
    assert not (tmp_path / "other.png").exists()


def test_bad_files_are_left_out_and_listed(tmp_path, capsys):
    source = fabricated.own_folder(tmp_path / "files")
    (source / "train/depth/001.png").write_bytes(b"no picture")
    where = f"--data_dir={tmp_path / 'data'}"
    status, _, err = run(capsys, "prepare", "flat", f"--source={source}", *OWN, where)
    assert status == 1
    (error,) = [line for line in err.splitlines() if line.startswith("error: ")]
    assert "train/depth/001.png" in error
    assert "Traceback" not in err
    for command in (("check",), ("show", f"--out={tmp_path / 'sheet.png'}")):
        status, _, told = run(capsys, command[0], "flat", where, *command[1:])
        assert status == 1
        assert f"flat is unfinished in {tmp_path / 'data/flat/1.0.0.unfinished'}" in told
    skip = "--skip_bad=1"
    status, out, _ = run(capsys, "prepare", "flat", f"--source={source}", *OWN, where, skip)
    assert status == 0
    assert "skipped.txt lists them" in out


def test_filled_depth_is_a_variant(tmp_path, capsys):
    source = fabricated.own_folder(tmp_path / "files")
    arguments = (f"--source={source}", *OWN, f"--data_dir={tmp_path / 'data'}")
    status, out, _ = run(capsys, "prepare", "flat", *arguments, "--fill=cross_bilateral")
    assert status == 0
    assert "--config.data.variant=cross_bilateral" in out
    status, out, _ = run(capsys, "check", "flat", arguments[-1])
    assert status == 0
    assert "depth_raw  24x32  1.00–1.07   99.9 %" in out
    (tmp_path / "data/flat/colorization/1.0.0.unfinished").mkdir(parents=True)
    status, _, err = run(capsys, "check", "flat", arguments[-1], "--variant=colorization")
    assert status == 1
    assert "flat is unfinished in" in err


@pytest.mark.parametrize(
    ("splits", "trains_on", "validates_on"),
    [
        (("train",), 2, 1),
        (("train", "test"), 2, 1),
        (("train", "val"), 3, 3),
        (("train", "validation", "val"), 3, 3),
        (("test",), None, None),
    ],
)
def test_the_line_that_trains_finds_its_splits(tmp_path, capsys, splits, trains_on, validates_on):
    for i, split in enumerate(splits):
        for j in range(3):
            names = (f"{split}/rgb/{j}.jpg", f"{split}/depth/{j}.png")
            fabricated.write_pair(tmp_path / "files", *names, number=10 * i + j)
    where = f"--data_dir={tmp_path / 'a folder'}"
    _, out, _ = run(capsys, "prepare", "few", f"--source={tmp_path / 'files'}", *OWN, where)
    line = out.partition("To train on it: ")[2]
    if trains_on is None:
        assert not line
        return
    config = config_of(line)
    assert len(build_source(config, "train")) == trains_on
    assert len(build_source(config, "validation")) == validates_on
    named = [split for split in ("validation", "val") if split in splits]
    if named:
        assert f"/{named[0]}'" in repr(build_source(config, "validation"))


def test_a_wrong_unit_of_depth_is_warned_of_once(tmp_path, capsys):
    source = fabricated.own_folder(tmp_path / "files")
    where = f"--data_dir={tmp_path / 'data'}"
    wrong = (*PATTERN, "--depth_scale=1")
    prepared = run(capsys, "prepare", "flat", f"--source={source}", *wrong, where)
    checked = run(capsys, "check", "flat", where)
    for status, _, err in (prepared, checked):
        assert status == 0
        (warning,) = [line for line in err.splitlines() if line.startswith("warning: ")]
        assert "test has depth with a median of 2021.00 m" in warning


@pytest.mark.parametrize("name", DATASETS)
def test_a_published_datasets_config_reads_it(name):
    assert config_of(f"python train.py {DATASETS[name].training}").data.dataset == name


def config_of(line: str):
    config, *overrides = shlex.split(line)[2:]
    return load_config(config.removeprefix("--config="), overrides)


def test_rooms_are_checked_too(scripts, capsys):
    where = (f"--variant={VARIANT}", f"--data_dir={scripts.folder / 'data'}")
    status, out, _ = run(capsys, "check", "rooms", *where, "--limit=2")
    assert status == 0
    assert "depth_kinect" in out


@pytest.mark.parametrize("arguments", [(), ("--help",), ("prepare",), ("prepare", "--help")])
def test_the_overview_names_every_dataset(capsys, arguments):
    status, out, _ = run(capsys, *arguments)
    assert status == 0
    for name in DATASETS:
        assert f"python -m jaxdepth.data prepare {name} --source=" in out


@pytest.mark.parametrize("name", [*DATASETS, "own"])
def test_a_datasets_help_names_its_options(capsys, name):
    with pytest.raises(SystemExit) as ended:
        main(["prepare", name, "--help"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    dataset = DATASETS.get(name, OWN_FILES)
    options = [option.name for option in dataset.options]
    for flag in ("source", "data_dir", "skip_bad", *options):
        assert f"--{flag}" in out
    assert ("--fill" in out) == dataset.holes


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (("prepared", "a"), "no command 'prepared': choose from prepare, check, show"),
        (("prepare", "--source=.", "--image=a"), "needs the dataset's NAME before its flags"),
        (("prepare", "rooms", "--source=."), "rooms is not prepared here"),
        (
            ("prepare", "nyu_labelled", "--source=."),
            "no dataset 'nyu_labelled': choose from diml, kitti",
        ),
        (("prepare", "ab", "--source=.", *OWN), "must have images at"),
        (("prepare", "../ab", "--source=.", *OWN), "name must be small letters"),
        (("check", "kitti", "--data_dir=gs://a"), "must be a folder, got gs://a; mount the bucket"),
        (("prepare", "ab", "--source=gone", *OWN), "cannot read gone as a folder, or an archive"),
        (("check", "kitti"), "python -m jaxdepth.data prepare kitti --source=DIR"),
        (("check", "room"), "no dataset 'room'"),
    ],
)
def test_wrong_commands_get_one_sentence(tmp_path, capsys, monkeypatch, arguments, match):
    monkeypatch.chdir(tmp_path)
    where = () if arguments[0] == "prepared" else (f"--data_dir={tmp_path}",)
    status, out, err = run(capsys, *arguments[:2], *where, *arguments[2:])
    assert status in (1, 2)
    assert err.startswith("error: ")
    assert match in err
    assert not out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ("prepare", "own", "--source=.", *OWN, "--skip_bad=-1"),
        ("check", "own", "--limit=0"),
        ("show", "own", "--out=a.png", "--examples=x"),
        ("prepare", "kitti", "--source=.", "--depth=z"),
        ("prepare", "kitti", "--source=.", "--fill=yes"),
        ("prepare", "diml", "--source=.", "--fill=colorization"),
        ("prepare", "own"),
    ],
)
def test_wrong_flags_get_their_usage(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    assert ended.value.code == 2
    assert "error: " in capsys.readouterr().err


def test_it_is_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "jaxdepth.data"], capture_output=True, text=True, check=True
    )
    assert "any other NAME" in done.stdout


def test_a_source_in_archives(tmp_path, capsys):
    folder = tmp_path / "files"
    folder.mkdir()
    fabricated.make3d(folder)
    sources = [
        f"--source={shutil.make_archive(str(tmp_path / name), 'gztar', folder, name)}"
        for name in ("Train400Img", "Train400Depth", "Test134", "Gridlaserdata")
    ]
    where = f"--data_dir={tmp_path / 'data'}"
    status, out, _ = run(capsys, "prepare", "make3d", *sources, where, "--unverified")
    assert status == 0
    assert "'train': 2" in out
    assert "To train on it: python train.py --config=configs/make3d.py --config.data.data_" in out
    assert [path.name for path in (tmp_path / "data" / "make3d").iterdir()] == ["1.0.0"]
