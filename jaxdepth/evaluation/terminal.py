"""A table for the terminal: the plain text, with the best number of each column in bold."""

from rich.text import Text

from jaxdepth.evaluation.table import Table, column_widths, format_row


def to_rich(table: Table) -> Text:
    """`str(table)`, letter by letter, in styles."""
    heading, *rows = table.cells()
    widths = column_widths([heading, *rows])
    best = table.best()
    text = Text(f"{table.title}\n" if table.title else "", style="bold")
    text = Text.assemble(text, (format_row(heading, widths), "underline"))
    for i, row in enumerate(rows):
        text.append("\n")
        for j, cell in enumerate(row):
            padded = cell.rjust(widths[j]) if j else cell.ljust(widths[j])
            text.append("  " if j else "")
            text.append(padded, style="bold" if (i, j) in best else "")
    for line in table.footer:
        text.append(f"\n{line}", style="dim")
    return text
