"use strict";
/* Samples on which two metrics rank two methods oppositely, most clearly first. */
{
  const { state, samples, fill, choose, number, arrow } = restobench;
  const { ids, columns, series } = samples;
  const selects = ["one", "two", "by", "against"].map((id) => document.getElementById(id));
  const [one, two, by, against] = selects;
  const count = document.getElementById("count");
  const judging = columns.filter((column) => column.better);

  for (const select of [one, two]) fill(select, series.map((method) => [method.key, method.name]));
  for (const select of [by, against]) fill(select, judging.map((column) => [column.key, column.name + arrow[column.better]]));

  /* By how much the first method is better, sample by sample; null where one has no value. */
  const leads = (first, second, column) => {
    const place = columns.indexOf(column);
    const sign = column.better === "lower" ? -1 : 1;
    return ids.map((_, at) => {
      const [a, b] = [first.values[place][at], second.values[place][at]];
      return a === null || b === null || a === b ? null : sign * (a - b);
    });
  };

  /* In units of the metric's usual difference between the two, so that two metrics can be put together. */
  const scaled = (values) => {
    const sizes = values.filter((value) => Number.isFinite(value) && value !== null).map(Math.abs).sort((a, b) => a - b);
    const middle = sizes[Math.floor(sizes.length / 2)] || 1;
    return values.map((value) => (value === null ? null : value / middle));
  };

  const opposed = (first, second, [column, other]) => {
    const [wins, losses] = [scaled(leads(first, second, column)), scaled(leads(second, first, other))];
    return ids.map((_, at) => ({ at, size: Math.min(wins[at] ?? 0, losses[at] ?? 0) }))
      .filter((sample) => sample.size > 0)
      .sort((a, b) => b.size - a.size || a.at - b.at);
  };

  /* The usual choice is the first pair of methods and metrics that disagree at all. */
  const usual = () => {
    for (const first of series) {
      for (const second of series) {
        for (const column of judging) {
          const other = judging.find((some) => first !== second && some !== column && opposed(first, second, [column, some]).length);
          if (other) return [first.key, second.key, column.key, other.key];
        }
      }
    }
    return [series[0]?.key, series.at(-1)?.key, judging[0]?.key, judging.at(-1)?.key];
  };

  if (series.length < 2 || judging.length < 2) {
    count.textContent = "That takes two methods and two metrics with a value for each sample.";
  } else {
    const first = usual();
    const follow = () => {
      for (const [place, select] of selects.entries()) choose(select, state.get(select.id, first[place]), first[place]);
      const [a, b] = [one, two].map((select) => series.find((method) => method.key === select.value));
      const pair = [by, against].map((select) => judging.find((column) => column.key === select.value));
      const found = opposed(a, b, pair);
      count.textContent = `${found.length} of ${ids.length} samples: ${a.name} wins by ${pair[0].name}, ${b.name} by ${pair[1].name}`;
      const told = (at) => pair.map((column) => {
        const [left, right] = [a, b].map((method) => number(method.values[columns.indexOf(column)][at], column.decimals));
        return `${column.name}${arrow[column.better]}  ${left} | ${right}`;
      });
      restobench.show(found.map(({ at }) => ({ number: at, series: [a, b], lines: told(at) })));
    };
    const form = document.getElementById("controls");
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => {
      const values = selects.map((select, place) => [select.id, [select.value, first[place]]]);
      state.set({ ...Object.fromEntries(values), shown: ["", ""] });
      follow();
    });
    state.watch(follow);
  }
}
