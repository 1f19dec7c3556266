"use strict";
/* A grid of samples: thumbnails that load when they are seen, some at a time. */
{
  const { state, element } = restobench;
  const STEP = 60;
  const grid = document.getElementById("grid");
  const more = document.getElementById("more");
  let shown = [];

  /* A sample's card: thumbnails of some series, its name, and lines of text. */
  const card = ({ number, series, lines }) => {
    const { ids, pages } = restobench.samples;
    const page = pages[number];
    const told = element("span", { class: "told" }, ids[number], ...lines.map((line) => element("small", {}, line)));
    if (page === null) return element("li", {}, told);
    const there = series.filter((one) => !one.without.includes(number));
    const pictures = there.map((one) => element("img", {
      src: `thumbnails/${one.folder}/${page}.webp`, loading: "lazy", decoding: "async", alt: "", width: 192, height: 192,
    }));
    const link = element("a", { href: `samples/${page}.html${restobench.compared(there)}` });
    link.append(element("span", { class: "thumbs" }, ...pictures), told);
    return element("li", {}, link);
  };

  /* What a sample's page is to show first: the one method beside the clean picture, or two beside each other. */
  restobench.compared = (series) => {
    if (series.length > 1) return `#left=${encodeURIComponent(series[0].key)}&right=${encodeURIComponent(series[1].key)}`;
    return series.length ? `#left=${encodeURIComponent(series[0].key)}` : "";
  };

  const extend = (to) => {
    grid.append(...shown.slice(grid.childElementCount, to).map(card));
    more.hidden = grid.childElementCount >= shown.length;
  };

  /* Shows these; each is {number, series, lines}. */
  restobench.show = (entries) => {
    shown = entries;
    grid.replaceChildren();
    extend(Math.max(STEP, Number.parseInt(state.get("shown", STEP), 10) || STEP));
  };

  more.addEventListener("click", () => {
    const before = grid.childElementCount;
    state.set({ shown: [before + STEP, STEP] });
    extend(before + STEP);
    grid.children[before]?.querySelector("a")?.focus();
  });
}
