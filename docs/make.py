"""Runs the Python blocks of docs/integration.md in order, and remakes its pictures and outputs.

    python docs/make.py

A ```text block that follows a ```python block is what the latter prints. With --out=DIR the page
and its pictures are written there, and docs/ stays as it is.
"""

import argparse
import contextlib
import io
import os
import re
from pathlib import Path

PAGE = Path(__file__).with_name("integration.md")

BLOCK = re.compile(r"```python\n(?P<code>.*?)```\n(?:\n```text\n.*?```\n)?", re.DOTALL)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=PAGE.parent)
    out = parser.parse_args().out
    os.environ.setdefault("MPLBACKEND", "Agg")
    text = PAGE.read_text(encoding="utf-8")
    names = {"__name__": "__main__"}
    line = 0

    def run(match: re.Match) -> str:
        nonlocal line
        line = text.count("\n", 0, match.start("code"))
        # Empty lines in front let a traceback name the lines of the page.
        code = compile("\n" * line + match["code"], str(PAGE), "exec")
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(code, names)
        output = f"\n```text\n{printed.getvalue()}```\n" if printed.getvalue() else ""
        return f"```python\n{match['code']}```\n{output}"

    out.mkdir(parents=True, exist_ok=True)
    with contextlib.chdir(out):
        Path("integration").mkdir(exist_ok=True)
        new = BLOCK.sub(run, text)
        Path(PAGE.name).write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
