"use strict";
/* The table's three plots: perception against distortion, quality against seconds, and sweeps of one knob. */
{
  const { state, axes, mark, label, fill, choose, number, arrow } = restobench;
  const data = JSON.parse(document.getElementById("data").textContent);
  const { columns, rows, speeds, sweeps } = data;
  const nameOf = (column) => column.name + arrow[column.better];

  /* Those that no other is better than or equal to in both; ways are the two axes' `better`. */
  const front = (points, ways) => {
    const sign = (way) => (way === "lower" ? -1 : 1);
    const beats = (a, b) => {
      const [dx, dy] = [sign(ways[0]) * (a.value[0] - b.value[0]), sign(ways[1]) * (a.value[1] - b.value[1])];
      return dx >= 0 && dy >= 0 && (dx > 0 || dy > 0);
    };
    const best = points.filter((one) => !points.some((other) => beats(other, one)));
    return best.sort((a, b) => a.value[0] - b.value[0]);
  };

  const ends = (points) => points.flatMap((one) => one).filter((value) => value !== null);

  /* Points with interval boxes and a front. `x` and `y` are {name, better, decimals, log, values}, values by row. */
  const scatter = (figure, x, y) => {
    const holder = figure.querySelector(".plot");
    const told = figure.querySelector("[role=status]");
    const there = rows.map((row, place) => ({ row, place, x: x.values[place], y: y.values[place] })).filter((one) => one.x && one.y);
    if (!there.length) {
      holder.replaceChildren();
      told.textContent = "No method has both.";
      return;
    }
    const along = { name: x.name, log: x.log, values: ends(there.map((one) => one.x)) };
    const upward = { name: y.name, values: ends(there.map((one) => one.y)) };
    const drawn = axes(holder, along, upward, `${y.name} over ${x.name}, ${there.length} methods`);
    const measured = there.filter((one) => !one.row.printed);
    const best = x.better && y.better ? front(measured.map((one) => ({ ...one, value: [one.x[0], one.y[0]] })), [x.better, y.better]) : [];
    for (const one of there) {
      const group = drawn.shape("g", { class: `c${one.place % 8}` });
      const [px, py] = [drawn.x(one.x[0]), drawn.y(one.y[0])];
      const [x0, x1] = one.x[1] === null ? [px - 3, px + 3] : [drawn.x(one.x[1]), drawn.x(one.x[2])];
      const [y0, y1] = one.y[1] === null ? [py + 3, py - 3] : [drawn.y(one.y[1]), drawn.y(one.y[2])];
      if (one.x[1] !== null || one.y[1] !== null) {
        group.append(drawn.shape("rect", { class: "box", x: x0, y: y1, width: Math.max(1, x1 - x0), height: Math.max(1, y0 - y1) }));
      }
      group.append(mark(one.place, px, py, one.row.printed));
      const title = `${one.row.name}: ${x.name} ${number(one.x[0], x.decimals)}, ${y.name} ${number(one.y[0], y.decimals)}`;
      group.append(drawn.shape("title", {}, title));
      drawn.svg.append(group);
    }
    if (best.length > 1) {
      const corners = best.map((one) => `${drawn.x(one.value[0])},${drawn.y(one.value[1])}`).join(" ");
      drawn.svg.append(drawn.shape("polyline", { class: "front", points: corners }));
    }
    const named = there.map((one) => ({ x: drawn.x(one.x[0]), y: drawn.y(one.y[0]), name: one.row.name, number: one.place }));
    label(drawn.svg, named, drawn.width);
    const missing = rows.length - there.length;
    told.textContent = [
      best.length ? `On the Pareto front of the means, which no method beats in both: ${best.map((one) => one.row.name).join(", ")}.` : "",
      "Boxes are 95 % intervals.",
      there.some((one) => one.row.printed) ? "Hollow marks are only printed, and in no front." : "",
      missing ? `Without one of the two: ${missing} of ${rows.length} rows.` : "",
    ].filter(Boolean).join(" ");
  };

  const column = (key) => columns.findIndex((one) => one.key === key);
  const axisOf = (place) => ({ ...columns[place], name: nameOf(columns[place]), values: rows.map((row) => row.cells[place]) });

  const drawTradeoff = (figure, x, y) => scatter(figure, axisOf(column(x)), axisOf(column(y)));

  const drawSpeed = (figure, x, y) => {
    const speed = speeds.find((one) => one.key === x);
    const values = speed.seconds.map((value) => (value > 0 ? [value, null, null] : null));
    scatter(figure, { name: "s / picture ↓", better: "lower", decimals: 4, log: true, values }, axisOf(column(y)));
  };

  const drawSweep = (figure, x, y) => {
    const holder = figure.querySelector(".plot");
    const [place, wanted] = [column(y), sweeps[Number(x)]];
    const lines = sweeps.filter((one) => one.knob === wanted.knob && one.set === wanted.set && columns[place].set === one.set);
    const drawn = lines.map((sweep) => {
      const points = sweep.rows.map((row, at) => ({ at: sweep.positions[at], cell: rows[row].cells[place], label: sweep.labels[at] }));
      return { sweep, points: points.filter((one) => one.cell) };
    }).filter((one) => one.points.length);
    const told = figure.querySelector("[role=status]");
    if (!drawn.length) {
      holder.replaceChildren();
      told.textContent = "No run of this sweep has a number there.";
      return;
    }
    const all = drawn.flatMap((one) => one.points);
    const labels = [...new Map(all.map((one) => [one.at, one.label]))];
    const along = { name: wanted.knob, values: all.map((one) => one.at), labels };
    const name = nameOf(columns[place]);
    const plot = axes(holder, along, { name, values: ends(all.map((one) => one.cell)) }, `${name} over ${wanted.knob}`);
    const last = [];
    for (const [turn, { sweep, points }] of drawn.entries()) {
      const group = plot.shape("g", { class: `c${turn % 8}` });
      const places = points.map((one) => [plot.x(one.at), plot.y(one.cell[0])]);
      group.append(plot.shape("polyline", { class: "line", points: places.map((pair) => pair.join(",")).join(" ") }));
      for (const [at, one] of points.entries()) {
        const [px, py] = places[at];
        if (one.cell[1] !== null) {
          group.append(plot.shape("line", { class: "line", x1: px, x2: px, y1: plot.y(one.cell[1]), y2: plot.y(one.cell[2]) }));
        }
        const point = mark(turn, px, py, false);
        point.append(plot.shape("title", {}, `${sweep.method}, ${sweep.knob} ${one.label}: ${number(one.cell[0], columns[place].decimals)}`));
        group.append(point);
      }
      plot.svg.append(group);
      const [x1, y1] = places.at(-1);
      last.push({ x: x1, y: y1, name: sweep.method, number: turn });
    }
    label(plot.svg, last, plot.width);
    told.textContent = "Bars are 95 % intervals.";
  };

  /* A figure with two choices, which the address keeps. */
  const show = (id, xs, ys, usual, draw) => {
    const figure = document.getElementById(id);
    if (!xs.length || !ys.length) {
      figure.hidden = true;
      return;
    }
    const [x, y] = ["x", "y"].map((axis) => figure.querySelector(`[data-axis=${axis}]`));
    fill(x, xs);
    fill(y, ys);
    const names = [`${id}-x`, `${id}-y`];
    const follow = () => {
      choose(x, state.get(names[0], usual[0]), usual[0]);
      choose(y, state.get(names[1], usual[1]), usual[1]);
      draw(figure, x.value, y.value);
    };
    figure.addEventListener("input", () => {
      state.set({ [names[0]]: [x.value, usual[0]], [names[1]]: [y.value, usual[1]] });
      follow();
    });
    let width = 0;
    new ResizeObserver(() => {
      const now = figure.clientWidth;
      if (now !== width) {
        width = now;
        follow();
      }
    }).observe(figure);
    addEventListener("hashchange", follow);
  };

  document.getElementById("plots").hidden = false;
  const choices = columns.filter((one) => one.better).map((one) => [one.key, nameOf(one)]);
  const first = (kind, not) => columns.find((one) => one.kind === kind && one.better && one.key !== not)?.key;
  const across = first("distortion") ?? choices[0]?.[0];
  const upward = first("perception", across) ?? choices.find(([key]) => key !== across)?.[0];
  show("tradeoff", choices, choices.length > 1 ? choices : [], [across, upward], drawTradeoff);
  show("speed", speeds.map((one) => [one.key, one.name]), choices, [speeds[0]?.key, across], drawSpeed);
  const knobs = sweeps.map((one, place) => [String(place), `${one.knob} of ${one.method}, ${one.set}`]);
  const swept = sweeps.length ? columns.find((one) => one.set === sweeps[0].set)?.key : undefined;
  show("sweeps", knobs, choices, ["0", swept], drawSweep);
}
