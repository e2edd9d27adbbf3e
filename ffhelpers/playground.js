// A digit to draw, and what Forward-Forward networks make of it. A plain ES module: no dependencies,
// no build. `mount(element, data)` shows it on any page, `render` in notebooks (anywidget.dev).
// What `data` holds is said in playground.py, which makes it.

// --- Networks --------------------------------------------------------------------------------

/** Numbers as playground.py packs them: `{shape, values}`; `scale` belongs to the last axis. */
export function unpacked({ shape, dtype, base64, scale }) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const Kind = { float32: Float32Array, int8: Int8Array, uint8: Uint8Array }[dtype];
  const values = Float32Array.from(new Kind(bytes.buffer));
  const steps = scale && unpacked(scale).values;
  return { shape, values: steps ? values.map((v, i) => v * steps[i % steps.length]) : values };
}

/** A network whose weights are unpacked. */
export function network({ blocks, ...rest }) {
  const ready = (part) => (part?.base64 ? unpacked(part) : part);
  const each = (block) =>
    Object.fromEntries(Object.entries(block).map(([name, part]) => [name, ready(part)]));
  return { ...rest, blocks: blocks.map(each) };
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const meanSquare = (numbers) => numbers.reduce((a, b) => a + b * b, 0) / numbers.length;

/** Normalise, multiply, add the bias, rectify. */
function dense(x, { kernel, bias }) {
  const units = bias.values.length;
  const z = Float64Array.from(bias.values);
  const scale = 1 / Math.sqrt(meanSquare(x) + 1e-12);
  x.forEach((value, i) => {
    if (value) for (let j = 0; j < units; j++) z[j] += value * scale * kernel.values[i * units + j];
  });
  return z.map((each) => Math.max(each, 0));
}

/** Normalise each channel, convolve with zeros around, pool, add the bias, rectify. */
function convolution({ shape: [height, width], values }, { kernel, bias, pool, mean, scale }) {
  const [rows, columns, channels, units] = kernel.shape;
  const x = values.map((v, i) => (v - mean.values[i % channels]) * scale.values[i % channels]);
  const shape = [Math.floor(height / pool), Math.floor(width / pool)];
  const h = new Float64Array(shape[0] * shape[1] * units);
  for (let top = 0; top < shape[0] * pool; top++) {
    for (let left = 0; left < shape[1] * pool; left++) {
      const z = Float64Array.from(bias.values);
      for (let k = 0; k < rows * columns; k++) {
        const row = top + Math.floor(k / columns) - ((rows - 1) >> 1);
        const column = left + (k % columns) - ((columns - 1) >> 1);
        if (row < 0 || row >= height || column < 0 || column >= width) continue;
        for (let c = 0; c < channels; c++) {
          const value = x[(row * width + column) * channels + c];
          const from = (k * channels + c) * units;
          for (let j = 0; j < units; j++) z[j] += value * kernel.values[from + j];
        }
      }
      const to = (Math.floor(top / pool) * shape[1] + Math.floor(left / pool)) * units;
      for (let j = 0; j < units; j++) h[to + j] = Math.max(h[to + j], z[j]);
    }
  }
  return { shape, values: h };
}

/** The image with a label written into it: one bright pixel among cleared ones. */
export function withLabel(image, { pixels, brightness }, label) {
  const edited = Float32Array.from(image);
  pixels.forEach((pixel, i) => (edited[pixel] = i === label ? brightness : 0));
  return edited;
}

/** The goodness of every label in each block: a list for each block. */
export function goodness({ blocks, label, classes, squares }, image, shape) {
  if (label) {
    const passes = label.pixels.map((_, i) => {
      let h = withLabel(image, label, i);
      return blocks.map((block) => meanSquare((h = dense(h, block))));
    });
    return blocks.map((_, i) => passes.map((pass) => pass[i]));
  }
  let h = { shape, values: Float64Array.from(image) };
  return blocks.map((block) => {
    h = convolution(h, block);
    const units = block.bias.values.length;
    const groups = new Float64Array(classes);
    h.values.forEach((v, i) => {
      groups[Math.floor(((i % units) * classes) / units)] += squares ? v * v : v;
    });
    return Array.from(groups, (group) => (group * classes) / h.values.length);
  });
}

/** What the blocks that vote say together of each label. */
export function votes({ silent }, byBlock) {
  return byBlock[0].map((_, label) => sum(byBlock.slice(silent).map((block) => block[label])));
}

// --- Images ----------------------------------------------------------------------------------

/** Lines of points as an image with smooth edges; a pen of so many pixels. */
function inked(strokes, [height, width], pen) {
  const image = new Float32Array(height * width);
  for (const stroke of strokes) {
    stroke.forEach(([x1, y1], i) => {
      const [x0, y0] = stroke[Math.max(i - 1, 0)];
      const length = (x1 - x0) ** 2 + (y1 - y0) ** 2;
      for (let pixel = 0; pixel < image.length; pixel++) {
        const [x, y] = [(pixel % width) + 0.5, Math.floor(pixel / width) + 0.5];
        const along = length && ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / length;
        const at = Math.min(Math.max(along, 0), 1);
        const away = Math.hypot(x - x0 - at * (x1 - x0), y - y0 - at * (y1 - y0));
        image[pixel] = Math.max(image[pixel], Math.min(pen / 2 + 0.5 - away, 1));
      }
    });
  }
  return image;
}

/**
 * A drawing as an image. Centred as MNIST's digits are: its longer side has 20 of 28 pixels, and
 * its centre of mass is in the middle, in pixel 14, 14. Otherwise it stays where it was drawn.
 *
 * `strokes` are lists of [x, y], from 0 to 1 across the paper; so `shape` is [height, width].
 */
export function drawn(strokes, shape, centred = true) {
  const [height, width] = shape;
  const side = Math.min(height, width);
  const pen = (2.7 / 28) * side; // MNIST's ink
  const placed = (scale, right, down) =>
    inked(strokes.map((s) => s.map(([x, y]) => [x * scale + right, y * scale + down])), shape, pen);
  const points = strokes.flat();
  if (!centred || !points.length) return placed(side, (width - side) / 2, (height - side) / 2);
  const [xs, ys] = [0, 1].map((axis) => points.map((point) => point[axis]));
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const longer = Math.max(Math.max(...xs) - left, Math.max(...ys) - top, 1e-3);
  const scale = Math.min(((20 / 28) * side - pen) / longer, 5 * side);
  const margin = (4 / 28) * side;
  const first = placed(scale, margin - left * scale, margin - top * scale);
  const ink = sum(first);
  const x = sum(Array.from(first, (v, i) => v * ((i % width) + 0.5))) / ink;
  const y = sum(Array.from(first, (v, i) => v * (Math.floor(i / width) + 0.5))) / ink;
  const [right, down] = [(width + 1) / 2 - x, (height + 1) / 2 - y];
  return placed(scale, margin - left * scale + right, margin - top * scale + down);
}

/** The image turned about its centre, clockwise, and moved; between pixels it is interpolated. */
export function moved(image, [height, width], right, down, degrees) {
  const [cos, sin] = [Math.cos, Math.sin].map((f) => f((degrees * Math.PI) / 180));
  const at = (row, column) =>
    row < 0 || column < 0 || row >= height || column >= width ? 0 : image[row * width + column];
  return image.map((_, i) => {
    const x = (i % width) - right - (width - 1) / 2;
    const y = Math.floor(i / width) - down - (height - 1) / 2;
    const [column, row] = [cos * x + sin * y + (width - 1) / 2, cos * y - sin * x + (height - 1) / 2];
    const [c, r] = [Math.floor(column), Math.floor(row)];
    const above = at(r, c) * (c + 1 - column) + at(r, c + 1) * (column - c);
    const below = at(r + 1, c) * (c + 1 - column) + at(r + 1, c + 1) * (column - c);
    return above * (r + 1 - row) + below * (row - r);
  });
}

/** Each pixel on its way to the brightest of its neighbours, or below 0 to the darkest. */
export function thickened(image, [height, width], amount) {
  const extreme = amount < 0 ? Math.min : Math.max;
  return image.map((value, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    const around = [value];
    if (row) around.push(image[i - width]);
    if (row < height - 1) around.push(image[i + width]);
    if (column) around.push(image[i - 1]);
    if (column < width - 1) around.push(image[i + 1]);
    return value + Math.abs(amount) * (extreme(...around) - value);
  });
}

// --- The page --------------------------------------------------------------------------------

const STYLE = `
  :host { display: block; font: 0.9rem/1.4 system-ui, sans-serif; overflow-wrap: anywhere; }
  section { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: start; margin: 0 0 1rem; }
  section > * { flex: 1 1 17rem; min-width: 0; max-width: 26rem; }
  h3, p { margin: 0 0 0.5rem; }
  label { display: flex; gap: 0.5rem; align-items: center; margin: 0.15rem 0; }
  label input[type=range] { flex: 1; min-width: 0; accent-color: #0072b2; }
  .value { width: 2.5rem; text-align: right; }
  .named { width: 6.5rem; }
  button, select { font: inherit; color: inherit; background: transparent; padding: 0.2rem 0.6rem;
    border: 1px solid #7f7f7f; border-radius: 4px; min-width: 0; }
  option { color: black; background: white; }
  :focus-visible { outline: 2px solid #0072b2; outline-offset: 2px; }
  canvas { box-sizing: border-box; background: white; border: 1px solid #7f7f7f; image-rendering: pixelated; width: 100%; }
  .paper { touch-action: none; cursor: crosshair; max-width: min(24rem, max(40vh, 14rem));
    display: block; aspect-ratio: 1; object-fit: contain; }
  .small { display: flex; gap: 1rem; margin: 0.5rem 0; }
  [hidden] { display: none; }
  figure { margin: 0; flex: 1; max-width: 8rem; }
  table { width: 100%; table-layout: fixed; border-spacing: 0.5rem 1px; margin: 0 -0.5rem;
    font-variant-numeric: tabular-nums; }
  th, td { font-weight: normal; text-align: left; vertical-align: bottom; padding: 0 0 5px; }
  td { background: linear-gradient(var(--color, #7f7f7f) 0 0) 0 100% / var(--share) 5px no-repeat; }
  .best td { --color: #0072b2; }
  .rival td { --color: #d55e00; }
  .best th, .rival th { font-weight: bold; }
  tr > :first-child { width: max(2.5rem, var(--longest)); }
  canvas, td { forced-color-adjust: none; print-color-adjust: exact; }
  @media (forced-colors: active) { td { color: CanvasText; } }
`;

function make(tag, properties, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** An image in a canvas; the pixels of a label in colour. */
function show(canvas, image, [height, width], label, chosen, color = [0, 114, 178]) {
  Object.assign(canvas, { width, height });
  const picture = new ImageData(width, height);
  image.forEach((value, i) => picture.data.set([0, 0, 0, 255 * value], 4 * i));
  if (label) picture.data.set([...color, 255], 4 * label.pixels[chosen]);
  canvas.getContext("2d").putImageData(picture, 0, 0);
}

/** A table of bars, a column for each title; `fill` puts numbers in. */
function bars(caption, names) {
  const element = make("table", {});
  element.setAttribute("aria-label", caption);
  element.style.setProperty("--longest", `${Math.min(Math.max(...names.map((n) => n.length)), 12)}ch`);
  const fill = (titles, columns, best, rival, common) => {
    const most = columns.map((column) => Math.max(...column, 1e-9));
    const head = titles.map((title) => make("th", { scope: "col", textContent: title }));
    const rows = names.map((name, i) => {
      const cells = columns.map((column, j) => {
        const cell = make("td", { textContent: column[i].toFixed(2) });
        const share = column[i] / (common ? Math.max(...most) : most[j]);
        cell.style.setProperty("--share", `${(100 * share).toFixed(1)}%`);
        return cell;
      });
      const className = i === best ? "best" : i === rival ? "rival" : "";
      return make("tr", { className }, make("th", { scope: "row", textContent: name }), ...cells);
    });
    element.replaceChildren(make("tr", {}, make("th", { textContent: "label" }), ...head), ...rows);
  };
  return { element, fill };
}

/** The place of the largest number, but for one place. */
const largest = (numbers, but) =>
  numbers.reduce((best, n, i) => (i !== but && !(n <= numbers[best]) ? i : best), -1);

/** Show the playground in an element of a page. */
export function mount(element, data) {
  const { shape, names } = data;
  const pixels = shape[0] * shape[1];
  const pictures = (packed) => {
    const values = unpacked(packed).values.map((v) => v / 255);
    return Array.from({ length: packed.shape[0] }, (_, i) => values.slice(i * pixels, (i + 1) * pixels));
  };
  const [digits, masks] = [pictures(data.digits), pictures(data.masks)];
  const networks = Object.entries(data.networks).map(([name, each]) => [name, network(each)]);
  const state = { strokes: [], digit: digits.at(-1), kept: null, mask: 0 };

  // What there is to see and to touch.
  const control = (text, input, ...more) => {
    input.setAttribute("aria-label", text); // without what else is inside the label
    return make("label", {}, make("span", { className: "named", textContent: text }), input, ...more);
  };
  const button = (textContent, onclick) => make("button", { type: "button", textContent, onclick });
  const choice = (texts) => {
    const options = texts.map((text, value) => make("option", { value, textContent: text }));
    return make("select", { oninput: changed }, ...options);
  };
  const slider = (text, reach, step) => {
    const value = make("span", { className: "value" });
    const range = { type: "range", min: -reach, max: reach, step, value: 0, oninput: changed };
    const input = make("input", range);
    return { input, value, element: control(text, input, value) };
  };
  const paper = make("canvas", { className: "paper", role: "img" });
  paper.setAttribute("aria-label", "paper: draw a digit here with a mouse or a finger");
  const stored = choice(["a drawing of yours", ...names.map((name) => `a stored ${name}`)]);
  stored.value = digits.length;
  const centre = make("input", { type: "checkbox", checked: true, oninput: changed });
  const reach = Math.max(Math.round((6 / 28) * Math.min(...shape)), 1);
  const sliders = [slider("move right", reach, 0.5), slider("move down", reach, 0.5)];
  sliders.push(slider("turn clockwise", 60, 1), slider("thicken", 1, 0.1));
  const which = choice(networks.map(([name]) => name));
  const truth = choice(["unknown", ...names]);
  truth.value = stored.value;
  const [seen, positive, negative, first, mixed, second] = Array(6).fill().map(() =>
    make("canvas", { role: "img" }));
  const [about, rivals, hybrid] = Array(3).fill().map(() => make("p", {}));
  const answer = make("output", {});
  answer.setAttribute("aria-live", "polite");
  const byLayer = bars("goodness of each label", names);
  const byPicture = bars("goodness of each label for both drawings and their hybrid", names);
  const mixing = make("div", { hidden: true });
  const figure = (canvas, text) => {
    canvas.setAttribute("aria-label", text);
    return make("figure", {}, canvas, make("figcaption", { textContent: text }));
  };
  const row = (...figures) => make("div", { className: "small" }, ...figures);
  const labelled = row();
  const heading = (textContent) => make("h3", { textContent });

  const root = make("div", { className: "playground" });
  root.dataset.lmSuppressShortcuts = "true"; // in JupyterLab keys are for the sliders
  element.append(root);
  const inside = root.attachShadow({ mode: "open" });
  mixing.append(
    row(figure(first, "kept"), figure(mixed, "hybrid"), figure(second, "this")),
    byPicture.element,
    button("Another mask", () => changed((state.mask = (state.mask + 1) % masks.length))),
  );
  inside.append(
    make("style", { textContent: STYLE }),
    make("section", {},
      make("div", {}, heading("Draw a digit here"), paper, control("shown is", stored),
        button("Clear", clear), " ",
        button("Undo", () => changed(state.digit || state.strokes.pop()))), // a stored one has none
      make("div", {}, heading("What the network says"), make("p", {}, answer), byLayer.element,
        "Each column has its own scale. The vote adds up the layers that vote.",
        control("network", which), about)),
    make("section", {},
      make("div", {}, heading("What the network sees"), row(figure(seen, `${shape.join("×")} pixels`)),
        make("label", {}, centre, "centre a drawing as MNIST does"),
        ...sliders.map((each) => each.element),
        button("Set back", () => changed(sliders.forEach((each) => (each.input.value = 0))))),
      make("div", {}, heading("The strongest rival"), control("it shows", truth), rivals, labelled),
      make("div", {}, heading("A hybrid of two drawings"), hybrid,
        button("Keep this drawing", () => changed((state.kept = image()))), mixing)),
  );

  // From the drawing to the pictures and the bars.
  function image() {
    const still = state.digit ?? drawn(state.strokes, shape, centre.checked);
    const [right, down, turn, thicken] = sliders.map((each) => Number(each.input.value));
    return thickened(moved(still, shape, right, down, turn), shape, thicken);
  }

  function update() {
    const [name, chosen] = networks[which.value];
    const now = image();
    const byBlock = goodness(chosen, now, shape);
    const vote = votes(chosen, byBlock);
    const best = largest(vote);
    const known = truth.value > 0;
    const meant = known ? truth.value - 1 : best;
    const rival = largest(vote, meant);
    sliders.forEach(({ input, value }) => (value.textContent = input.value));
    onPaper();
    show(seen, now, shape);
    about.textContent = chosen.about;
    const empty = !now.some((value) => value > 0.1);
    const says = empty ? "nothing: the picture is empty" : `The ${name} network says ${names[best]}.`;
    if (answer.textContent !== says) answer.textContent = says; // a screen reader reads it out again
    byLayer.element.style.visibility = empty ? "hidden" : "visible";
    const titles = byBlock.map((_, i) => `layer ${i + 1}${i < chosen.silent ? ", no vote" : ""}`);
    byLayer.fill([...titles, "vote"], [...byBlock, vote], meant, rival);
    const said = (label, color) => `${names[label]} (${color}, ${vote[label].toFixed(2)})`;
    rivals.textContent = empty ? "" : `${said(rival, "orange")} rivals ${said(meant, "blue")}.`;
    const where = chosen.label; // if it reads any
    labelled.hidden = empty || !where;
    const edited = (canvas, kind, label, color) => {
      if (where) show(canvas, withLabel(now, where, label), shape, where, label, color);
      return figure(canvas, `${known ? kind : "with"} label ${names[label]}`);
    };
    labelled.replaceChildren(edited(positive, "positive:", meant),
      edited(negative, "negative:", rival, [213, 94, 0]));
    hybrid.textContent = state.kept
      ? "Now draw another one: it is mixed with the one you kept."
      : "Keep this drawing, then draw another one: a mask takes each region from one of them.";
    mixing.hidden = !state.kept;
    if (state.kept) {
      const mask = masks[state.mask];
      const both = now.map((value, i) => (mask[i] > 0.5 ? state.kept[i] : value));
      [[first, state.kept], [mixed, both], [second, now]].forEach((pair) => show(...pair, shape));
      const of = [state.kept, both, now].map((each) => votes(chosen, goodness(chosen, each, shape)));
      byPicture.fill(["kept", "hybrid", "this"], of, -1, -1, true);
    }
  }

  let asked = null; // at most once a frame
  function changed(event) {
    if (event?.target === stored) {
      state.digit = digits[stored.value - 1] ?? null;
      truth.value = stored.value;
    }
    asked ??= requestAnimationFrame(() => {
      asked = null;
      update();
    });
  }

  // The paper.
  let drawing = null; // the stroke of the one pointer that is down, and which one it is

  function clear() {
    drawing = null;
    Object.assign(state, { strokes: [], digit: null });
    stored.value = truth.value = 0;
    changed();
  }

  function onPaper() {
    paper.style.imageRendering = state.digit ? "pixelated" : "auto";
    if (state.digit) return show(paper, state.digit, shape);
    const side = 280 * devicePixelRatio;
    Object.assign(paper, { width: side, height: side }); // which clears it
    const pen = paper.getContext("2d");
    pen.scale(devicePixelRatio, devicePixelRatio);
    Object.assign(pen, { lineWidth: 22, lineCap: "round", lineJoin: "round" });
    for (const stroke of state.strokes) {
      pen.beginPath();
      for (const [x, y] of [stroke[0], ...stroke]) pen.lineTo(280 * x, 280 * y + 0.1);
      pen.stroke();
    }
  }

  function place(event) {
    const { left, top, width, height } = paper.getBoundingClientRect();
    const at = [(event.clientX - left) / width, (event.clientY - top) / height];
    return at.every((share) => share >= 0 && share <= 1) && at;
  }

  paper.onpointerdown = (event) => {
    if (event.button || event.ctrlKey || drawing) return; // for a menu, or a second finger
    event.preventDefault();
    if (state.digit) clear();
    drawing = { pointer: event.pointerId };
    paper.setPointerCapture(event.pointerId);
    paper.onpointermove(event);
  };
  paper.onpointermove = (event) => {
    if (drawing?.pointer !== event.pointerId) return;
    if (!event.buttons) return void (drawing = null); // lifted where the page did not see it
    const at = place(event);
    if (!at) drawing.stroke = null; // beside the paper it is not seen, so it should not count
    else if (drawing.stroke) drawing.stroke.push(at);
    else state.strokes.push((drawing.stroke = [at]));
    changed();
  };
  paper.onlostpointercapture = (event) => {
    if (drawing?.pointer === event.pointerId) drawing = null;
  };
  update();
}

function render({ model, el }) {
  mount(el, model.get("data"));
}

export default { render };
