// Runs once when the component is on the page: Gradio calls it with
// (element, trigger, props, server, upload, watch). `props.reading` is the payload
// of longkeras.app.components.surprise_strips; `props.value` the chosen character.
const HEAT_STEPS = 12;
const STRIP_HEIGHT = 52;
const BAND_HEIGHT = 12;
const RASTER_HEIGHT = STRIP_HEIGHT - BAND_HEIGHT - 2;
const PIXELS_AVERAGED = 10;
const PLOT_HEIGHT = 190;
const PIXELS_A_POINT = 8;
const root = element.querySelector(".lk-strips");
const parts = {};
let view = null;
let cursor = null;
let hovered = null;
let announcing = 0;

const format = (number) => Number(number).toLocaleString("en-US");
const decode = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const make = (tag, className, parent, text) => {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  if (parent) parent.appendChild(node);
  return node;
};
const makeSVG = (tag, attributes, parent, text) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  parent.appendChild(node);
  return node;
};
const fill = (template, values) =>
  template.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");

// ---- data ----------------------------------------------------------------------
function unpack(reading) {
  const models = reading.models.map((model) => ({ ...model, levels: decode(model.levels) }));
  return { ...reading, models };
}
// Cells hold equal numbers of characters: cell i begins at character floor(i · n / cells).
const firstCharacter = (cell) => Math.floor((cell * view.num_characters) / view.num_cells);
const cellOfCharacter = (character) =>
  Math.ceil(((character + 1) * view.num_cells) / view.num_characters) - 1;
const cellOfFraction = (fraction) =>
  clamp(Math.floor(fraction * view.num_cells), 0, view.num_cells - 1);
const bitsOfLevel = (level) => (level * view.full_scale) / 255;
const heat = (bits) => Math.log2(1 + bits) / Math.log2(1 + view.full_scale);

// ---- colours -------------------------------------------------------------------
function palette() {
  const style = getComputedStyle(root);
  const colours = [];
  for (let i = 0; i < HEAT_STEPS; i++) {
    const hex = style.getPropertyValue(`--lk-heat-${i}`).trim().slice(1);
    colours.push([0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)));
  }
  return colours;
}
function ramp(colours) {
  const table = new Uint8ClampedArray(256 * 3);
  for (let level = 0; level < 256; level++) {
    const at = clamp(heat(bitsOfLevel(level)), 0, 1) * (HEAT_STEPS - 1);
    const low = Math.min(Math.floor(at), HEAT_STEPS - 2);
    for (let channel = 0; channel < 3; channel++) {
      const [from, to] = [colours[low][channel], colours[low + 1][channel]];
      table[level * 3 + channel] = from + (to - from) * (at - low);
    }
  }
  return table;
}

// ---- building the page part ----------------------------------------------------
function build() {
  root.replaceChildren();
  const labels = view.labels;
  parts.legend = make("div", "lk-legend", root);
  make("span", "lk-legend-title", parts.legend, labels.legend);
  const scale = make("span", "lk-legend-scale", parts.legend);
  const bar = make("span", "lk-legend-bar", scale);
  bar.setAttribute("aria-hidden", "true");
  for (const bits of [0, 1, 2, 4, 8]) {
    const tick = make("span", "lk-legend-tick", scale, bits === 8 ? "8+" : String(bits));
    tick.style.left = `${100 * heat(bits)}%`;
  }
  parts.stage = make("div", "lk-stage", root);
  parts.stage.tabIndex = 0;
  parts.stage.id = "read-stage";
  parts.stage.setAttribute("role", "slider");
  parts.stage.setAttribute("aria-label", labels.stage);
  parts.stage.setAttribute("aria-describedby", "read-results-of");
  parts.rows = view.models.map((model) => {
    const row = make("div", "lk-row", parts.stage);
    const head = make("div", "lk-row-head", row);
    make("span", `lk-chip lk-model-${model.colour}`, head);
    make("span", "lk-row-name", head, model.title);
    make("span", "lk-row-score", head, model.score);
    const canvas = make("canvas", model.levels.length ? "lk-strip" : "lk-strip lk-pending", row);
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `${model.title}: ${model.score}`);
    return { model, canvas };
  });
  make("div", "lk-plot-title", parts.stage, labels.plot);
  parts.plot = makeSVG("svg", { class: "lk-plot", role: "img", "aria-label": labels.plot }, parts.stage);
  parts.cursor = make("div", "lk-cursor", parts.stage);
  parts.ghost = make("div", "lk-cursor lk-cursor-ghost", parts.stage);
  parts.readout = make("div", "lk-readout", root);
  parts.hint = make("div", "lk-hint", root, labels.hint);
  listen(parts.stage);
}

// ---- drawing -------------------------------------------------------------------
// A strip is read like a page turned on its side: every column from top to bottom,
// then the next column; so all bytes are visible and x is the same for every model.
function drawStrip(canvas, levels, table) {
  const total = view.num_cells;
  const width = Math.max(1, Math.floor(canvas.clientWidth));
  const rows = clamp(Math.ceil(total / width), 1, RASTER_HEIGHT);
  const columns = Math.min(width, Math.ceil(total / rows));
  const image = new ImageData(columns, rows);
  const slots = columns * rows;
  for (let slot = 0; slot < slots; slot++) {
    const from = Math.floor((slot * total) / slots);
    const to = Math.max(from + 1, Math.floor(((slot + 1) * total) / slots));
    let sum = 0;
    let count = 0;
    for (let i = from; i < to && i < levels.length; i++, count++) sum += levels[i];
    if (!count) continue;
    const level = Math.round(sum / count) * 3;
    const pixel = ((slot % rows) * columns + Math.floor(slot / rows)) * 4;
    for (let channel = 0; channel < 3; channel++) image.data[pixel + channel] = table[level + channel];
    image.data[pixel + 3] = 255;
  }
  const sheet = document.createElement("canvas");
  sheet.width = columns;
  sheet.height = rows;
  sheet.getContext("2d").putImageData(image, 0, 0);
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(STRIP_HEIGHT * ratio);
  const context = canvas.getContext("2d");
  context.imageSmoothingEnabled = false;
  context.drawImage(sheet, 0, 0, canvas.width, Math.round(RASTER_HEIGHT * ratio));
  drawBand(context, levels, table, ratio);
}
// The mean around each pixel, from running sums; it shows what single bytes hide.
function drawBand(context, levels, table, ratio) {
  const width = context.canvas.width;
  const sums = new Float64Array(levels.length + 1);
  for (let i = 0; i < levels.length; i++) sums[i + 1] = sums[i] + levels[i];
  const reach = (PIXELS_AVERAGED * ratio * view.num_cells) / width / 2;
  const top = context.canvas.height - Math.round(BAND_HEIGHT * ratio);
  for (let pixel = 0; pixel < width; pixel++) {
    const middle = ((pixel + 0.5) * view.num_cells) / width;
    const from = clamp(Math.floor(middle - reach), 0, levels.length);
    const to = clamp(Math.ceil(middle + reach), 0, levels.length);
    if (to <= from) continue;
    const level = Math.round((sums[to] - sums[from]) / (to - from)) * 3;
    context.fillStyle = `rgb(${table[level]}, ${table[level + 1]}, ${table[level + 2]})`;
    context.fillRect(pixel, top, 1, context.canvas.height - top);
  }
}
function niceStep(range, count) {
  const raw = range / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  return [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((step) => step >= raw);
}
// Joins bins until the points of a line are far enough apart to be told apart.
function gather(bins, width) {
  const size = Math.ceil(bins.length / Math.max(8, width / PIXELS_A_POINT));
  const points = [];
  for (let from = 0; from < bins.length; from += size) {
    const to = Math.min(bins.length, from + size);
    const sum = bins.slice(from, to).reduce((total, bits) => total + bits, 0);
    points.push([(view.edges[from] + view.edges[to]) / 2, sum / (to - from)]);
  }
  return points;
}
function drawPlot() {
  const plot = parts.plot;
  plot.replaceChildren();
  const width = Math.max(1, plot.clientWidth);
  const [top, bottom] = [10, PLOT_HEIGHT - 22];
  const lines = view.models.map((model) => gather(model.bins, width));
  const values = lines.flatMap((points) => points.map(([, bits]) => bits));
  if (!values.length) return;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const step = niceStep(Math.max(0.4, most - least), 4);
  const low = step * Math.floor(least / step);
  const high = Math.max(low + step, step * Math.ceil(most / step));
  const x = (character) => (character / view.num_characters) * width;
  const y = (bits) => bottom - ((bits - low) / (high - low)) * (bottom - top);
  plot.setAttribute("viewBox", `0 0 ${width} ${PLOT_HEIGHT}`);
  plot.setAttribute("height", PLOT_HEIGHT);
  for (let bits = low; bits <= high + step / 2; bits += step) {
    makeSVG("line", { x1: 0, x2: width, y1: y(bits), y2: y(bits), class: "lk-grid" }, plot);
    const at = bits > low ? y(bits) + 12 : y(bits) - 4;
    makeSVG("text", { x: 3, y: at, class: "lk-tick" }, plot, String(+bits.toFixed(2)));
  }
  const stride = Math.max(1, niceStep(view.num_characters, width < 500 ? 4 : 7));
  for (let at = stride; at < view.num_characters; at += stride) {
    makeSVG("line", { x1: x(at), x2: x(at), y1: bottom, y2: bottom + 4, class: "lk-axis" }, plot);
    const anchor = x(at) > width - 30 ? "end" : "middle";
    makeSVG("text", { x: x(at), y: bottom + 16, class: "lk-tick", "text-anchor": anchor }, plot, format(at));
  }
  view.models.forEach((model, i) => {
    const points = lines[i].map(([character, bits]) => [x(character), y(bits)]);
    const line = points.map(([px, py]) => `${px.toFixed(1)},${py.toFixed(1)}`).join(" ");
    makeSVG("polyline", { points: line, class: `lk-line lk-stroke-${model.colour}` }, plot);
    if (points.length < 3)
      for (const [cx, cy] of points) makeSVG("circle", { cx, cy, r: 3, class: `lk-dot lk-fill-${model.colour}` }, plot);
  });
}
function draw() {
  if (!view || !root.clientWidth) return;
  const table = ramp(palette());
  for (const { model, canvas } of parts.rows) drawStrip(canvas, model.levels, table);
  drawPlot();
  moveCursor();
}

// ---- the cursor ----------------------------------------------------------------
function describe(cell, character) {
  const values = {
    character: format(character + 1),
    characters: format(view.num_characters),
    percent: Math.round((100 * character) / view.num_characters),
  };
  const bits = view.models.map((model) =>
    cell < model.levels.length ? bitsOfLevel(model.levels[cell]).toFixed(1) : "–",
  );
  return { place: fill(view.labels.place, values), bits };
}
function showReadout(cell, character) {
  const { place, bits } = describe(cell, character);
  parts.readout.replaceChildren();
  make("span", "lk-readout-place", parts.readout, place);
  bits.forEach((text, i) => {
    const item = make("span", "lk-readout-model", parts.readout);
    make("span", `lk-chip lk-model-${view.models[i].colour}`, item);
    make("span", "", item, text);
  });
  return `${place}. ${bits.map((text, i) => `${view.models[i].title} ${text}`).join(", ")}`;
}
function place(node, cell) {
  node.style.display = cell === null ? "none" : "block";
  if (cell !== null) node.style.left = `${(100 * (cell + 0.5)) / view.num_cells}%`;
}
function moveCursor() {
  const cell = cursor === null ? null : cellOfCharacter(cursor);
  place(parts.cursor, cell);
  place(parts.ghost, hovered);
  const shown = hovered ?? cell;
  if (shown === null) {
    parts.readout.textContent = view.labels.nothing;
    return;
  }
  const text = showReadout(shown, hovered === null ? cursor : firstCharacter(hovered));
  if (cell === null) return;
  parts.stage.setAttribute("aria-valuemin", "1");
  parts.stage.setAttribute("aria-valuemax", String(view.num_characters));
  parts.stage.setAttribute("aria-valuenow", String(cursor + 1));
  if (hovered === null) parts.stage.setAttribute("aria-valuetext", text);
}
function choose(character, delay) {
  cursor = clamp(character, 0, view.num_characters - 1);
  moveCursor();
  clearTimeout(announcing);
  announcing = setTimeout(() => {
    props.value = cursor;
    trigger("select", { index: cursor });
  }, delay);
}

// ---- events --------------------------------------------------------------------
function listen(stage) {
  const cellOf = (event) => {
    const box = stage.getBoundingClientRect();
    return cellOfFraction((event.clientX - box.left) / box.width);
  };
  stage.addEventListener("pointermove", (event) => {
    hovered = cellOf(event);
    moveCursor();
  });
  stage.addEventListener("pointerleave", () => {
    hovered = null;
    moveCursor();
  });
  stage.addEventListener("click", (event) => {
    const cell = cellOf(event);
    hovered = null;
    choose(firstCharacter(cell), 0);
  });
  stage.addEventListener("keydown", (event) => {
    const page = Math.max(1, Math.round(view.num_characters / 20));
    const start = cursor ?? 0;
    const targets = {
      ArrowLeft: start - 1,
      ArrowRight: start + 1,
      ArrowUp: start - 10,
      ArrowDown: start + 10,
      PageUp: start - page,
      PageDown: start + page,
      Home: 0,
      End: view.num_characters - 1,
      Enter: start,
      " ": start,
    };
    if (!(event.key in targets) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    hovered = null;
    choose(targets[event.key], event.key === "Enter" ? 0 : 250);
  });
}

// ---- life ----------------------------------------------------------------------
function update() {
  const reading = props.reading;
  if (!reading || !reading.models || !reading.models.length || !reading.num_characters) {
    view = null;
    root.replaceChildren();
    return;
  }
  const hadFocus = root.contains(document.activeElement);
  view = unpack(reading);
  cursor = reading.place === null || reading.place === undefined ? null : clamp(reading.place, 0, view.num_characters - 1);
  hovered = null;
  build();
  draw();
  if (hadFocus) parts.stage.focus({ preventScroll: true });
}
// Gradio takes every quoted name in this file for an event of the component, and then
// sends the event instead of the property: so the property is not quoted.
watch(Object.keys({ reading: null }), update);
new ResizeObserver(() => requestAnimationFrame(draw)).observe(root);
new MutationObserver(draw).observe(document.body, { attributes: true, attributeFilter: ["class"] });
// The panel below the strips is plain HTML: its characters ask for a place this way.
document.addEventListener("click", (event) => {
  const target = event.target.closest?.("[data-lk-place]");
  if (target && view) choose(Number(target.dataset.lkPlace), 0);
});
const panel = document.getElementById("read-place");
function centrePanel() {
  const scroll = panel.querySelector(".lk-scroll");
  const current = scroll?.querySelector("[aria-current]");
  if (!current) return;
  scroll.scrollLeft = current.offsetLeft - (scroll.clientWidth - current.offsetWidth) / 2;
  // The character that was clicked stands in the middle now.
  const focused = document.activeElement;
  if (scroll.contains(focused) && focused.dataset.lkPlace) current.querySelector("button").focus({ preventScroll: true });
}
if (panel) new MutationObserver(centrePanel).observe(panel, { childList: true, subtree: true });
update();
