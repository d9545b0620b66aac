"use strict";
// The page: controls, what is pointed at and picked, facts and neighbours beside the charts.
async function explore() {
  const data = JSON.parse(await Unpack.text("data"));
  const { canColour, pretty } = Charts;
  const $ = (id) => document.getElementById(id);
  const state = { focus: null, partner: null, picked: null };
  let view = null;
  let visible = [];

  const shown = (value) => value === null ? "unknown" :
    typeof value === "number" ? (Number.isInteger(value) ? String(value) : value.toPrecision(4)) : value;
  const marked = (text) => text + (view.simulated ? " (simulated)" : "");
  const axes = () => ["axis-x", "axis-y", "axis-z"].map((id) => $(id).value)
    .filter((value) => value !== "").map(Number);

  function element(tag, attributes = {}, ...children) {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...children);
    return made;
  }

  const hint = (text) => element("p", { class: "hint" }, text);

  // options: [value, text] each.
  function fill(id, options, wanted) {
    $(id).replaceChildren(...options.map(([value, text]) => new Option(text, value)));
    if (options.some(([value]) => value === wanted)) $(id).value = wanted;
  }

  const named = (names) => names.map((name) => [name, pretty(name)]);

  function refill() {
    const before = (id) => ($(id).options.length ? $(id).value : undefined);
    const dataset = data.datasets[$("dataset").value];
    // Of layers the deepest is the last.
    const selections = Object.keys(dataset.selections);
    const same = selections.find((name) => name === before("selection"));
    fill("selection", named(selections), same ?? selections.at(-1));
    fill("metric", named(Object.keys(dataset.selections[$("selection").value].metrics)), before("metric"));
    view = Unpack.view(data, { dataset: $("dataset").value, selection: $("selection").value,
      metric: $("metric").value });
    const varied = [...view.covariates].filter(([, column]) => new Set(column.values).size > 1);
    const colours = varied.filter(([, column]) => canColour(column)).map(([name]) => name);
    const first = ["test_accuracy", "hierarchy_score"].find((name) => colours.includes(name));
    fill("color", [...named(colours), ["", "nothing"]], before("color") ?? first);
    const kept = before("filter");
    fill("filter", [["", "nothing"], ...named(varied.map(([name]) => name))], kept);
    const numbers = view.axes.map((_, a) => [String(a), `axis ${a + 1}`]);
    fill("axis-x", numbers, before("axis-x") ?? "0");
    fill("axis-y", numbers, before("axis-y") ?? "1");
    fill("axis-z", [["", "none"], ...numbers], before("axis-z"));
    refillFilter($("filter").value === kept);
  }

  function refillFilter(keep = false) {
    const column = view.covariates.get($("filter").value);
    $("filter-range").hidden = !column || !column.numeric;
    $("filter-classes").hidden = !column || column.numeric;
    const known = column ? column.values.filter((value) => value !== null) : [];
    if (!column || column.numeric) {
      for (const [id, limit] of [["filter-low", Math.min], ["filter-high", Math.max]]) {
        if (!keep) $(id).value = "";
        $(id).placeholder = known.length ? shown(limit(...known)) : "";
      }
    } else {
      fill("filter-value", [["", "any"], ...[...new Set(known)].sort().map((v) => [v, v])],
        keep ? $("filter-value").value : "");
    }
  }

  function passing() {
    const words = $("search").value.trim().toLowerCase();
    const column = view.covariates.get($("filter").value);
    const [low, high] = ["filter-low", "filter-high"].map((id) => $(id).valueAsNumber);
    const texts = [...view.covariates.values()].filter((c) => !c.numeric);
    const found = (i) => [view.ids[i], ...texts.map((c) => c.values[i] ?? "")]
      .some((text) => text.toLowerCase().includes(words));
    const fits = (value) => {
      if (!column.numeric) return !$("filter-value").value || value === $("filter-value").value;
      if (Number.isNaN(low) && Number.isNaN(high)) return true;
      return value !== null && !(value < low) && !(value > high);
    };
    return view.ids.map((_, i) => i)
      .filter((i) => (!words || found(i)) && (!column || fits(column.values[i])));
  }

  const neighbours = () => (state.picked === null ? []
    : view.nearest(state.picked, Math.min(20, Math.max(1, $("count").valueAsNumber || 8))));

  function mark() {
    const main = [...new Set([state.picked, state.focus, state.partner])].filter((i) => i !== null);
    Charts.mark(view, axes(), new Set(visible), main, neighbours().map((found) => found.item));
  }

  function drawScatter() {
    visible = passing();
    const revision = ["dataset", "selection", "metric", "axis-x", "axis-y", "axis-z"]
      .map((id) => $(id).value).join("/");
    Charts.scatter(view, visible, axes(), $("color").value, revision);
    $("scatter-title").textContent = marked(`Embedding: ${visible.length} of ${view.n} items`);
    $("nothing").hidden = visible.length > 0;
    mark();
  }

  function describe() {
    const i = state.focus;
    $("item-title").textContent = marked("Item");
    if (i === null) {
      $("item").replaceChildren(hint("None yet."));
      $("live").textContent = "";
      return;
    }
    // What gives the colours first, what is the same for all last.
    const rank = ([name, column]) => (name === $("color").value ? 0
      : new Set(column.values).size > 1 ? 1 : 2);
    const facts = [...view.covariates].sort((a, b) => rank(a) - rank(b))
      .map(([name, column]) => [pretty(name), shown(column.values[i])]);
    const rows = [["id", view.ids[i]], ...facts].map(([name, value]) =>
      element("tr", {}, element("th", { scope: "row" }, name), element("td", {}, value)));
    const graph = view.graph(i);
    $("item").replaceChildren(...(graph ? [Cell.drawn(graph)] : []),
      element("table", {}, element("tbody", {}, ...rows)));
    $("item").scrollTop = 0;
    const color = view.covariates.get($("color").value);
    const near = state.picked === i ? neighbours().slice(0, 3).map((found) => view.ids[found.item]) : [];
    $("live").textContent = [view.ids[i],
      ...(color ? [`${pretty($("color").value)} ${shown(color.values[i])}`] : []),
      ...(near.length ? [`nearest: ${near.join(", ")}`] : [])].join("; ");
  }

  function listNeighbours() {
    $("near-title").textContent = marked("Nearest neighbours");
    if (state.picked === null) { $("neighbours").replaceChildren(hint("Click an item.")); return; }
    const rows = neighbours().map(({ item, distance }) => {
      const button = element("button", { type: "button" }, view.ids[item]);
      button.addEventListener("click", () => pick(item));
      return element("tr", {}, element("td", {}, button), element("td", {}, distance.toPrecision(4)));
    });
    $("neighbours").replaceChildren(
      hint(`of ${view.ids[state.picked]}${view.unit ? `, in ${view.unit}` : ""}`),
      element("table", {}, element("tbody", {}, ...rows)));
  }

  function focus(item, partner = null) {
    if (item === state.focus && partner === state.partner) return;
    Object.assign(state, { focus: item, partner });
    describe();
    mark();
  }

  function pick(item) {
    Object.assign(state, { picked: item, focus: item, partner: null });
    describe();
    listNeighbours();
    mark();
  }

  function drawAll() {
    $("simulated").hidden = !view.simulated;
    $("heat-title").textContent = marked("Dendrogram and distances, in its order");
    const shownItems = view.heatOrder.length;
    $("heat-hint").textContent = `Distances are exact to ${(view.step / 2).toPrecision(1)}`
      + `${view.unit ? ` ${view.unit}` : ""}.${shownItems < view.n
        ? ` Shown are ${shownItems} of ${view.n} items, evenly along the dendrogram.` : ""}`;
    $("provenance").textContent = JSON.stringify({ ...view.provenance, plotly: Plotly.version }, null, 1);
    Charts.tree(view);
    Charts.heat(view);
    drawScatter();
    describe();
    listNeighbours();
  }

  function step(event) {
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key === "Enter" && state.focus !== null) {
      event.preventDefault();
      pick(state.focus);
    } else if (event.key === "Escape") {
      pick(null);
    } else if (event.key in moves && visible.length) {
      event.preventDefault();
      // From left to right on the plane.
      const x = view.axes[axes()[0]];
      const order = [...visible].sort((a, b) => x[a] - x[b]);
      const at = order.indexOf(state.focus);
      focus(order[at < 0 ? 0 : (at + moves[event.key] + order.length) % order.length]);
    }
  }

  fill("dataset", named(Object.keys(data.datasets)));
  refill();
  drawAll();
  for (const id of ["dataset", "selection", "metric"]) {
    $(id).addEventListener("change", () => {
      if (id !== "metric") Object.assign(state, { focus: null, partner: null, picked: null });
      refill();
      drawAll();
    });
  }
  for (const id of ["axis-x", "axis-y", "axis-z"]) $(id).addEventListener("change", drawScatter);
  $("color").addEventListener("change", () => { drawScatter(); describe(); });
  $("filter").addEventListener("change", () => { refillFilter(); drawScatter(); });
  for (const id of ["search", "filter-low", "filter-high", "filter-value"]) {
    $(id).addEventListener("input", drawScatter);
  }
  $("count").addEventListener("input", () => { listNeighbours(); mark(); });
  $("reset").addEventListener("click", () => {
    $("search").value = "";
    $("filter").value = "";
    Object.assign(state, { focus: null, partner: null, picked: null });
    refillFilter();
    drawAll();
  });
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("scatter").addEventListener("keydown", step);
  for (const id of ["scatter", "tree"]) {
    $(id).on("plotly_hover", ({ points: [{ customdata }] }) => { if (customdata !== undefined) focus(customdata); });
    $(id).on("plotly_click", ({ points: [{ customdata }] }) => { if (customdata !== undefined) pick(customdata); });
  }
  const pair = ({ points: [{ x, y }] }) => [view.leaves[y], view.leaves[x]];
  $("heat").on("plotly_hover", (event) => focus(...pair(event)));
  $("heat").on("plotly_click", (event) => pick(pair(event)[0]));
}

(async () => {
  const waiting = document.getElementById("waiting");
  if (typeof DecompressionStream === "undefined") {
    waiting.textContent = "This browser cannot unpack the page: it takes Chrome or Edge 80, "
      + "Firefox 113, Safari 16.4, or anything newer.";
    return;
  }
  await Unpack.run("plotly");
  for (const part of document.querySelectorAll("[data-waits]")) part.hidden = false;
  await explore();
  waiting.hidden = true;
  document.body.dataset.ready = "true";
})();
