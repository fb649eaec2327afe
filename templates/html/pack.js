(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];
  const say = (key, fields) => document.body.dataset[key].replace(/\{(\w+)\}/g, (_, name) => fields[name]);
  const make = (name, more) => Object.assign(document.createElement(name), more);

  // Folded parts open when they are linked to or printed; on a phone themes begin folded.
  const reveal = () => {
    const target = document.querySelector(":target");
    for (let at = target; at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
    target?.scrollIntoView();
  };
  if (matchMedia("(max-width: 47.99rem)").matches) for (const theme of all("details.theme")) theme.open = false;
  addEventListener("hashchange", reveal);
  reveal();
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open], .contents, .query)");
    for (const part of folded) part.open = true;
  });
  addEventListener("afterprint", () => folded.forEach((part) => (part.open = false)));

  // The contents mark where one is.
  const links = all(".contents a");
  const seen = new IntersectionObserver((entries) => {
    const here = entries.find((entry) => entry.isIntersecting)?.target.getAttribute("aria-labelledby");
    for (const link of here ? links : []) {
      if (link.getAttribute("href") === `#${here}`) link.setAttribute("aria-current", "location");
      else link.removeAttribute("aria-current");
    }
  }, { rootMargin: "-15% 0px -80%" });
  for (const section of all("main > section")) seen.observe(section);

  // Tables sort by a click on a heading; long ones can be filtered.
  const collator = new Intl.Collator(document.documentElement.lang, { numeric: true });
  const key = (row, column) => row.cells[column].dataset.value;
  const compare = (a, b) => (isNaN(a) || isNaN(b) ? collator.compare(a, b) : a - b);
  const order = (a, b, sign) => (a === "" || b === "" ? (a === "") - (b === "") : sign * compare(a, b));

  const sort = (table, head) => {
    const ascending = head.ariaSort !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const body = table.tBodies[0], column = head.cellIndex, sign = ascending ? 1 : -1;
    body.append(...[...body.rows].sort((a, b) => order(key(a, column), key(b, column), sign)));
  };

  const filter = (table) => {
    const rows = [...table.tBodies[0].rows];
    const label = make("label", { className: "filter", textContent: `${say("filter")} ` });
    const input = make("input", { type: "search" }), count = make("output", { textContent: say("rows", { n: rows.length }) });
    input.setAttribute("aria-label", say("filterOf", { name: table.caption.textContent }));
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/);
      const kept = rows.filter((row) => {
        const text = row.textContent.toLowerCase();
        row.hidden = !words.every((word) => text.includes(word));
        return !row.hidden;
      });
      table.classList.toggle("filtered", kept.length < rows.length);
      count.textContent = say(kept.length < rows.length ? "part" : "rows", { n: kept.length, all: rows.length });
    });
    label.append(input, " ", count);
    table.parentElement.before(label);
  };

  for (const table of all("table[data-sortable]")) {
    const rows = table.tBodies[0].rows.length;
    if (rows > 20) filter(table);
    for (const head of rows > 1 ? all("thead th", table) : []) {
      const button = make("button", { type: "button" });
      button.append(...head.childNodes);
      button.addEventListener("click", () => sort(table, head));
      head.append(button);
    }
  }

  // A chart's marks tell their values: to a pointer, to a finger, and to the arrow keys.
  const tip = document.body.appendChild(make("div", { className: "tip", role: "status" }));
  let shown = null;
  const show = (mark) => {
    shown?.classList.remove("at");
    shown = mark;
    const words = mark ? mark.dataset.value : "";
    if (tip.textContent !== words) tip.textContent = words;
    if (!mark) return;
    mark.classList.add("at");
    const box = mark.getBoundingClientRect(), left = box.x + (box.width - tip.offsetWidth) / 2;
    const above = box.y - tip.offsetHeight - 8;
    tip.style.left = `${Math.max(8, Math.min(left, document.body.clientWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${above > 0 ? above : box.bottom + 8}px`;
  };
  addEventListener("scroll", () => shown && show(shown), true);

  for (const chart of all(".chart .scroll")) {
    const marks = all(".mark", chart);
    if (!marks.length) continue;
    const away = (mark, { clientX: x, clientY: y }) => {
      const box = mark.getBoundingClientRect();
      return Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
    };
    const near = (event) => {
      const distances = marks.map((mark) => away(mark, event)), least = Math.min(...distances);
      return event.target.closest(".mark") ?? (least < 16 ? marks[distances.indexOf(least)] : null);
    };
    chart.ariaLabel = say("keys", { name: chart.ariaLabel });
    chart.addEventListener("pointermove", (event) => show(near(event)));
    chart.addEventListener("click", (event) => show(near(event)));
    chart.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && show(null));
    chart.addEventListener("blur", () => show(null));
    chart.addEventListener("keydown", (event) => {
      const at = marks.indexOf(shown), last = marks.length - 1;
      const next = { ArrowRight: at + 1, ArrowLeft: at < 0 ? last : at - 1, Home: 0, End: last }[event.key];
      if (event.key === "Escape") show(null);
      if (next === undefined) return;
      event.preventDefault();
      show(marks[Math.max(0, Math.min(next, last))]);
      shown.scrollIntoView({ block: "nearest", inline: "nearest" });
    });
  }
})();
