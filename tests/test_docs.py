"""The page docs/integration.md: its code runs, and prints and draws what the page shows."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "integration.md"
NUMBER = r"\d+(?:\.\d+)?"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A folder with the page and the pictures that its code makes."""
    folder = tmp_path_factory.mktemp("docs")
    run = subprocess.run(
        [sys.executable, "-W", "error", ROOT / "docs" / "make.py", f"--out={folder}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    return folder


def test_the_code_makes_every_picture(made):
    pictures = set(re.findall(r"!\[[^]]+\]\(([^)]+)\)", PAGE.read_text(encoding="utf-8")))
    assert pictures
    for picture in pictures:
        assert (made / picture).read_bytes().startswith(b"\x89PNG"), picture
        assert (PAGE.parent / picture).exists(), f"{picture} is missing; run python docs/make.py"
    assert {f"integration/{p.name}" for p in (made / "integration").iterdir()} == pictures


def test_the_code_prints_what_the_page_shows(made):
    shown = PAGE.read_text(encoding="utf-8")
    printed = (made / PAGE.name).read_text(encoding="utf-8")

    def words(text):
        return re.sub(rf"\s*{NUMBER}", " 0", text)

    def numbers(text):
        return [float(number) for number in re.findall(NUMBER, text)]

    assert words(printed) == words(shown)
    # Another processor or version rounds differently, and shrinkage has kinks.
    assert numbers(printed) == pytest.approx(numbers(shown), rel=0.1, abs=0.005)
