"use strict";
// Draws the panels of a page from the numbers that lie in it. Nothing is fetched: the still pictures stay
// where a browser is too old for this.
(async () => {
  const own = document.currentScript;
  const byId = (id) => document.getElementById(id);
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  const inflate = async (id) => {
    const letters = atob(byId(id).textContent.trim());
    const bytes = new Uint8Array(letters.length);
    for (let at = 0; at < letters.length; at += 1) bytes[at] = letters.charCodeAt(at);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new Response(stream).arrayBuffer();
  };
  const toText = (buffer) => new TextDecoder().decode(buffer);

  const TYPES = {
    float32: Float32Array, float64: Float64Array, uint8: Uint8Array,
    uint16: Uint16Array, uint32: Uint32Array, int32: Int32Array,
  };
  const revive = (buffer) => (key, value) => {
    if (value === null || typeof value !== "object" || !("array at" in value)) return value;
    const size = value.shape.reduce((one, other) => one * other, 1);
    const flat = new TYPES[value.type](buffer, value["array at"], size);
    return value.shape.length === 1 ? flat : cut(flat, value.shape);
  };
  const cut = (flat, [rows, ...rest]) => {
    const size = rest.reduce((one, other) => one * other, 1);
    const pieces = [];
    for (let row = 0; row < rows; row += 1) {
      const piece = flat.subarray(row * size, (row + 1) * size);
      pieces.push(rest.length > 1 ? cut(piece, rest) : piece);
    }
    return pieces;
  };

  // ---- the numbers -------------------------------------------------------------------------------
  const arrays = await inflate("arrays");
  const page = JSON.parse(toText(await inflate("index")), revive(arrays));
  const library = document.createElement("script");
  library.nonce = own.nonce;
  library.textContent = toText(await inflate("plotly"));
  document.head.append(library);

  const trains = {};
  for (const [name, { deltas, counts, start, tick }] of Object.entries(page.trains)) {
    const units = [];
    let at = 0;
    for (const count of counts) {
      const times = new Float64Array(count);
      let sum = 0;
      for (let place = 0; place < count; place += 1) {
        sum += deltas[at + place];
        times[place] = start + sum * tick;
      }
      units.push(times);
      at += count;
    }
    trains[name] = units;
  }
  const firstFrom = (times, value) => {
    let low = 0, high = times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (times[middle] < value) low = middle + 1; else high = middle;
    }
    return low;
  };

  // ---- panels ------------------------------------------------------------------------------------
  const MOST_TICKS = 20000;
  const CONFIG = {
    responsive: true, displaylogo: false, scrollZoom: false,
    modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "toImage"],
  };
  const mounted = new Map();
  let unit = page.first_unit;
  let range = page.shown;
  let isMoving = false;

  const ticksOf = (panel, [start, stop]) => {
    const x = [], y = [];
    const isOne = !panel.spikes;
    const units = trains[panel.spikes || panel.unit_spikes] || [];
    const chosen = isOne ? [[units[unit] || [], 0]] : units.map((times, place) => [times, place]);
    let total = 0;
    for (const [times] of chosen) total += firstFrom(times, stop) - firstFrom(times, start);
    if (total > (isOne ? MOST_TICKS / 5 : MOST_TICKS)) return null;
    for (const [times, place] of chosen) {
      for (let at = firstFrom(times, start); at < firstFrom(times, stop); at += 1) {
        x.push(times[at]);
        y.push(place);
      }
    }
    return { x, y };
  };
  const drawTicks = async (panel) => {
    if (!panel.spikes && !panel.unit_spikes) return;
    const found = ticksOf(panel, range);
    const last = panel.div.data.length - 1;
    await Plotly.restyle(panel.div, { x: [found ? found.x : []], y: [found ? found.y : []] }, [last]);
    if (panel.spikes) await Plotly.restyle(panel.div, { visible: found === null }, [0]);
  };
  const TICKS = {
    type: "scatter", mode: "markers", x: [], y: [], showlegend: false, name: "spikes",
    marker: { symbol: "line-ns-open", color: "#000000", size: 5, line: { width: 1, color: "#000000" } },
    hovertemplate: "%{x:.4f} s<extra></extra>",
  };

  const mount = async (panel) => {
    if (mounted.has(panel.name)) return;
    mounted.set(panel.name, panel);
    const figure = byId(`panel-${panel.name}`);
    panel.div = figure.querySelector(".live");
    figure.classList.add("is-live");
    const data = panel.data.map(scaleColours);
    if (panel.spikes || panel.unit_spikes) data.push({ ...TICKS });
    if (panel.is_time) panel.layout.xaxis.range = [...range];
    if (window.innerWidth < 600) narrow(panel);
    await Plotly.newPlot(panel.div, data, panel.layout, CONFIG);
    showUnit(panel);
    await drawTicks(panel);
    if (panel.is_time) panel.div.on("plotly_relayout", follow);
    panel.div.on("plotly_click", (event) => pick(panel, event));
    figure.dataset.drawn = "yes";
  };
  // colours that go by the logarithm: the values stay with the cells, to be pointed at and taken away
  const scaleColours = (trace) => {
    const from = trace.meta && trace.meta.log_from;
    if (!from) return trace;
    const z = trace.z.map((row) => row.map((value) => Math.log10(value < from ? from : value)));
    return { ...trace, z, customdata: trace.z };
  };
  const narrow = (panel) => {
    panel.layout.margin = { ...panel.layout.margin, l: 44 };
    panel.layout.font = { ...panel.layout.font, size: 10 };
    for (const trace of panel.data) {
      const bar = trace.colorbar || (trace.marker && trace.marker.colorbar);
      if (bar) Object.assign(bar, { orientation: "h", y: 1.02, yanchor: "bottom", thickness: 8 });
      if (bar) bar.title = { ...bar.title, side: "top" };
    }
  };
  const showUnit = (panel) => {
    for (const { trace, key, rows } of panel.by_unit) {
      Plotly.restyle(panel.div, { [key]: [rows[unit]] }, [trace]);
    }
    const note = byId(`note-${panel.name}`);
    if (note && panel.notes.length) note.textContent = `${page.unit_word} ${page.units[unit]}: ${panel.notes[unit]}`;
  };
  const choose = async (place) => {
    if (!page.units.length) return;
    unit = (place + page.units.length) % page.units.length;
    for (const select of all("select.unit")) select.value = String(unit);
    for (const panel of mounted.values()) {
      if (!panel.div || !panel.div.data) continue;
      showUnit(panel);
      if (panel.unit_spikes) await drawTicks(panel);
    }
  };
  // a point that stands for a unit chooses it; a row of a raster as well
  const pick = (panel, event) => {
    const point = event.points && event.points[0];
    if (!point || !panel.picks) return;
    if (panel.picks === "row") choose(Math.round(point.y));
    else if (panel.picks === "cell") {
      choose(Math.round(point.y) * panel.layout.xaxis.tickvals.length + Math.round(point.x));
      const pair = page.panels.find((each) => each.by_unit.length);
      if (pair) byId(`panel-${pair.name}`).scrollIntoView();
    } else if (point.customdata !== undefined) choose(point.customdata);
  };

  // ---- one time axis -----------------------------------------------------------------------------
  const setRange = async (wanted) => {
    if (!page.time) return;
    const [first, last] = page.time;
    const length = Math.min(Math.max(wanted[1] - wanted[0], 0.02), last - first);
    const start = Math.min(Math.max(wanted[0], first), last - length);
    range = [start, start + length];
    isMoving = true;
    for (const panel of mounted.values()) {
      if (!panel.is_time || !panel.div.data) continue;
      await Plotly.relayout(panel.div, { "xaxis.range": [...range] });
      await drawTicks(panel);
    }
    isMoving = false;
    for (const output of all("output.range")) {
      output.textContent = `${range[0].toFixed(2)} to ${range[1].toFixed(2)} s`;
    }
  };
  const follow = (event) => {
    if (isMoving) return;
    if (event["xaxis.autorange"]) setRange(page.time);
    else if (event["xaxis.range[0]"] !== undefined) {
      setRange([Number(event["xaxis.range[0]"]), Number(event["xaxis.range[1]"])]);
    } else if (Array.isArray(event["xaxis.range"])) setRange(event["xaxis.range"].map(Number));
  };
  const move = (action) => {
    if (!page.time) return;
    const [start, stop] = range;
    const length = stop - start, middle = (start + stop) / 2;
    if (action === "left") setRange([start - length / 2, stop - length / 2]);
    if (action === "right") setRange([start + length / 2, stop + length / 2]);
    if (action === "in") setRange([middle - length / 4, middle + length / 4]);
    if (action === "out") setRange([middle - length, middle + length]);
    if (action === "all") setRange(page.time);
  };
  const KEYS = { ArrowLeft: "left", ArrowRight: "right", "+": "in", "=": "in", "-": "out", "0": "all" };

  // ---- taking away -------------------------------------------------------------------------------
  const save = (name, url) => {
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
  };
  const toCell = (value) => {
    const text = value === null || value === undefined || Number.isNaN(value) ? "" : String(value);
    // a sheet would take a text that begins like this for a formula
    const safe = /^[=+@\t\r]|^-(?![\d.])/.test(text) ? `'${text}` : text;
    return /[",\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
  };
  const toCsv = (rows) => rows.map((row) => row.map(toCell).join(",")).join("\r\n");
  const saveCsv = (name, rows) => {
    const blob = new Blob([toCsv(rows)], { type: "text/csv" });
    const url = URL.createObjectURL(blob);
    save(`${name}.csv`, url);
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };
  const decode = (text) => {
    const area = document.createElement("textarea");
    area.innerHTML = String(text).replace(/</g, "&lt;");
    return area.value;
  };
  const tabulate = (panel) => {
    const rows = [["series", "x", "y", "z", "text"]];
    for (const trace of panel.div.data) {
      const name = decode(trace.name || "");
      if (trace.type === "heatmap") {
        (trace.customdata || trace.z).forEach((values, row) => values.forEach((z, column) => rows.push(
          [name, trace.x0 + column * trace.dx, trace.y0 + row * trace.dy, z])));
      } else {
        for (let at = 0; at < trace.x.length; at += 1) {
          const text = Array.isArray(trace.text) ? decode(trace.text[at]) : "";
          rows.push([name, trace.x[at], trace.y[at], "", text]);
        }
      }
    }
    return rows;
  };
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      document.execCommand("copy");
      area.remove();
    }
  };
  const take = async (button) => {
    const figure = button.closest("figure, .table");
    const name = figure.dataset.name;
    const what = button.dataset.take;
    if (what === "caption") await copy(figure.querySelector("figcaption").textContent.trim());
    else if (what === "svg") save(`${name}.svg`, figure.querySelector(".still").src);
    else if (what === "table") {
      saveCsv(name, all("tr", figure).map((row) => all("th, td", row).map((cell) => cell.dataset.value)));
    } else {
      const panel = page.panels.find((each) => each.name === name);
      await mount(panel);
      if (what === "csv") saveCsv(name, tabulate(panel));
      else await Plotly.downloadImage(panel.div, { format: "png", scale: 3, filename: name });
    }
    byId("said").textContent = what === "caption" ? "The caption is copied." : `${name} is saved.`;
  };

  // ---- what a person does ------------------------------------------------------------------------
  all("select.unit").forEach((select) => {
    select.addEventListener("change", () => choose(Number(select.value)));
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.move) move(button.dataset.move);
    if (button.dataset.step) choose(unit + Number(button.dataset.step));
    if (button.dataset.take) take(button);
    if (button.dataset.copy) copy(byId(button.dataset.copy).textContent.trim());
  });
  all("select.jump").forEach((select) => select.addEventListener("change", () => {
    const jump = page.jumps[Number(select.value)];
    if (!jump) return;
    setRange([jump.start, jump.stop]);
    const target = document.querySelector("figure[data-time]");
    const live = [...mounted.values()].some((panel) => panel.is_time
      && panel.div.getBoundingClientRect().bottom > 0
      && panel.div.getBoundingClientRect().top < window.innerHeight);
    if (target && !live) target.scrollIntoView();
  }));
  document.addEventListener("keydown", (event) => {
    const figure = event.target.closest && event.target.closest("figure[data-time]");
    if (!figure || event.target !== figure || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!(event.key in KEYS)) return;
    event.preventDefault();
    move(KEYS[event.key]);
  });
  // figures are drawn as they come near: a long page would keep a phone busy for seconds
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      watcher.unobserve(entry.target);
      mount(page.panels.find((panel) => panel.name === entry.target.dataset.name));
    }
  }, { rootMargin: "600px" });
  all("figure[data-name]").forEach((figure) => watcher.observe(figure));
  window.nwbspikegen = {
    page, choose, move, setRange,
    mountAll: async () => { for (const panel of page.panels) await mount(panel); },
    state: () => ({ unit, range, drawn: [...mounted.keys()] }),
  };
  document.body.classList.add("has-script");
})();
