"""Tables to where they are wanted: a terminal, a pipe, a document."""

import sys
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from jaxdepth.evaluation import FORMATS, SUFFIXES, Table, to_rich
from jaxdepth.experiment import write_text


def is_document(out: Path | None) -> bool:
    """Whether `--out` names a document of tables and no folder: by its suffix."""
    return out is not None and out.suffix.lower() in SUFFIXES


def present(
    tables: Iterable[Table | str], *, format: str | None = None, out: Path | None = None
) -> None:
    """Prints tables one by one as they come, and writes them to a file if asked for.

    On a terminal the best numbers are bold; anywhere else the text is plain.

    Args:
        tables: from `evaluate`; texts are printed as they are and in no document.
        format: one of `jaxdepth.evaluation.FORMATS`, to print one document of all instead.
        out: a file to write such a document to, in the format of its suffix.
    """
    console = Console(soft_wrap=True, highlight=False) if sys.stdout.isatty() else None
    shown: list[Table] = []
    for table in tables:
        if isinstance(table, Table):
            shown.append(table)
        if format is None and console and isinstance(table, Table):
            console.print(to_rich(table), end="\n\n")
        elif format is None:
            print(table, end="\n\n", flush=True)
    if format is not None:
        print(FORMATS[format](shown), end="", flush=True)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        write_text(out, FORMATS[SUFFIXES[out.suffix.lower()]](shown))
        print(f"written to {out}", file=sys.stderr)
