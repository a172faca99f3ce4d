"""Tables as Markdown, LaTeX, CSV and JSON documents, each with its protocols and their hashes."""

import csv
import io
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jaxdepth.evaluation.identity import rules
from jaxdepth.evaluation.statistics import Interval
from jaxdepth.evaluation.table import Cell, Spread, Table

_LATEX_HEADINGS = {"δ1": r"$\delta_1$", "δ2": r"$\delta_2$", "δ3": r"$\delta_3$"}
_LATEX_HEADINGS["log10"] = r"$\log_{10}$"
_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "±": r"$\pm$",
    "−": "$-$",
    "λ": r"$\lambda$",
    "η": r"$\eta$",
    "δ": r"$\delta$",
    "–": "--",
}


def to_markdown(tables: Sequence[Table]) -> str:
    """GitHub's Markdown: the best number of a column in bold, the lines below as a list."""
    return "\n".join(map(_markdown, tables))


def to_latex(tables: Sequence[Table]) -> str:
    """`tabular` environments for the package booktabs; titles and the lines below are comments."""
    return "\n".join(map(_latex, tables))


def to_csv(tables: Sequence[Table]) -> str:
    """A line for each row of all tables, with every metric of it in full precision.

    A mean is followed by its standard deviation, a number with an interval by its limits, in
    columns `METRIC_deviation`, `METRIC_low` and `METRIC_high`; last come hash and words of the
    protocols.
    """
    lines = []
    for table in tables:
        for i, (label, metrics) in enumerate(table.rows):
            cells = {"table": table.title, "row": label}
            for name, cell in metrics.items():
                for key, value in _parts(cell).items():
                    cells[name if key in ("value", "mean") else f"{name}_{key}"] = repr(value)
            protocols = table.protocols_of(i)
            cells["protocol_hash"] = " ".join(p.fingerprint for p in protocols)
            cells["protocol"] = " | ".join(map(str, protocols))
            lines.append(cells)
    names = list(dict.fromkeys(name for cells in lines for name in cells))
    last = ["protocol_hash", "protocol"]
    names = [name for name in names if name not in last] + last
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def to_json(tables: Sequence[Table]) -> str:
    """A list of tables with every metric of their rows in full precision; null for NaN and ∞."""
    return json.dumps([_json(table) for table in tables], indent=2, ensure_ascii=False) + "\n"


FORMATS: Mapping[str, Callable[[Sequence[Table]], str]] = {
    "markdown": to_markdown,
    "latex": to_latex,
    "csv": to_csv,
    "json": to_json,
}
"""Name → what makes a document of tables."""

SUFFIXES: Mapping[str, str] = {".md": "markdown", ".tex": "latex", ".csv": "csv", ".json": "json"}
"""Suffix of a file → name of its format."""


def _markdown(table: Table) -> str:
    heading, *rows = table.cells()
    best = table.best()
    lines = [f"**{table.title}**\n"] if table.title else []
    lines += [f"| {' | '.join(heading)} |", f"|---|{'---:|' * len(table.columns)}"]
    for i, row in enumerate(rows):
        cells = [f"**{c}**" if (i, j) in best else c for j, c in enumerate(row)]
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join([*lines, "", *(f"- {line}" for line in table.footer), ""])


def _latex(table: Table) -> str:
    heading, *rows = table.cells()
    best = table.best()
    lines = [f"% {table.title}"] if table.title else []
    lines += [f"\\begin{{tabular}}{{l{'r' * len(table.columns)}}}", r"\toprule"]
    lines.append(
        " & ".join(_LATEX_HEADINGS.get(cell) or _escape(cell) for cell in heading) + r" \\"
    )
    lines.append(r"\midrule")
    for i, row in enumerate(rows):
        cells = [_escape(cell) for cell in row]
        cells = [rf"\textbf{{{c}}}" if (i, j) in best else c for j, c in enumerate(cells)]
        lines.append(" & ".join(cells) + r" \\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    comments = [part for line in table.footer for part in line.split("\n")]
    return "\n".join([*lines, *(f"% {line}" for line in comments), ""])


def _escape(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _json(table: Table) -> dict[str, Any]:
    rows = []
    for i, (label, metrics) in enumerate(table.rows):
        values = {}
        for name, cell in metrics.items():
            parts = {k: v if math.isfinite(v) else None for k, v in _parts(cell).items()}
            values[name] = parts["value"] if len(parts) == 1 else parts
        hashes = [protocol.fingerprint for protocol in table.protocols_of(i)]
        rows.append({"label": label, "metrics": values, "protocol_hashes": hashes})
    return {
        "title": table.title,
        "images": table.images,
        "columns": dict(table.columns),
        "rows": rows,
        "protocols": {
            p.fingerprint: {"protocol": str(p), "note": p.note, "rules": rules(p)}
            for p in table.protocols
        },
        "footer": list(table.footer),
    }


def _parts(cell: Cell) -> dict[str, float]:
    if isinstance(cell, Spread | Interval):
        return {name: float(value) for name, value in cell._asdict().items()}
    return {"value": float(cell)}
