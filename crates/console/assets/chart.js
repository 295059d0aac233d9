// Draws what a table has: the table is the truth, the chart a picture of it. Drawn again when the table is replaced.
"use strict";

const HEIGHT = 200;
const drawn = new WeakMap();

function colour(name) {
  // The values are `light-dark(..)`: what counts is what an element gets from it.
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const value = getComputedStyle(probe).color;
  probe.remove();
  return value;
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) {
    bytes /= 1024;
    unit += 1;
  }
  return `${bytes >= 10 || unit === 0 ? Math.round(bytes) : bytes.toFixed(1)} ${units[unit]}`;
}

function columns(table) {
  const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => Number(cell.dataset.value)));
  return rows.length === 0 ? null : rows[0].map((_, column) => rows.map((row) => row[column]));
}

function clock(zone) {
  const format = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone });
  return (seconds) => format.format(seconds * 1000);
}

// Grid lines at powers of two, as bytes are counted.
const STEPS = Array.from({ length: 32 }, (_, power) => 2 ** (power + 8));

function options(chart, zone) {
  const time = clock(zone);
  const axis = { stroke: colour("--quiet"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line"), width: 1 } };
  const bars = uPlot.paths.stepped({ align: 1 });
  const series = (label, name, fill) => ({ label, stroke: colour(name), fill, width: 1.5, paths: bars, points: { show: false }, value: (_, value) => (value == null ? "" : `${size(value)}/s`) });
  return {
    width: chart.clientWidth,
    height: HEIGHT,
    cursor: { drag: { x: false, y: false } },
    scales: { y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1024)] } },
    axes: [{ ...axis, values: (_, ticks) => ticks.map(time) }, { ...axis, size: 75, incrs: STEPS, values: (_, ticks) => ticks.map((tick) => `${size(tick)}/s`) }],
    series: [{ label: "From", value: (_, seconds) => (seconds == null ? "" : time(seconds)) }, series("Written", "--series-written"), series("Looks random", "--series-random")],
  };
}

function draw(chart) {
  const table = document.getElementById(chart.dataset.table);
  const data = table && columns(table);
  const before = drawn.get(chart);
  if (before && before.root.isConnected && data) {
    before.setData(data);
    return;
  }
  before?.destroy();
  if (data) drawn.set(chart, new uPlot(options(chart, chart.dataset.zone), data, chart));
}

function drawAll() {
  for (const chart of document.querySelectorAll("[data-table]")) draw(chart);
}

function drawAfresh() {
  for (const chart of document.querySelectorAll("[data-table]")) {
    drawn.get(chart)?.destroy();
    drawn.delete(chart);
    draw(chart);
  }
}

document.addEventListener("htmx:after:swap", drawAll);
addEventListener("resize", () => {
  for (const chart of document.querySelectorAll("[data-table]")) drawn.get(chart)?.setSize({ width: chart.clientWidth, height: HEIGHT });
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAfresh);
drawAll();
