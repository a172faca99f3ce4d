"use strict";

// Sorting the table of images: first by what is best, then the other way round.
{
  const table = document.getElementById("image-table");
  const headings = [...table.tHead.rows[0].cells];
  const names = new Intl.Collator(undefined, { numeric: true });

  function value(row, column, kind) {
    const cell = row.cells[column];
    return kind === "text" ? cell.textContent : Number.parseFloat(cell.dataset.value);
  }

  function sort(column, direction) {
    const kind = headings[column].firstElementChild.dataset.kind;
    const sign = direction === "ascending" ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => [value(row, column, kind), row]);
    rows.sort(([a], [b]) => {
      if (kind === "text") return sign * names.compare(a, b);
      if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // last
      return sign * (a - b);
    });
    table.tBodies[0].append(...rows.map(([, row]) => row));
    headings.forEach((heading, i) => {
      if (i === column) heading.setAttribute("aria-sort", direction);
      else heading.removeAttribute("aria-sort");
    });
  }

  headings.forEach((heading, column) => {
    heading.firstElementChild.addEventListener("click", (event) => {
      const first = event.currentTarget.dataset.first || "ascending";
      const other = first === "ascending" ? "descending" : "ascending";
      sort(column, heading.getAttribute("aria-sort") === first ? other : first);
    });
  });
}
