"use strict";
/* All samples of a set, in an order, by name and by tag. */
{
  const { state, samples, fill, choose, number, arrow, element } = restobench;
  const { ids, tags, columns, series } = samples;
  const [order, metric, method, filter] = ["order", "metric", "method", "filter"].map((id) => document.getElementById(id));
  const count = document.getElementById("count");
  const tagged = Object.keys(tags).map((tag) => {
    const select = element("select", {});
    const values = [...new Set(tags[tag])].filter(Boolean).sort();
    fill(select, [["", "all"], ...values.map((value) => [value, value])]);
    document.getElementById("tags").append(element("label", {}, `${tag} `, select));
    return { tag, select };
  });

  fill(metric, columns.map((one) => [one.key, one.name + arrow[one.better]]));
  fill(method, series.map((one) => [one.key, one.name]));
  const usual = { order: columns.length ? "worst" : "name", metric: columns[0]?.key ?? "", method: series[0]?.key ?? "", filter: "" };

  const follow = () => {
    for (const select of [order, metric, method]) choose(select, state.get(select.id, usual[select.id]), usual[select.id]);
    filter.value = state.get("filter", "");
    for (const { tag, select } of tagged) choose(select, state.get(`tag-${tag}`, ""), "");
    const place = Math.max(0, columns.findIndex((one) => one.key === metric.value));
    const column = columns[place];
    const one = series.find((other) => other.key === method.value);
    const values = column ? one.values[place] : [];
    const wanted = filter.value.toLowerCase();
    const numbers = ids.map((_, at) => at).filter((at) => ids[at].toLowerCase().includes(wanted)
      && tagged.every(({ tag, select }) => !select.value || tags[tag][at] === select.value));
    const rising = order.value === "worst" ? column?.better !== "lower" : column?.better === "lower";
    if (order.value !== "name" && column) {
      const has = (at) => (values[at] === null ? 1 : 0);
      const apart = (a, b) => (values[a] === values[b] ? 0 : values[a] - values[b]);
      numbers.sort((a, b) => has(a) - has(b) || (rising ? apart(a, b) : apart(b, a)) || a - b);
    }
    count.textContent = numbers.length === ids.length ? `${ids.length} samples` : `${numbers.length} of ${ids.length} samples`;
    const told = (at) => (column ? [`${column.name} ${number(values[at], column.decimals)}`] : []);
    restobench.show(numbers.map((at) => ({ number: at, series: [one], lines: told(at) })));
  };

  const form = document.getElementById("controls");
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("input", () => {
    const values = Object.fromEntries([order, metric, method, filter].map((one) => [one.id, [one.value, usual[one.id]]]));
    for (const { tag, select } of tagged) values[`tag-${tag}`] = [select.value, ""];
    state.set({ ...values, shown: ["", ""] });
    follow();
  });
  state.watch(follow);
}
