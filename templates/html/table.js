(() => {
  const number = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const key = (row, column) => row.cells[column].dataset.value;
  const compare = (a, b) => (isNaN(a) || isNaN(b) ? number.compare(a, b) : a - b);
  const order = (a, b, sign) => (a === "" || b === "" ? (a === "") - (b === "") : sign * compare(a, b));

  const sort = (table, head) => {
    const ascending = head.ariaSort !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const body = table.tBodies[0], column = head.cellIndex, sign = ascending ? 1 : -1;
    body.append(...[...body.rows].sort((a, b) => order(key(a, column), key(b, column), sign)));
  };

  for (const table of document.querySelectorAll("table[data-sortable]")) {
    if (table.tBodies[0].rows.length < 2) continue;
    for (const head of table.tHead.querySelectorAll("th")) {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head));
      head.append(button);
    }
  }
})();
