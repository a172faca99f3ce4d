"""The shape of the project: who imports whom, and that what is public says what it is."""

import ast
import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "jaxdepth"

ALLOWED = {
    "errors": set(),
    "ops": set(),
    "losses": {"ops"},
    "metrics": {"ops"},
    "augment": {"ops"},
    "models": {"ops"},
    "pretrained": {"errors", "models"},
    "data": {"errors"},
    "evaluation": {"errors", "metrics", "ops"},
    "experiment": {
        "errors", "ops", "models", "pretrained", "losses", "augment", "data", "evaluation"},
    "training": {
        "errors", "ops", "models", "losses", "metrics", "augment", "data", "evaluation",
        "experiment"},
    "inference": {
        "errors", "ops", "models", "metrics", "augment", "data", "evaluation", "experiment"},
    "predict": {"errors", "experiment", "inference"},
}  # fmt: skip
"""What each part may import of the others: down only."""


def parts_imported_by(file: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "jaxdepth":
                found |= {alias.name for alias in node.names}
            elif node.module.startswith("jaxdepth."):
                found.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {a.name.split(".")[1] for a in node.names if a.name.startswith("jaxdepth.")}
    return found


@pytest.mark.parametrize("part", ALLOWED)
def test_imports_point_down(part):
    root = PACKAGE / part
    files = list(root.rglob("*.py")) if root.is_dir() else [root.with_suffix(".py")]
    assert files
    for file in files:
        assert parts_imported_by(file) <= ALLOWED[part] | {part}, file


def test_every_part_is_listed():
    there = {p.stem for p in PACKAGE.iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert there - {"__init__"} == set(ALLOWED)


def test_nothing_below_the_experiment_knows_a_config():
    for part in ("ops", "losses", "metrics", "augment", "models", "data", "evaluation"):
        for file in (PACKAGE / part).rglob("*.py"):
            assert "ml_collections" not in file.read_text(), file


def test_data_needs_no_jax_but_to_render():
    for file in (PACKAGE / "data").rglob("*.py"):
        if "rooms" not in file.parts:
            names = {
                name.split(".")[0]
                for node in ast.walk(ast.parse(file.read_text()))
                if isinstance(node, ast.Import | ast.ImportFrom)
                for name in (
                    [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module]
                )
            }
            assert "jax" not in names, file


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, jaxdepth; print([m for m in ('jax', 'flax', 'numpy') if m in sys.modules])"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize("part", [part for part in ALLOWED if (PACKAGE / part).is_dir()])
def test_public_names_are_documented(part):
    module = importlib.import_module(f"jaxdepth.{part}")
    assert module.__doc__
    for name in getattr(module, "__all__", []):
        value = getattr(module, name)
        if inspect.isfunction(value) or inspect.isclass(value):
            assert inspect.getdoc(value), f"{part}.{name}"


def test_no_file_is_a_grab_bag():
    names = {p.stem for p in PACKAGE.rglob("*.py")}
    assert not names & {"utils", "util", "common", "helpers", "misc"}
