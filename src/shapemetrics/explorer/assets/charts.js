"use strict";
// The three charts, drawn by Plotly from a view; none of them knows the page's controls.
const Charts = (() => {
  // Okabe and Ito's colours, which colour-blind people tell apart; then darker ones.
  const CLASSES = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442",
    "#5B4B8A", "#7A5C00", "#004D40", "#8C2D5A", "#37474F"];
  // Known to charts in a plane and in space.
  const SYMBOLS = ["circle", "diamond", "square", "cross"];
  const UNKNOWN = "#b8bfc6", HERE = "#d00000", NEAR = "#0b62a8", NONE = "rgba(0,0,0,0)";
  const INK = "#111111";
  const CONFIG = { displaylogo: false, responsive: true, scrollZoom: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d"] };
  const FONT = { family: "system-ui, sans-serif", size: 12, color: "#1d2733" };
  const GRID = "#e8ecef";

  // Plotly reads some markup in texts, and these three entities.
  const escaped = (text) => String(text).replace(/[&<>]/g,
    (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;" })[c]);
  const pretty = (name) => String(name).replaceAll("_", " ");
  const inUnit = (view, text) => escaped(view.unit ? `${text} (${view.unit})` : text);
  const isColour = (value) => value === null || /^#[0-9a-f]{6}$/i.test(value);

  // Whether so many classes can be told apart; a column of colours means itself.
  const canColour = (column) => column.numeric || column.values.every(isColour)
    || new Set(column.values).size <= CLASSES.length * SYMBOLS.length;

  function base(view, margin) {
    const mark = { text: "simulated", xref: "paper", yref: "paper", x: 0, y: 1, xanchor: "left",
      yanchor: "bottom", showarrow: false, font: { color: "#8a3b00", size: 12 } };
    // Plotly's buttons lie in the upper margin.
    return { font: FONT, margin: { ...margin, t: 32 },
      annotations: view.simulated ? [mark] : [] };
  }

  function groups(view, items, name) {
    const column = view.covariates.get(name);
    if (!column) return [{ items, marker: { color: CLASSES[0] } }];
    const of = (i) => column.values[i];
    const rest = items.filter((i) => of(i) !== null);
    const found = [];
    if (column.numeric) {
      const known = column.values.filter((value) => value !== null);
      found.push({ items: rest, marker: { color: rest.map(of), colorscale: "Viridis",
        // The whole column's range, so that a filter changes no colours.
        cmin: Math.min(...known), cmax: Math.max(...known), showscale: true,
        colorbar: { title: { text: escaped(pretty(name)), side: "right" }, thickness: 14 } } });
    } else {
      const classes = [...new Set(column.values.filter((value) => value !== null))].sort();
      const own = classes.every(isColour);
      classes.forEach((value, k) => {
        const some = rest.filter((i) => of(i) === value);
        if (!some.length) return;
        found.push({ items: some, name: value, marker: {
          color: own ? value : CLASSES[k % CLASSES.length],
          symbol: own ? SYMBOLS[0] : SYMBOLS[Math.floor(k / CLASSES.length) % SYMBOLS.length] } });
      });
    }
    const unknown = items.filter((i) => of(i) === null);
    if (unknown.length) found.push({ items: unknown, name: "unknown", marker: { color: UNKNOWN } });
    return found;
  }

  function coordinates(view, axes, items) {
    const [x, y, z] = axes.map((axis) => items.map((i) => view.axes[axis][i]));
    return z ? { x, y, z } : { x, y };
  }

  // axes: two or three; name: covariate that gives the colours.
  function scatter(view, items, axes, name, revision) {
    const space = axes.length === 3;
    const type = space ? "scatter3d" : "scatter";
    const traces = groups(view, items, name).map((group) => ({
      type, mode: "markers", name: escaped(group.name ?? ""), showlegend: group.name !== undefined,
      ...coordinates(view, axes, group.items), customdata: group.items,
      text: group.items.map((i) => escaped(view.ids[i])), hovertemplate: "%{text}<extra></extra>",
      marker: { size: space ? 5 : 9, line: { width: 0.6, color: "#ffffff" }, ...group.marker } }));
    if (space) {
      traces.push({ type, mode: "markers", hoverinfo: "skip", showlegend: false, name: "marked",
        ...coordinates(view, axes, []), marker: { size: [], symbol: "circle-open", color: HERE,
          line: { width: 2.2, color: HERE } } });
    }
    const [x, y, z] = axes.map((axis) => ({ title: { text: inUnit(view, `axis ${axis + 1}`) },
      zeroline: false, gridcolor: GRID }));
    const shape = space ? { scene: { xaxis: x, yaxis: y, zaxis: z, aspectmode: "data",
      camera: { eye: { x: 1.5, y: 1.5, z: 1.1 } } } }
      : { xaxis: x, yaxis: { ...y, scaleanchor: "x" } };
    // Beside a scale of colours there is room for "unknown" above the chart only.
    const above = { orientation: "h", x: 0.5, xanchor: "center", y: 1, yanchor: "bottom" };
    const legend = { itemsizing: "constant", ...(view.covariates.get(name)?.numeric ? above : {}) };
    return Plotly.react("scatter", traces, { ...base(view, { l: 62, r: 10, b: 46 }), ...shape,
      hovermode: "closest", uirevision: revision, legend }, CONFIG);
  }

  function tree(view) {
    const lines = { x: [], y: [] };
    const half = view.branches.length / 2;
    for (let k = 0; k < half; k += 4) {
      lines.x.push(...view.branches.subarray(k, k + 4), null);
      lines.y.push(...view.branches.subarray(half + k, half + k + 4), null);
    }
    return Plotly.react("tree", [{ type: "scatter", mode: "lines", ...lines, hoverinfo: "skip",
      line: { color: "#44525f", width: 1 } }, { type: "scatter", mode: "markers",
      x: view.leaves.map((_, k) => k), y: view.leaves.map(() => 0), customdata: view.leaves,
      text: view.leaves.map((i) => escaped(view.ids[i])), hovertemplate: "%{text}<extra></extra>",
      cliponaxis: false, marker: { color: NONE, size: 8 } }],
    { ...base(view, { l: 72, r: 120, b: 10 }), showlegend: false, hovermode: "closest",
      xaxis: { range: [-0.5, view.n - 0.5], visible: false },
      yaxis: { title: { text: inUnit(view, "linkage") }, zeroline: false, rangemode: "tozero",
        gridcolor: GRID } }, CONFIG);
  }

  function heat(view) {
    const order = view.heatOrder;
    const at = order.map((item) => view.positions.get(item));
    const names = order.map((i) => escaped(view.ids[i]));
    const few = view.n <= 60;
    const ticks = few ? { tickvals: at, ticktext: names, tickfont: { size: 9 } } : { visible: false };
    return Plotly.react("heat", [{ type: "heatmap", x: at, y: at, colorscale: "Cividis",
      z: order.map((i) => order.map((j) => view.distance(i, j))), customdata: names.map(() => names),
      text: names.map((name) => names.map(() => name)),
      hovertemplate: "%{text}<br>%{customdata}<br>%{z:.4~g}<extra></extra>",
      colorbar: { title: { text: inUnit(view, "distance"), side: "right" }, thickness: 14, x: 1.01 } }],
    { ...base(view, { l: 72, r: 120, b: few ? 62 : 10 }),
      xaxis: { range: [-0.5, view.n - 0.5], automargin: false, ...ticks },
      yaxis: { range: [view.n - 0.5, -0.5], automargin: false, ...ticks } }, CONFIG);
  }

  // A ring of so many pixels round a point; shapes are drawn ten times as fast as traces.
  const ring = (x, y, radius, line, lift = 0) => ({ type: "circle", line, xsizemode: "pixel",
    ysizemode: "pixel", xanchor: x, yanchor: y, x0: -radius, x1: radius, y0: lift - radius,
    y1: lift + radius });

  function markInSpace(view, axes, items, sizes) {
    const values = Object.entries(coordinates(view, axes, items)).map(([axis, found]) => [axis, [found]]);
    const last = document.getElementById("scatter").data.length - 1;
    Plotly.restyle("scatter", { ...Object.fromEntries(values), "marker.size": [sizes] }, [last]);
  }

  // The same items marked in all three; main: those pointed at or picked, near: the others.
  function mark(view, axes, visible, main, near) {
    const all = [...near.filter((i) => !main.includes(i)), ...main];
    const seen = all.filter((i) => visible.has(i));
    const big = (i) => main.includes(i);
    if (axes.length === 3) {
      markInSpace(view, axes, seen, seen.map((i) => (big(i) ? 17 : 13)));
    } else {
      const [x, y] = axes.map((axis) => view.axes[axis]);
      Plotly.relayout("scatter", { shapes: seen.map((i) =>
        ring(x[i], y[i], big(i) ? 9 : 7, { color: INK, width: 2.2 })) });
    }
    const place = (i) => view.positions.get(i);
    Plotly.relayout("tree", { shapes: all.map((i) => {
      const color = big(i) ? HERE : NEAR;
      return { ...ring(place(i), 0, 4, { color, width: 1 }, 4), fillcolor: color };
    }) });
    const bar = (k, [a, b]) => ({ type: "rect", line: { color: HERE, width: 1.5 },
      [`${a}0`]: k - 0.5, [`${a}1`]: k + 0.5, [`${b}0`]: -0.5, [`${b}1`]: view.n - 0.5 });
    Plotly.relayout("heat", { shapes: main.map(place).flatMap((k) => [bar(k, "xy"), bar(k, "yx")]) });
  }

  return { scatter, tree, heat, mark, canColour, pretty };
})();
