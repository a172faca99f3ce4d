"""The numbers that papers printed, each with the protocol it was computed under, where known.

A row is set beside others only under the same protocol, told by its hash; of the rest it is said
that they exist. `published_tables.json` has the sources. Tables copy rows from the papers of other
methods, under rules that these do not state: such rows have no protocol and stand beside none.
"""

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

from jaxdepth.evaluation.presets import PRESETS
from jaxdepth.evaluation.protocol import Protocol
from jaxdepth.evaluation.table import Table


class PublishedRow(NamedTuple):
    """A row of a paper's table.

    Attributes:
        source: paper and table.
        method: as the paper calls it.
        dataset: the first part of the names of the dataset's presets.
        protocol: name of the preset that it was computed under; None if that is not known.
        images: how many test images it is of.
        metrics: as printed.
        notes: what a reader must know, whole lines.
    """

    source: str
    method: str
    dataset: str
    protocol: str | None
    images: int
    metrics: Mapping[str, float]
    notes: tuple[str, ...]

    @property
    def label(self) -> str:
        """Method and source."""
        return f"{self.method} ({self.source})"


@cache
def published_rows() -> tuple[PublishedRow, ...]:
    """All rows, table by table."""
    text = files("jaxdepth.evaluation").joinpath("published_tables.json").read_text("utf-8")
    return tuple(
        PublishedRow(
            table["source"],
            row["method"],
            table["dataset"],
            row["protocol"],
            table["images"],
            row["metrics"],
            (*(f"{table['source']}: {note}" for note in table["notes"]), *_note(row)),
        )
        for table in json.loads(text)
        for row in table["rows"]
    )


def add_published(table: Table) -> Table:
    """The table with the rows that were published under its protocols, and lines that say more.

    The lines say where a row is of another number of images, and so does not compare, and count the
    rows of the same dataset that are under other protocols.
    """
    rows, hashes, lines = list(table.rows), list(table.hashes), {}
    competing = table.competing
    shown = {protocol.fingerprint: protocol for protocol in table.protocols}
    for fingerprint in shown:
        for row in published_rows():
            if _fingerprint(row) != fingerprint:
                continue
            rows.append((row.label + f" [{fingerprint}]" * bool(hashes), row.metrics))
            if row.images != table.images:
                competing = len(table.rows) if competing is None else competing
                line = (
                    f"{row.source} is of {row.images:,} test images, the rows above it of "
                    f"{table.images:,}: they do not compare"
                )
                lines[line] = None
            lines |= dict.fromkeys(row.notes)
            if table.hashes:
                hashes.append(fingerprint)
    footer = [*table.footer, *lines, *_elsewhere(shown)]
    return dataclasses.replace(table, rows=rows, hashes=hashes, competing=competing, footer=footer)


def _elsewhere(shown: Mapping[str, Protocol]) -> list[str]:
    """The line that says what else was published on the datasets of these protocols."""
    datasets = {protocol.dataset for protocol in shown.values()}
    counts = Counter(
        (row.source, row.protocol)
        for row in published_rows()
        if _fingerprint(row) not in shown and (datasets & {"", _dataset(row)})
    )
    if not counts:
        return []
    parts = [
        f"{count} of {source} under {protocol or 'rules that it does not state'}"
        for (source, protocol), count in counts.items()
    ]
    return [f"published rows not shown: {', '.join(parts)}"]


def _note(row: Mapping[str, Any]) -> list[str]:
    return [f"{row['method']}: {row['note']}"] if "note" in row else []


def _fingerprint(row: PublishedRow) -> str:
    return PRESETS[row.protocol].fingerprint if row.protocol else ""


def _dataset(row: PublishedRow) -> str:
    """As protocols call it."""
    return next(p.dataset for name, p in PRESETS.items() if name.startswith(f"{row.dataset}/"))
