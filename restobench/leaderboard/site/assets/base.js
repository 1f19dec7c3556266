"use strict";
/* What every page shares: the state in the address, elements made without HTML, and the choice of colours. */
const restobench = {};

/* The state of a page is in its address behind the '#', so that a link is a state. What is as usual is left out. */
restobench.state = {
  read() {
    return new URLSearchParams(location.hash.slice(1));
  },
  get(name, usual) {
    return this.read().get(name) ?? usual;
  },
  /* Takes {name: [value, usual]}; a value that is as usual leaves the address. */
  set(values) {
    const state = this.read();
    for (const [name, [value, usual]] of Object.entries(values)) {
      if (String(value) === String(usual)) state.delete(name);
      else state.set(name, value);
    }
    history.replaceState(null, "", `#${state}`);
  },
  /* Calls `follow` now, and whenever the reader goes to another state by a link, back or forward. */
  watch(follow) {
    addEventListener("hashchange", follow);
    follow();
  },
};

/* An element. Children that are text stay text, whatever stands in them. */
restobench.element = (tag, attributes, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

/* Fills a <select> with [value, text] pairs. */
restobench.fill = (select, pairs) => {
  select.replaceChildren(...pairs.map(([value, text]) => restobench.element("option", { value }, text)));
};

/* Chooses a value of a <select>; one that is not there leaves the usual one. */
restobench.choose = (select, value, usual) => {
  select.value = value;
  if (select.selectedIndex < 0) select.value = usual;
};

restobench.number = (value, decimals) => {
  if (value === null || value === undefined) return "-";
  return Number.isFinite(value) ? value.toFixed(decimals) : "∞";
};

restobench.arrow = { higher: " ↑", lower: " ↓", "": "" };

{
  const KEPT = "restobench-colours";
  const kept = () => {
    try {
      return localStorage.getItem(KEPT) ?? "";
    } catch {
      return ""; // a page that was opened from disk may have no storage
    }
  };
  const show = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  show(kept());
  addEventListener("DOMContentLoaded", () => {
    const select = restobench.element("select", { "aria-label": "Colours" });
    restobench.fill(select, [["", "auto"], ["light", "light"], ["dark", "dark"]]);
    restobench.choose(select, kept(), "");
    select.addEventListener("change", () => {
      show(select.value);
      try {
        localStorage.setItem(KEPT, select.value);
      } catch {
        // then it is for this page only
      }
    });
    document.querySelector("header").append(select);
    for (const link of document.querySelectorAll("header nav a")) {
      if (link.href === location.href.split("#")[0]) link.setAttribute("aria-current", "page");
    }
  });
}
