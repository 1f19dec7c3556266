"use strict";
/* What plots are drawn with: an SVG as wide as its place, with axes. Nothing here knows what is plotted. */
{
  const NAMESPACE = "http://www.w3.org/2000/svg";
  const MARGIN = { left: 62, right: 18, top: 14, bottom: 46 };

  const shape = (tag, attributes, text) => {
    const made = document.createElementNS(NAMESPACE, tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };

  /* About `wanted` round numbers over a range. */
  const ticks = (low, high, wanted) => {
    const rough = (high - low) / wanted;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= rough);
    const found = [];
    for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-9; value += step) found.push(value);
    return found.map((value) => [value, value.toFixed(Math.max(0, -Math.floor(Math.log10(step) + 1e-9)))]);
  };

  /* Powers of ten, and between them two and five where there are few. */
  const logTicks = (low, high) => {
    const found = [];
    const between = high / low > 300 ? [1] : [1, 2, 5];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      for (const one of between) {
        const value = one * 10 ** power;
        if (value >= low && value <= high) found.push([value, String(Number(value.toPrecision(3)))]);
      }
    }
    return found;
  };

  /* A scale over all values, with some room around; null where there is no value. */
  const scale = (values, { log = false, labels = null }, from, to) => {
    let low = Math.min(...values);
    let high = Math.max(...values);
    const on = log ? Math.log10 : (value) => value;
    const room = (on(high) - on(low)) * 0.08 || (log ? 0.5 : Math.abs(high) * 0.05 || 1);
    [low, high] = log ? [10 ** (on(low) - room), 10 ** (on(high) + room)] : [low - room, high + room];
    const place = (value) => from + ((on(value) - on(low)) / (on(high) - on(low))) * (to - from);
    const wanted = Math.max(4, Math.abs(to - from) / 70);
    return { place, ticks: labels ?? (log ? logTicks(low, high) : ticks(low, high, wanted)) };
  };

  /* The SVG with its axes. `x` and `y` are {values, name, log, labels}; gives {svg, x, y}, which place values. */
  restobench.axes = (holder, x, y, title) => {
    const width = Math.max(280, Math.round(holder.clientWidth));
    const height = Math.round(Math.min(430, Math.max(280, width * 0.68)));
    const svg = shape("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title });
    const [left, right, top, bottom] = [MARGIN.left, width - MARGIN.right, MARGIN.top, height - MARGIN.bottom];
    const across = scale(x.values, x, left, right);
    const up = scale(y.values, y, bottom, top);
    for (const [value, text] of across.ticks) {
      const at = across.place(value);
      svg.append(shape("line", { class: "grid-line", x1: at, x2: at, y1: top, y2: bottom }));
      svg.append(shape("text", { x: at, y: bottom + 18, "text-anchor": "middle" }, text));
    }
    for (const [value, text] of up.ticks) {
      const at = up.place(value);
      svg.append(shape("line", { class: "grid-line", x1: left, x2: right, y1: at, y2: at }));
      svg.append(shape("text", { x: left - 6, y: at + 4, "text-anchor": "end" }, text));
    }
    svg.append(shape("text", { x: (left + right) / 2, y: height - 8, "text-anchor": "middle" }, x.name));
    const turned = `rotate(-90 14 ${(top + bottom) / 2})`;
    svg.append(shape("text", { x: 14, y: (top + bottom) / 2, "text-anchor": "middle", transform: turned }, y.name));
    holder.replaceChildren(svg);
    return { svg, x: across.place, y: up.place, width, shape };
  };

  /* One of four marks, so that colour is not all that tells. */
  restobench.mark = (number, x, y, hollow) => {
    const kind = hollow ? "dot hollow" : "dot";
    const form = (number + Math.floor(number / 8)) % 4; // there are eight colours
    if (form === 1) return shape("rect", { class: kind, x: x - 5, y: y - 5, width: 10, height: 10 });
    const corners = { 2: [[0, -7], [7, 6], [-7, 6]], 3: [[0, -7], [7, 0], [0, 7], [-7, 0]] }[form];
    if (!corners) return shape("circle", { class: kind, cx: x, cy: y, r: 5.5 });
    return shape("polygon", { class: kind, points: corners.map(([dx, dy]) => `${x + dx},${y + dy}`).join(" ") });
  };

  /* Names beside points, moved down where they would lie on one another. Points are {x, y, name, number}. */
  restobench.label = (svg, points, width) => {
    const taken = points.map((point) => ({ y: point.y + 4, start: point.x - 7, end: point.x + 7 }));
    for (const point of [...points].sort((a, b) => a.y - b.y)) {
      const long = point.name.length * 8.2;
      const end = point.x + 10 + long > width;
      const start = end ? point.x - 10 - long : point.x + 10;
      let y = point.y - 6;
      while (taken.some((one) => Math.abs(one.y - y) < 15 && one.start < start + long && start < one.end)) y += 3;
      taken.push({ y, start, end: start + long });
      const group = shape("g", { class: `c${point.number % 8}` });
      const anchor = end ? "end" : "start";
      group.append(shape("text", { class: "own", x: end ? point.x - 10 : point.x + 10, y, "text-anchor": anchor }, point.name));
      svg.append(group);
    }
  };
}
