"use strict";
// A network's cell as a small drawing: nodes by the longest way from the input, edges downwards.
const Cell = (() => {
  const ROW = 36, COLUMN = 92, HALF = 41;
  const COLORS = { conv3x3: "#cfe3f5", conv1x1: "#fde5b8", maxpool: "#d3eee3" };

  function element(tag, attributes, ...children) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.append(...children);
    return made;
  }

  function rowsOf({ adjacency, labels }) {
    const depth = labels.map(() => 0);
    labels.forEach((_, j) => {
      for (let i = 0; i < j; i += 1) if (adjacency[i][j]) depth[j] = Math.max(depth[j], depth[i] + 1);
    });
    const rows = Array.from({ length: Math.max(...depth) + 1 }, () => []);
    depth.forEach((d, i) => rows[d].push(i));
    return { depth, rows };
  }

  function drawn(graph) {
    const { adjacency, labels } = graph;
    const { depth, rows } = rowsOf(graph);
    const widest = Math.max(...rows.map((row) => row.length));
    const places = [];
    rows.forEach((row, d) => row.forEach((i, k) => {
      places[i] = [(k - (row.length - 1) / 2) * COLUMN, d * ROW];
    }));
    const edges = [];
    let reach = HALF + (widest - 1) * COLUMN / 2, side = 1;
    labels.forEach((_, i) => labels.forEach((__, j) => {
      if (!adjacency[i][j]) return;
      const [[x0, y0], [x1, y1]] = [places[i], places[j]];
      const span = depth[j] - depth[i];
      let path = `M${x0},${y0 + 10}L${x1},${y1 - 11}`;
      if (span > 1) {
        // An edge past other rows goes round their nodes, by turns on the left and the right.
        const between = rows.slice(depth[i] + 1, depth[j]).map((row) => row.length);
        const way = (Math.max(...between) - 1) * COLUMN / 2 + HALF + 6 * span;
        const bend = side * way / 0.7;
        reach = Math.max(reach, way + 12);
        path = `M${x0},${y0 + 10}C${x0 + bend},${y0 + ROW * 0.7} ${x1 + bend},${y1 - ROW * 0.7} ${x1},${y1 - 11}`;
        side = -side;
      }
      edges.push(element("path", { d: path, fill: "none", stroke: "#566270",
        "marker-end": "url(#arrow)" }));
    }));
    const nodes = labels.flatMap((label, i) => {
      const [x, y] = places[i];
      const kind = Object.keys(COLORS).find((start) => label.startsWith(start));
      const text = element("text", { x, y: y + 4, "text-anchor": "middle", "font-size": 11,
        fill: "#1d2733" });
      text.textContent = label.replace("-bn-relu", "");
      return [element("rect", { x: x - HALF, y: y - 10, width: 2 * HALF, height: 20, rx: 5,
        fill: COLORS[kind] ?? "#eceff2", stroke: "#8b97a4" }), text];
    });
    const arrow = element("marker", { id: "arrow", viewBox: "0 0 6 6", refX: 6, refY: 3,
      markerWidth: 6, markerHeight: 6, orient: "auto" },
    element("path", { d: "M0,0L6,3L0,6z", fill: "#566270" }));
    const height = (rows.length - 1) * ROW + 26;
    return element("svg", { viewBox: `${-reach} -13 ${2 * reach} ${height}`, role: "img",
      style: `max-height:${height}px`,
      "aria-label": `Cell with ${labels.length} nodes: ${labels.join(", ")}` },
    element("defs", {}, arrow), ...edges, ...nodes);
  }

  return { drawn };
})();
