"use strict";
(() => {
  const DATA = JSON.parse(document.getElementById("data").textContent);
  const $ = (id) => document.getElementById(id);
  // Okabe and Ito's colours, which colour-blind people tell apart; then darker ones.
  const CLASSES = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442",
    "#5B4B8A", "#7A5C00", "#004D40", "#8C2D5A", "#37474F"];
  const UNKNOWN = "#b8bfc6";
  const NEIGHBOURS = 8;
  const CONFIG = { displaylogo: false, responsive: true, scrollZoom: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  const FONT = { family: "system-ui, sans-serif", size: 12, color: "#1d2733" };
  const state = { focus: null, picked: null };
  let view = null;

  const decoded = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)).buffer;

  function makeView() {
    const dataset = DATA.datasets[$("dataset").value];
    const selection = dataset.selections[$("selection").value];
    const metric = selection.metrics[$("metric").value];
    const n = selection.ids.length;
    const flat = new Float32Array(decoded(metric.coordinates));
    const axes = Array.from({ length: metric.axes }, (_, a) => flat.subarray(a * n, (a + 1) * n));
    const upper = new Uint16Array(decoded(metric.distances));
    const distance = (i, j) => {
      if (i === j) return 0;
      const [a, b] = i < j ? [i, j] : [j, i];
      return upper[a * n - (a * (a + 1)) / 2 + b - a - 1] / 65535 * metric.largest;
    };
    const branches = new Float32Array(decoded(metric.branches));
    return { dataset, selection, metric, n, axes, distance, branches, ids: selection.ids,
      covariates: selection.covariates };
  }

  function fill(select, values, wanted) {
    select.replaceChildren(...values.map((value) => {
      const [key, text] = Array.isArray(value) ? value : [value, pretty(value)];
      return new Option(text, key);
    }));
    const keys = Array.from(select.options, (option) => option.value);
    if (keys.includes(wanted)) select.value = wanted;
  }

  const pretty = (name) => String(name).replaceAll("_", " ");
  const shown = (value) => value === null ? "unknown" :
    typeof value === "number" ? (Number.isInteger(value) ? String(value) : value.toPrecision(4)) : value;

  function refill() {
    const keep = Object.fromEntries(["selection", "metric", "color", "filter", "axis-x", "axis-y"]
      .map((id) => [id, $(id).options.length ? $(id).value : undefined]));
    const dataset = DATA.datasets[$("dataset").value];
    fill($("selection"), Object.keys(dataset.selections), keep.selection);
    const selection = dataset.selections[$("selection").value];
    fill($("metric"), Object.keys(selection.metrics), keep.metric);
    const names = Object.keys(selection.covariates).filter((name) =>
      new Set(selection.covariates[name].values).size > 1);
    fill($("color"), [...names, ["", "nothing"]], keep.color);
    fill($("filter"), [["", "nothing"], ...names.map((name) => [name, pretty(name)])], keep.filter);
    const axes = selection.metrics[$("metric").value].axes;
    const numbers = Array.from({ length: axes }, (_, a) => [String(a), `axis ${a + 1}`]);
    fill($("axis-x"), numbers, keep["axis-x"] || "0");
    fill($("axis-y"), numbers, keep["axis-y"] || "1");
    if ($("axis-x").value === $("axis-y").value) $("axis-y").value = $("axis-x").value === "0" ? "1" : "0";
    refillFilter();
  }

  function refillFilter() {
    const dataset = DATA.datasets[$("dataset").value];
    const column = dataset.selections[$("selection").value].covariates[$("filter").value];
    $("filter-range").hidden = !column || !column.numeric;
    $("filter-classes").hidden = !column || column.numeric;
    if (!column) return;
    const known = column.values.filter((value) => value !== null);
    if (column.numeric) {
      $("filter-low").value = Math.min(...known);
      $("filter-high").value = Math.max(...known);
    } else {
      fill($("filter-value"), [["", "any"], ...[...new Set(known)].sort().map((v) => [v, v])]);
    }
  }

  function visible() {
    const words = $("search").value.trim().toLowerCase();
    const column = view.covariates[$("filter").value];
    const low = parseFloat($("filter-low").value), high = parseFloat($("filter-high").value);
    const facts = Object.values(view.covariates).filter((c) => !c.numeric);
    return view.ids.map((id, i) => i).filter((i) => {
      if (words && ![view.ids[i], ...facts.map((c) => c.values[i] ?? "")]
        .some((text) => text.toLowerCase().includes(words))) return false;
      if (!column) return true;
      const value = column.values[i];
      if (!column.numeric) return !$("filter-value").value || value === $("filter-value").value;
      return value !== null && !(value < low) && !(value > high);
    });
  }

  function coloured(items) {
    const name = $("color").value;
    const column = view.covariates[name];
    if (!column) return [{ items, marker: { color: CLASSES[0] } }];
    const of = (i) => column.values[i];
    const unknown = items.filter((i) => of(i) === null);
    const rest = items.filter((i) => of(i) !== null);
    const groups = [];
    if (column.numeric) {
      groups.push({ items: rest, marker: { color: rest.map(of), colorscale: "Viridis",
        showscale: true, colorbar: { title: { text: pretty(name), side: "right" }, thickness: 14 } } });
    } else {
      const classes = [...new Set(column.values.filter((value) => value !== null))].sort();
      // A column of colours means itself.
      const own = classes.every((value) => /^#[0-9a-f]{6}$/i.test(value));
      classes.forEach((value, k) => {
        const some = rest.filter((i) => of(i) === value);
        if (some.length) groups.push({ items: some, name: value,
          marker: { color: own ? value : CLASSES[k % CLASSES.length],
            symbol: k < CLASSES.length ? "circle" : "diamond" } });
      });
    }
    if (unknown.length) groups.push({ items: unknown, name: "unknown", marker: { color: UNKNOWN } });
    return groups;
  }

  function drawScatter() {
    const items = visible();
    const [x, y] = ["axis-x", "axis-y"].map((id) => view.axes[Number($(id).value)]);
    const groups = coloured(items);
    const traces = groups.map((group) => ({
      type: "scatter", mode: "markers", name: group.name ?? "", showlegend: group.name !== undefined,
      x: group.items.map((i) => x[i]), y: group.items.map((i) => y[i]), customdata: group.items,
      text: group.items.map((i) => escaped(view.ids[i])), hovertemplate: "%{text}<extra></extra>",
      marker: { size: 9, line: { width: 0.6, color: "#ffffff" }, ...group.marker } }));
    const marked = [state.focus, ...nearest().map((found) => found.item)]
      .filter((i, k, all) => i !== null && all.indexOf(i) === k);
    traces.push({ type: "scatter", mode: "markers", hoverinfo: "skip", showlegend: false,
      name: "marked", x: marked.map((i) => x[i]), y: marked.map((i) => y[i]),
      marker: { size: marked.map((i) => (i === state.focus || i === state.picked ? 17 : 13)),
        symbol: "circle-open", line: { width: 2.2, color: "#111111" }, color: "#111111" } });
    const label = (id) => `axis ${Number($(id).value) + 1}${view.metric.unit ? ` (${view.metric.unit})` : ""}`;
    Plotly.react("scatter", traces, { font: FONT, margin: { l: 62, r: 10, t: top(), b: 46 },
      hovermode: "closest", uirevision: `${$("dataset").value}/${$("selection").value}`,
      xaxis: { title: { text: label("axis-x") }, zeroline: false, gridcolor: "#e8ecef" },
      yaxis: { title: { text: label("axis-y") }, zeroline: false, gridcolor: "#e8ecef",
        scaleanchor: "x" },
      legend: { itemsizing: "constant" }, annotations: simulatedMark() }, CONFIG);
    const title = `Embedding: ${items.length} of ${view.n} items`;
    $("scatter-title").textContent = title + (view.dataset.simulated ? " (simulated)" : "");
  }

  const top = () => (view.dataset.simulated ? 24 : 8);

  const simulatedMark = () => !view.dataset.simulated ? [] : [{ text: "simulated", xref: "paper",
    yref: "paper", x: 1, y: 1, xanchor: "right", yanchor: "bottom", showarrow: false,
    font: { color: "#8a3b00", size: 12 } }];

  function drawTree() {
    const lines = { x: [], y: [] };
    const n = view.branches.length / 8;
    for (let k = 0; k < n; k += 1) {
      for (let p = 0; p < 4; p += 1) {
        lines.x.push((view.branches[4 * k + p] - 5) / 10);
        lines.y.push(view.branches[4 * (n + k) + p]);
      }
      lines.x.push(null); lines.y.push(null);
    }
    const at = positions();
    const marks = marksOf(at);
    Plotly.react("tree", [{ type: "scatter", mode: "lines", ...lines, hoverinfo: "skip",
      line: { color: "#44525f", width: 1 } }, { type: "scatter", mode: "markers",
      x: marks.map((m) => m.at), y: marks.map(() => 0), hoverinfo: "skip",
      marker: { color: marks.map((m) => m.color), size: 8 } }], { font: FONT, showlegend: false,
      margin: { l: 72, r: 120, t: top(), b: 6 }, annotations: simulatedMark(),
      xaxis: { range: [-0.5, view.n - 0.5], visible: false },
      yaxis: { title: { text: `linkage${view.metric.unit ? ` (${view.metric.unit})` : ""}` }, zeroline: false,
        gridcolor: "#e8ecef" } }, CONFIG);
  }

  function drawHeat() {
    const order = view.metric.leaves;
    const z = order.map((i) => order.map((j) => view.distance(i, j)));
    const names = order.map((i) => escaped(view.ids[i]));
    const few = view.n <= 60;
    const marks = marksOf(positions());
    const bar = (m, axis) => ({ type: "rect", xref: "x", yref: "y", line: { color: m.color, width: 1.5 },
      x0: axis === "x" ? m.at - 0.5 : -0.5, x1: axis === "x" ? m.at + 0.5 : view.n - 0.5,
      y0: axis === "y" ? m.at - 0.5 : -0.5, y1: axis === "y" ? m.at + 0.5 : view.n - 0.5 });
    const ticks = few ? { tickvals: order.map((_, k) => k), ticktext: names, tickfont: { size: 8 } }
      : { visible: false };
    Plotly.react("heat", [{ type: "heatmap", z, colorscale: "Cividis", customdata: order,
      text: z.map((_, k) => names.map((name) => `${names[k]}<br>${name}`)),
      hovertemplate: "%{text}<br>%{z:.4f}<extra></extra>",
      colorbar: { title: { text: `distance${view.metric.unit ? ` (${view.metric.unit})` : ""}`, side: "right" },
        thickness: 14, x: 1.01 } }], { font: FONT, margin: { l: 72, r: 120, t: top(), b: few ? 62 : 10 },
      annotations: simulatedMark(), shapes: marks.filter((m) => m.main).flatMap((m) => [bar(m, "x"), bar(m, "y")]),
      xaxis: { range: [-0.5, view.n - 0.5], ...ticks }, yaxis: { autorange: "reversed", ...ticks } }, CONFIG);
  }

  const positions = () => new Map(view.metric.leaves.map((item, k) => [item, k]));

  function marksOf(at) {
    const main = new Set([state.focus, state.picked].filter((i) => i !== null));
    const near = nearest().map((found) => found.item).filter((i) => !main.has(i));
    return [...near.map((i) => ({ at: at.get(i), color: "#0b62a8", main: false })),
      ...[...main].map((i) => ({ at: at.get(i), color: "#d00000", main: true }))];
  }

  function nearest() {
    if (state.picked === null) return [];
    return view.ids.map((_, item) => ({ item, distance: view.distance(state.picked, item) }))
      .filter((found) => found.item !== state.picked)
      .sort((a, b) => a.distance - b.distance || a.item - b.item).slice(0, NEIGHBOURS);
  }

  const escaped = (text) => String(text).replace(/[&<>"']/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[c]);

  function element(tag, attributes = {}, ...children) {
    const made = tag === "svg" || element.inSvg
      ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...children);
    return made;
  }

  function graphOf(i) {
    const key = view.covariates.network?.values[i];
    return view.dataset.graphs[key] ?? view.dataset.graphs[view.ids[i]];
  }

  // Nodes of a cell by the longest way from the input, edges between them.
  function drawnGraph(graph) {
    const n = graph.labels.length;
    const depth = new Array(n).fill(0);
    for (let j = 0; j < n; j += 1) {
      for (let i = 0; i < j; i += 1) if (graph.adjacency[i][j]) depth[j] = Math.max(depth[j], depth[i] + 1);
    }
    const rows = new Map();
    depth.forEach((d, i) => rows.set(d, [...(rows.get(d) ?? []), i]));
    const widest = Math.max(...[...rows.values()].map((row) => row.length));
    const W = Math.max(widest * 92, 184), H = (Math.max(...depth) + 1) * 46;
    const place = new Array(n);
    rows.forEach((row, d) => row.forEach((i, k) => {
      place[i] = [(k + 0.5) * W / row.length, d * 46 + 20];
    }));
    element.inSvg = true;
    const arrow = element("marker", { id: "arrow", viewBox: "0 0 6 6", refX: 6, refY: 3, markerWidth: 6,
      markerHeight: 6, orient: "auto" }, element("path", { d: "M0,0L6,3L0,6z", fill: "#566270" }));
    const parts = [element("defs", {}, arrow)];
    for (let i = 0; i < n; i += 1) {
      for (let j = 0; j < n; j += 1) {
        if (!graph.adjacency[i][j]) continue;
        const [[x0, y0], [x1, y1]] = [place[i], place[j]];
        // An edge past other rows bends, so that it does not run through their nodes.
        const bend = depth[j] - depth[i] > 1 ? (x0 <= W / 2 ? -1 : 1) * 104 : 0;
        parts.push(element("path", { d: `M${x0},${y0 + 11}Q${(x0 + x1) / 2 + bend},${(y0 + y1) / 2} ${x1},${y1 - 12}`,
          fill: "none", stroke: "#566270", "marker-end": "url(#arrow)" }));
      }
    }
    const colors = { conv3x3: "#cfe3f5", conv1x1: "#fde5b8", maxpool: "#d3eee3" };
    graph.labels.forEach((label, i) => {
      const key = Object.keys(colors).find((start) => label.startsWith(start));
      parts.push(element("rect", { x: place[i][0] - 41, y: place[i][1] - 11, width: 82, height: 22, rx: 5,
        fill: colors[key] ?? "#eceff2", stroke: "#8b97a4" }));
      const text = element("text", { x: place[i][0], y: place[i][1] + 4, "text-anchor": "middle",
        "font-size": 11, fill: "#1d2733" });
      text.textContent = label.replace("-bn-relu", "");
      parts.push(text);
    });
    const drawing = element("svg", { viewBox: `0 0 ${W} ${H}`, role: "img",
      "aria-label": `Cell with ${n} nodes: ${graph.labels.join(", ")}` }, ...parts);
    element.inSvg = false;
    return drawing;
  }

  function describe(i) {
    const title = `Item${view.dataset.simulated ? " (simulated)" : ""}`;
    $("item-title").textContent = title;
    if (i === null) { $("item").replaceChildren(hint("None yet.")); return; }
    const row = (name, value) => {
      const cells = [element("th", { scope: "row" }, pretty(name)), element("td", {}, shown(value))];
      return element("tr", {}, ...cells);
    };
    const facts = Object.entries(view.covariates).map(([name, column]) => row(name, column.values[i]));
    const graph = graphOf(i);
    $("item").replaceChildren(...(graph ? [drawnGraph(graph)] : []),
      element("table", {}, element("tbody", {}, row("id", view.ids[i]), ...facts)));
    const color = view.covariates[$("color").value];
    $("live").textContent = `${view.ids[i]}${color ? `, ${pretty($("color").value)} ${shown(color.values[i])}` : ""}`;
  }

  const hint = (text) => element("p", { class: "hint" }, text);

  function listNeighbours() {
    const found = nearest();
    if (!found.length) { $("neighbours").replaceChildren(hint("Click an item.")); return; }
    const rows = found.map(({ item, distance }) => {
      const button = element("button", { type: "button" }, view.ids[item]);
      button.addEventListener("click", () => pick(item));
      return element("tr", {}, element("td", {}, button), element("td", {}, distance.toFixed(4)));
    });
    const of = element("p", { class: "hint" }, `of ${view.ids[state.picked]}${view.metric.unit ? `, in ${view.metric.unit}` : ""}`);
    $("neighbours").replaceChildren(of, element("table", {}, element("tbody", {}, ...rows)));
  }

  function focus(i) {
    if (i === state.focus) return;
    state.focus = i;
    describe(i);
    drawScatter();
    drawTree();
  }

  function pick(i) {
    state.picked = i;
    state.focus = i;
    describe(i);
    listNeighbours();
    drawScatter(); drawTree(); drawHeat();
  }

  function drawAll() {
    view = makeView();
    if (state.focus >= view.n) state.focus = null;
    if (state.picked >= view.n) state.picked = null;
    $("simulated").hidden = !view.dataset.simulated;
    $("heat-title").textContent = "Dendrogram and distances, in its order"
      + (view.dataset.simulated ? " (simulated)" : "");
    $("provenance").textContent = JSON.stringify(view.metric.provenance, null, 1);
    drawScatter(); drawTree(); drawHeat(); describe(state.focus); listNeighbours();
  }

  function step(event) {
    const moves = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };
    if (event.key === "Enter" && state.focus !== null) { event.preventDefault(); pick(state.focus); return; }
    if (event.key === "Escape") { state.picked = null; state.focus = null; drawAll(); return; }
    if (!(event.key in moves)) return;
    event.preventDefault();
    // From left to right on the plane.
    const x = view.axes[Number($("axis-x").value)];
    const order = visible().sort((a, b) => x[a] - x[b]);
    if (!order.length) return;
    const at = order.indexOf(state.focus);
    focus(order[at < 0 ? 0 : (at + moves[event.key] + order.length) % order.length]);
  }

  fill($("dataset"), Object.keys(DATA.datasets));
  refill();
  const startColors = ["test_accuracy", "hierarchy_score"];
  const start = startColors.find((name) => Array.from($("color").options, (o) => o.value).includes(name));
  if (start) $("color").value = start;
  drawAll();
  for (const id of ["dataset", "selection", "metric"]) {
    $(id).addEventListener("change", () => {
      if (id !== "metric") { state.focus = null; state.picked = null; }
      refill(); drawAll();
    });
  }
  for (const id of ["color", "axis-x", "axis-y"]) $(id).addEventListener("change", drawScatter);
  $("filter").addEventListener("change", () => { refillFilter(); drawScatter(); });
  for (const id of ["search", "filter-low", "filter-high", "filter-value"]) $(id).addEventListener("input", drawScatter);
  $("reset").addEventListener("click", () => {
    $("search").value = ""; $("filter").value = ""; state.focus = null; state.picked = null;
    refillFilter(); drawAll();
  });
  $("controls").addEventListener("submit", (event) => event.preventDefault());
  $("scatter").addEventListener("keydown", step);
  $("scatter").on("plotly_hover", (event) => { if (event.points[0].customdata !== undefined) focus(event.points[0].customdata); });
  $("scatter").on("plotly_click", (event) => { if (event.points[0].customdata !== undefined) pick(event.points[0].customdata); });
  $("heat").on("plotly_click", (event) => pick(view.metric.leaves[event.points[0].pointIndex[0]]));
  document.body.dataset.ready = "true";
})();
