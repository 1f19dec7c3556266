"use strict";
/* A sample: two pictures over each other with a slider between, all pictures beside each other, one zoom for all. */
{
  const { state, choose } = restobench;
  const LARGEST = 32;
  const viewer = document.getElementById("viewer");
  const stage = document.getElementById("stage");
  const panes = [...document.querySelectorAll(".pane")];
  const [left, right, at] = ["left", "right", "at"].map((id) => document.getElementById(id));
  const pictures = new Map([...document.querySelectorAll("[data-side]")].map((image) => [image.dataset.side, image]));
  const usual = { left: left.value, right: right.value, at: 50, zoom: 1, x: 0, y: 0 };
  /* x and y are the corner that is seen, as shares of the picture. */
  const view = { at: 50, zoom: 1, x: 0, y: 0 };

  const widest = Math.max(...[...pictures.values()].map((image) => Number(image.getAttribute("width"))));
  for (const image of pictures.values()) image.classList.toggle("small", Number(image.getAttribute("width")) < 400);

  const bounded = (value, low, high) => Math.min(high, Math.max(low, value));

  const draw = () => {
    view.zoom = bounded(view.zoom, 1, LARGEST);
    for (const axis of ["x", "y"]) view[axis] = bounded(view[axis], 0, 1 - 1 / view.zoom);
    for (const place of [viewer, document.querySelector(".panes")]) {
      place.classList.toggle("zoomed", view.zoom > 1);
      for (const name of ["zoom", "x", "y"]) place.style.setProperty(`--${name}`, view[name]);
    }
    viewer.style.setProperty("--at", `${view.at}%`);
    at.value = view.at;
    at.setAttribute("aria-valuetext", `${Math.round(view.at)} % left picture`);
    document.getElementById("zoom").textContent = `${Number(view.zoom.toFixed(1))}×`;
    for (const [select, side] of [[left, "left"], [right, "right"]]) {
      const [image, from] = [document.getElementById(`over-${side}`), pictures.get(select.value)];
      if (image.getAttribute("src") !== from.getAttribute("src")) image.src = from.getAttribute("src");
      image.width = widest;
      image.height = Math.round(widest * from.getAttribute("height") / from.getAttribute("width"));
      image.alt = `${side}: ${select.selectedOptions[0].textContent.trim()}`;
      image.classList.toggle("small", from.classList.contains("small"));
      stage.querySelector(`.tag.${side}`).textContent = select.selectedOptions[0].textContent.trim();
    }
  };

  /* The next sample is shown as this one is, but whole. */
  const lead = () => {
    const along = state.read();
    for (const name of ["zoom", "x", "y"]) along.delete(name);
    for (const link of document.querySelectorAll(".turn a[rel]")) link.hash = along.toString();
  };

  const keep = () => {
    const short = (value) => Number(value.toFixed(4));
    state.set({
      left: [left.value, usual.left], right: [right.value, usual.right], at: [Math.round(view.at), usual.at],
      zoom: [short(view.zoom), 1], x: [short(view.x), 0], y: [short(view.y), 0],
    });
    lead();
  };

  const changed = () => {
    draw();
    keep();
  };

  const follow = () => {
    for (const select of [left, right]) choose(select, state.get(select.id, usual[select.id]), usual[select.id]);
    for (const name of ["at", "zoom", "x", "y"]) {
      const value = Number.parseFloat(state.get(name, usual[name]));
      view[name] = Number.isFinite(value) ? value : usual[name];
    }
    view.at = bounded(view.at, 0, 100);
    draw();
    lead();
  };

  /* Zooms so that what is seen at (px, py), shares of the pane, stays there. */
  const zoomTo = (zoom, px = 0.5, py = 0.5) => {
    const wanted = bounded(zoom, 1, LARGEST);
    view.x += px / view.zoom - px / wanted;
    view.y += py / view.zoom - py / wanted;
    view.zoom = wanted;
  };

  const shareOf = (pane, event) => {
    const box = pane.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };

  /* One finger moves the divider, or a picture that is zoomed; two zoom. */
  const listen = (pane) => {
    const fingers = new Map();
    let slides = false;
    pane.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      const share = shareOf(pane, event);
      fingers.set(event.pointerId, share);
      const near = Math.abs(share[0] * 100 - view.at) * pane.clientWidth / 100 < 28;
      slides = pane === stage && fingers.size === 1 && (view.zoom === 1 || near);
      pane.setPointerCapture(event.pointerId);
      if (slides) {
        view.at = bounded(share[0] * 100, 0, 100);
        draw();
      }
    });
    pane.addEventListener("pointermove", (event) => {
      const before = fingers.get(event.pointerId);
      if (!before) return;
      const now = shareOf(pane, event);
      if (fingers.size === 2) {
        const other = [...fingers].find(([id]) => id !== event.pointerId)[1];
        const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1e-6;
        zoomTo(view.zoom * apart(now) / apart(before), (now[0] + other[0]) / 2, (now[1] + other[1]) / 2);
      } else if (slides) {
        view.at = bounded(now[0] * 100, 0, 100);
      } else {
        view.x -= (now[0] - before[0]) / view.zoom;
        view.y -= (now[1] - before[1]) / view.zoom;
      }
      fingers.set(event.pointerId, now);
      draw();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      pane.addEventListener(end, (event) => {
        if (fingers.delete(event.pointerId)) keep();
      });
    }
    pane.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey && document.activeElement !== pane) return;
      event.preventDefault();
      zoomTo(view.zoom * 2 ** (-event.deltaY / 300), ...shareOf(pane, event));
      changed();
    }, { passive: false });
    pane.addEventListener("keydown", (event) => {
      const step = 0.1 / view.zoom;
      const moves = { ArrowLeft: ["x", -step], ArrowRight: ["x", step], ArrowUp: ["y", -step], ArrowDown: ["y", step] };
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "+" || event.key === "=") zoomTo(view.zoom * 1.5);
      else if (event.key === "-") zoomTo(view.zoom / 1.5);
      else if (event.key === "0") zoomTo(1);
      else if (event.key in moves && view.zoom > 1) view[moves[event.key][0]] += moves[event.key][1];
      else return;
      event.preventDefault();
      changed();
    });
  };

  viewer.hidden = false;
  panes.forEach(listen);
  viewer.querySelector("form").addEventListener("submit", (event) => event.preventDefault());
  at.addEventListener("input", () => {
    view.at = Number(at.value);
    changed();
  });
  for (const select of [left, right]) select.addEventListener("input", changed);
  for (const button of viewer.querySelectorAll("[data-zoom]")) {
    button.addEventListener("click", () => {
      zoomTo({ in: view.zoom * 2, out: view.zoom / 2, reset: 1 }[button.dataset.zoom]);
      changed();
    });
  }
  state.watch(follow);
}
