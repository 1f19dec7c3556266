"use strict";
/* The table: sorted by any column, filtered, with the columns that are wanted; a number tells where it comes from. */
{
  const { state, element } = restobench;
  const table = document.getElementById("board");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const filter = document.getElementById("filter");
  const printed = document.getElementById("printed");
  const boxes = [...document.querySelectorAll("#columns input")];
  const heads = [...table.querySelectorAll("th[data-sort]")];
  const count = document.getElementById("count");

  for (const head of heads) {
    const button = element("button", { type: "button" }, head.textContent.trim());
    button.addEventListener("click", () => {
      const other = { ascending: "descending", descending: "ascending" };
      const way = other[head.getAttribute("aria-sort")] ?? head.dataset.first;
      state.set({ sort: [head.dataset.sort, ""], order: [way, head.dataset.first] });
      follow();
    });
    head.replaceChildren(button);
  }

  const valueOf = (row, place) => {
    const cell = row.cells[place];
    const text = (cell.dataset.value ?? cell.textContent).trim();
    if (place === 0) return text;
    const value = Number.parseFloat(text);
    return Number.isNaN(value) ? null : value;
  };

  /* Rows without a value come last, whichever way; equal ones keep their order. */
  const compared = (place, sign) => (a, b) => {
    const [one, other] = [valueOf(a, place), valueOf(b, place)];
    if (one === null || other === null) return (one === null) - (other === null);
    return sign * (typeof one === "string" ? one.localeCompare(other, "en", { numeric: true }) : one - other);
  };

  const sort = () => {
    const head = heads.find((one) => one.dataset.sort === state.get("sort", ""));
    for (const one of heads) one.removeAttribute("aria-sort");
    if (!head) return rows;
    const way = state.get("order", head.dataset.first) === "descending" ? "descending" : "ascending";
    head.setAttribute("aria-sort", way);
    return [...rows].sort(compared(head.cellIndex, way === "descending" ? -1 : 1));
  };

  const follow = () => {
    filter.value = state.get("filter", "");
    if (printed) printed.checked = state.get("printed", "yes") === "yes";
    const hidden = new Set(state.get("hide", "").split(" "));
    for (const box of boxes) box.checked = !hidden.has(box.value);
    for (const cell of table.querySelectorAll("[data-column]")) cell.hidden = hidden.has(cell.dataset.column);
    const wanted = filter.value.toLowerCase();
    for (const row of rows) {
      const named = row.cells[0].textContent.toLowerCase().includes(wanted);
      row.hidden = !named || (row.classList.contains("printed") && !printed.checked);
    }
    body.append(...sort());
    const there = rows.filter((row) => !row.hidden).length;
    count.textContent = there === rows.length ? `${there} rows` : `${there} of ${rows.length} rows`;
    tell(state.get("cell", ""));
  };

  const changed = () => {
    const hide = boxes.filter((box) => !box.checked).map((box) => box.value).join(" ");
    state.set({ filter: [filter.value, ""], printed: [!printed || printed.checked ? "yes" : "no", "yes"], hide: [hide, ""] });
    follow();
  };

  const dialog = element("dialog", { "aria-labelledby": "told" });
  document.body.append(dialog);
  dialog.addEventListener("close", () => {
    const link = [...table.querySelectorAll("[data-cell]")].find((one) => one.dataset.cell === state.get("cell", ""));
    state.set({ cell: ["", ""] });
    link?.focus();
  });

  const tell = (cell) => {
    const about = document.getElementById(`cell=${cell}`);
    if (!cell || !about) {
      if (dialog.open) dialog.close();
      return;
    }
    const close = element("button", { type: "button" }, "Close");
    close.addEventListener("click", () => dialog.close());
    const title = element("h2", { id: "told" }, about.querySelector("summary").textContent.trim());
    dialog.replaceChildren(close, title, about.querySelector("dl").cloneNode(true));
    if (!dialog.open) dialog.showModal();
  };

  table.addEventListener("click", (event) => {
    const link = event.target.closest("[data-cell]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    state.set({ cell: [link.dataset.cell, ""] });
    follow();
  });

  const form = document.getElementById("controls");
  form.hidden = false;
  form.addEventListener("input", changed);
  form.addEventListener("submit", (event) => event.preventDefault());
  state.watch(follow);
}
