"use strict";
// What the page carries, compressed: text, the plotting library, and views of the data.
const Unpack = (() => {
  function bytes(base64) {
    const letters = atob(base64);
    const found = new Uint8Array(letters.length);
    for (let k = 0; k < letters.length; k += 1) found[k] = letters.charCodeAt(k);
    return found;
  }

  const floats = (text) => new Float32Array(bytes(text).buffer);
  const whole = (text) => new Uint32Array(bytes(text).buffer);
  const steps = (text) => new Uint16Array(bytes(text).buffer);

  async function text(id) {
    const packed = new Blob([bytes(document.getElementById(id).textContent)]);
    return new Response(packed.stream().pipeThrough(new DecompressionStream("gzip"))).text();
  }

  async function run(id) {
    const script = document.createElement("script");
    script.textContent = await text(id);
    document.head.append(script);
  }

  // One dataset, selection and metric, with what the page asks of them.
  function view(data, names) {
    const dataset = data.datasets[names.dataset];
    const selection = dataset.selections[names.selection];
    const metric = selection.metrics[names.metric];
    const n = selection.ids.length;
    const flat = floats(metric.coordinates);
    const step = metric.largest / data.steps;
    const shown = whole(metric.shown);
    const rows = new Map(Array.from(shown, (item, row) => [item, row]));
    const upper = steps(metric.distances);
    const leaves = Array.from(whole(metric.leaves));

    // Between two of the items that the heat map shows.
    function distance(a, b) {
      let [i, j] = [rows.get(a), rows.get(b)];
      if (i === j) return 0;
      if (i > j) [i, j] = [j, i];
      return upper[i * shown.length - (i * (i + 1)) / 2 + j - i - 1] * step;
    }

    const near = metric.neighbours && { count: metric.neighbours.count,
      items: whole(metric.neighbours.items), steps: steps(metric.neighbours.distances) };

    function nearest(item, count) {
      if (near) {
        return Array.from({ length: Math.min(count, near.count) }, (_, k) => item * near.count + k)
          .map((k) => ({ item: near.items[k], distance: near.steps[k] * step }));
      }
      return selection.ids.map((_, other) => ({ item: other, distance: distance(item, other) }))
        .filter((found) => found.item !== item)
        .sort((a, b) => a.distance - b.distance || a.item - b.item).slice(0, count);
    }

    const covariates = new Map(Object.entries(selection.covariates)
      .map(([name, place]) => [name, dataset.columns[place]]));
    const graphs = new Map(Object.entries(dataset.graphs));
    return { n, step, distance, nearest, covariates, ids: selection.ids,
      simulated: dataset.simulated, unit: metric.unit, provenance: metric.provenance,
      axes: Array.from({ length: metric.axes }, (_, a) => flat.subarray(a * n, (a + 1) * n)),
      branches: floats(metric.branches), leaves,
      positions: new Map(leaves.map((item, k) => [item, k])),
      heatOrder: leaves.filter((item) => rows.has(item)),
      graph: (i) => graphs.get(covariates.get("network")?.values[i]) ?? graphs.get(selection.ids[i]) };
  }

  return { text, run, view };
})();
