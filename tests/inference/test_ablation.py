"""`evaluate.py --ablation` and `--published`."""

import json
import shlex
import shutil
import statistics

import pytest

import evaluate
from jaxdepth.evaluation import read_results, runs_line
from jaxdepth.experiment import ABLATION_TABLES, fingerprint_config, load_config
from jaxdepth.inference import ablation_table
from tests.scripts import TINY

FULL = "deep variational (full)"


def commands(table) -> dict[str, list[str]]:
    """Label → the command of what is missing."""
    lines = (line.partition(": missing; ") for line in table.footer)
    return {label: shlex.split(command) for label, _, command in lines if command}


@pytest.mark.parametrize("name", ABLATION_TABLES)
@pytest.mark.parametrize("config", ["configs/rooms.py", "configs/nyu.py", "configs/rooms.py:long"])
def test_every_row_can_be_trained_by_its_command(tmp_path, name, config):
    if name == "two_stream" and config.endswith("long"):
        config = "configs/rooms.py"
    table = ablation_table(name, root=tmp_path, config=config, overrides=["--config.log_every=7"])
    rows = ABLATION_TABLES[name].rows
    found = commands(table)
    assert list(found) == [row.label for row in rows]
    asked = {}
    for row in rows:
        program, script, spec, *rest = found[row.label]
        assert (program, script) == ("python", "train.py")
        overrides = [argument for argument in rest if argument.startswith("--config.")]
        resolved = load_config(spec.removeprefix("--config="), overrides)
        assert resolved.log_every == 7
        (workdir,) = set(rest) - set(overrides)
        asked[row.label] = (fingerprint_config(resolved, seed=False), workdir)
    # Rows that are maps of one run have one command, others one config and folder each.
    runs = {(row.variant, row.override) for row in rows}
    assert len(set(asked.values())) == len(runs)
    assert len({folder for _, folder in asked.values()}) == len(runs)


def test_what_a_config_cannot_express_is_said(tmp_path):
    config = tmp_path / "own.py"
    config.write_text(
        "from jaxdepth.experiment import default_config\n"
        "def get_config(variant=''):\n"
        "    from jaxdepth.experiment import choose_variants\n"
        "    return choose_variants(variant, {}, default_config())\n"
    )
    table = ablation_table("deep_variational", root=tmp_path, config=str(config))
    (line,) = (line for line in table.footer if line.startswith("Global net: "))
    assert "this config cannot express it: no variant 'global_only'" in line
    assert list(commands(table)) == [FULL]


def test_finished_runs_make_the_table_and_seeds_a_mean(scripts, finished, tmp_path):
    seeds = {"a": 0, "b": 1, "again": 0, "c": 2}
    for name, seed in seeds.items():
        ignore = shutil.ignore_patterns("evaluations")
        run = shutil.copytree(finished, tmp_path / name, ignore=ignore)
        config = json.loads((run / "config.json").read_text()) | {"seed": seed}
        (run / "config.json").write_text(json.dumps(config))
    (tmp_path / "c" / "finished.json").unlink()
    overrides = [*TINY, f"--config.data.data_dir={scripts.data_dir}"]
    arguments = ("--ablation=deep_variational", f"--root={tmp_path}", *overrides)
    out = scripts.call(evaluate.main, *arguments, "--format=json")
    (table,) = json.loads(out)
    rows = {row["label"]: row["metrics"] for row in table["rows"]}
    assert [label for label, metrics in rows.items() if metrics] == [FULL]
    found = []
    for name in ("a", "b"):
        (file,) = (tmp_path / name / "evaluations").glob("test-*.csv")
        found.append(read_results(file)[1]["integrated u"].metrics["rmse"])
    assert rows[FULL]["rmse"] == {"mean": statistics.mean(found), "deviation": 0}
    about = [line for line in table["footer"] if line.startswith(FULL)]
    paths = {name: tmp_path / name for name in seeds}
    assert about == [
        f"{FULL}: mean ± standard deviation of {paths['a']} (seed 0), {paths['b']} (seed 1)",
        f"{FULL}: {paths['again']} has seed 0, too, and is left out",
        f"{FULL}: {paths['c']} is not finished; the command that began it goes on",
    ]
    assert sum("missing; python train.py" in line for line in table["footer"]) == 5


def test_intervals_and_differences_from_the_reference(scripts, finished, tmp_path):
    runs = {"a": ("full", 0), "b": ("full", 1), "c": ("no_joint", 1), "d": ("no_joint", 0)}
    runs |= {"e": ("no_joint", 2), "f": ("no_adversarial", 1)}
    overrides = [*TINY, f"--config.data.data_dir={scripts.data_dir}"]
    for name, (variant, seed) in runs.items():
        ignore = shutil.ignore_patterns("evaluations")
        run = shutil.copytree(finished, tmp_path / name, ignore=ignore)
        config = load_config(f"configs/rooms.py:{variant}", overrides).to_dict() | {"seed": seed}
        (run / "config.json").write_text(json.dumps(config))
    arguments = ("--ablation=deep_variational", f"--root={tmp_path}", *overrides, "--format=json")
    plain, intervals, differences = (
        json.loads(scripts.call(evaluate.main, *arguments, *more))[0]
        for more in ((), ("--bootstrap",), ("--compare",))
    )
    value = plain["rows"][-1]["metrics"]["rmse"]["mean"]
    cells = {row["label"]: row["metrics"].get("rmse") for row in intervals["rows"]}
    assert list(cells) == [row["label"] for row in plain["rows"]]
    assert cells["Global net"] is None
    assert cells[FULL]["value"] == value
    assert cells[FULL]["low"] < value < cells[FULL]["high"]
    assert [line for line in intervals["footer"] if line.startswith("[low, high]")] == [
        runs_line(1),
        runs_line(2),
        runs_line(3),
    ]
    assert not any("±" in line for line in intervals["footer"])
    joint = "Global + local nets w/o joint training"
    assert f"{joint}: difference of the seeds 0, 1" in differences["footer"]
    cells = {row["label"]: row["metrics"].get("rmse") for row in differences["rows"]}
    assert next(iter(cells)) == FULL
    assert cells[FULL]["value"] == value
    for how in ("w/o", "w/"):
        label = f"Global + local nets {how} joint training: difference"
        assert cells.pop(label) == {"value": 0, "low": 0, "high": 0}
    assert sum(cell is None for cell in cells.values()) == len(cells) - 1


def test_published_rows_of_a_run_on_rooms_are_none(scripts, finished):
    plain = scripts.call(evaluate.main, f"--workdir={finished}")
    assert scripts.call(evaluate.main, f"--workdir={finished}", "--published") == plain


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--ablation=two_stream", "--mean"], "goes with --config"),
        (["--ablation=two_stream", "--sensitivity"], "under one protocol"),
        (["--ablation=two_stream", "--config=nothing.py"], "no config file"),
        (["--ablation=two_stream", "--bogus"], "--config.KEY=VALUE"),
        (["--published", "--study=lam"], "leave out --study"),
    ],
)
def test_mistaken_arguments_are_explained(scripts, arguments, message):
    assert message in scripts.call(evaluate.main, *arguments, status=2)
