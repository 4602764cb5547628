"use strict";
// Sorting by a heading and filtering by text; without a script the page shows everything.
(() => {
  const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

  // What a line is sorted by: its number if the column has numbers, else its text. Empty fields come last both ways.
  const keyOf = (line, column) => {
    const field = line.rows[0].cells[column];
    const value = field.dataset.value;
    return value !== undefined ? Number(value) : field.classList.contains("number") ? "" : field.textContent.trim();
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return collator.compare(String(a), String(b));
  };

  const sortBy = (table, heading) => {
    const column = heading.cellIndex;
    const next = { none: "ascending", ascending: "descending", descending: "none" };
    const order = next[heading.getAttribute("aria-sort") || "none"];
    for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
    if (order !== "none") heading.setAttribute("aria-sort", order);
    const sign = order === "descending" ? -1 : 1;
    const lines = [...table.tBodies].map((line) => ({ line, place: Number(line.dataset.place), key: keyOf(line, column) }));
    lines.sort((a, b) => {
      if (order === "none") return a.place - b.place;
      const absent = (a.key === "") - (b.key === "");
      return absent || sign * compare(a.key, b.key) || a.place - b.place;
    });
    table.append(...lines.map(({ line }) => line));
  };

  const filterBy = (table, text, shown) => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    let count = 0;
    for (const line of table.tBodies) {
      const content = [...line.rows].flatMap((row) => [...row.cells]).map((cell) => cell.textContent.trim()).join(" ").toLowerCase();
      line.hidden = !words.every((word) => content.includes(word));
      count += line.hidden ? 0 : 1;
    }
    const all = table.tBodies.length;
    shown.textContent = (count === all ? "" : `${count} of `) + (all === 1 ? "1 row" : `${all} rows`);
  };

  // Says that a table is wider than its box, as long as its right end is not reached.
  const hintAt = (box, hint) => {
    const update = () => hint.classList.toggle("needed", box.scrollLeft + box.clientWidth < box.scrollWidth - 2);
    box.addEventListener("scroll", update, { passive: true });
    new ResizeObserver(update).observe(box);
    update();
  };

  const tables = [...document.querySelectorAll("table.results")];
  const tools = [...document.querySelectorAll(".tools")];
  tables.forEach((table, index) => {
    [...table.tBodies].forEach((line, place) => { line.dataset.place = place; });
    for (const heading of table.tHead.rows[0].cells) heading.querySelector("button").addEventListener("click", () => sortBy(table, heading));
    const input = tools[index].querySelector("input");
    hintAt(table.closest(".scroll"), tools[index].querySelector(".hint"));
    input.addEventListener("input", () => filterBy(table, input.value, tools[index].querySelector(".shown")));
  });
  document.documentElement.dataset.script = "ready";
})();
