// The light box: which pictures hang where, how they are windowed, and what is selected.

import { make, reveal } from './dom.js';
import { CpuRenderer } from './cpu.js';
import { fitScale, fitScales, fitted, panBy, toScreen, zoomAbout } from './geometry.js';
import { GpuRenderer } from './gpu.js';
import { Layers } from './layers.js';
import { Loading } from './loading.js';
import { Measurements } from './measure.js';
import { dragged, percent, relative, windowWords } from './windows.js';

const GAP = 2; // CSS pixels between the cells
export const LINKS = ['none', 'same side', 'same projection', 'all'];

export class LightBox {
  /** `root` is the element that the light box fills; `renderer` may be "cpu" or "gpu". */
  constructor(root, renderer = '') {
    this.root = root;
    this.stage = make('div', 'vmx-stage', { tabindex: '0', role: 'application' });
    this.cells = [];
    this.tool = 'move';
    this.link = 'none';
    this.invert = false;
    this.layers = { boxes: true, heat: false, outline: false, strength: 0.45 };
    this.measurements = new Measurements(() => this.drawSoon());
    this.listeners = [];
    this.makeCanvas(renderer);
    new ResizeObserver(() => this.resize()).observe(this.stage);
  }

  makeCanvas(renderer) {
    this.canvas = make('canvas', 'vmx-canvas', { 'aria-hidden': 'true' });
    this.stage.prepend(this.canvas);
    try {
      if (renderer === 'cpu') throw new Error('not wanted');
      this.renderer = new GpuRenderer(this.canvas, renderer === 'gpu');
      this.canvas.addEventListener('webglcontextlost', () => this.fallBack());
    } catch {
      this.fallBack();
    }
  }

  /** Go on without WebGL2, on a new canvas: one that had a context gets no other. */
  fallBack() {
    const canvas = make('canvas', 'vmx-canvas', { 'aria-hidden': 'true' });
    canvas.width = this.canvas.width;
    canvas.height = this.canvas.height;
    this.canvas.replaceWith(canvas);
    this.canvas = canvas;
    this.renderer = new CpuRenderer(canvas);
    this.drawSoon();
  }

  /** Show another exam. */
  open(scene) {
    this.loading?.stop();
    this.renderer.forget();
    this.scene = scene;
    this.opened = performance.now();
    for (const picture of scene.pictures) {
      Object.assign(picture, { levels: {}, now: { ...picture.window } });
    }
    this.invert = false;
    this.selected = null;
    this.measurements.all = [];
    this.stage.setAttribute('aria-label', scene.label);
    this.hang(scene.pictures.length > 1 ? 'four' : 'one');
    const first = new Set(this.cells.map((cell) => cell.picture));
    const ordered = [...first, ...scene.pictures.filter((picture) => !first.has(picture))];
    this.loading = new Loading(ordered, (picture, drawn) => this.arrived(picture, drawn));
  }

  /** Take new layers of the exam that is shown: pixels and views stay. */
  update(scene) {
    this.scene.boxes = scene.boxes;
    this.scene.heat = scene.heat;
    this.makeLayers();
    this.changed();
  }

  arrived(picture, drawn) {
    for (const cell of this.cells.filter((one) => one.picture === picture)) this.tellState(cell);
    if (drawn) this.drawSoon();
    if (this.scene.pictures.every((one) => one.complete)) {
      this.root.dispatchEvent(new CustomEvent('vm-pixels-complete', { bubbles: true }));
    }
  }

  tellState({ picture, layers }) {
    const share = Math.round(100 * (picture.share ?? 0));
    layers.state.textContent = picture.failed
      ? picture.failed === 'closed' ? 'This exam is closed. Drop it again.'
        : `The pixels could not be read (${picture.failed}).`
      : picture.complete ? '' : `Full resolution ${share} %`;
  }

  /** Hang pictures: `four`, `one`, `pairs` or `priors`; once more turns to the next page. */
  hang(name, page) {
    const pages = this.scene?.hangings[name] ?? [];
    if (!pages.length) return false;
    const next = this.hanging?.name === name ? this.hanging.page + 1 : 0;
    this.hanging = { name, page: (page ?? this.pageWithSelected(name, pages) ?? next) % pages.length };
    this.setCells(pages[this.hanging.page]);
    return true;
  }

  /** Begin a hanging of few pictures with the one that was worked on. */
  pageWithSelected(name, pages) {
    if (this.hanging?.name === name || this.current === undefined) return null;
    const found = pages.findIndex((cells) => cells.some((one) => one.picture === this.current));
    return found < 0 ? null : found;
  }

  /** Show one picture alone, or the hanging before if it is alone. */
  alone(number) {
    if (this.cells.length === 1 && this.before) {
      this.hang(this.before.name, this.before.page);
      return;
    }
    this.before = this.hanging;
    this.hang('one', this.scene.hangings.one.findIndex(([cell]) => cell.picture === number));
  }

  setCells(cells) {
    this.cells = cells.map((cell) => ({
      ...cell,
      picture: this.scene.pictures.find((one) => one.number === cell.picture),
      alone: cells.length === 1,
    }));
    this.makeLayers();
    this.resize(true);
    this.changed();
  }

  makeLayers() {
    this.stage.querySelectorAll('.vmx-cell').forEach((one) => one.remove());
    for (const cell of this.cells) {
      cell.layers = new Layers(cell, this.scene, this.ratio);
      cell.labels = make('div', 'vmx-labels');
      cell.layers.root.append(cell.labels);
      this.stage.append(cell.layers.root);
      this.tellState(cell);
    }
    this.drawSoon();
  }

  get ratio() {
    return window.devicePixelRatio || 1;
  }

  /** Fit canvas and cells to the stage; views that were fitted are fitted again. */
  resize(anew = false) {
    const width = Math.max(1, Math.round(this.stage.clientWidth * this.ratio));
    const height = Math.max(1, Math.round(this.stage.clientHeight * this.ratio));
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
    }
    const rows = 1 + Math.max(0, ...this.cells.map((cell) => cell.row));
    const columns = 1 + Math.max(0, ...this.cells.map((cell) => cell.column));
    const gap = Math.round(GAP * this.ratio);
    const w = Math.floor((width - gap * (columns - 1)) / columns);
    const h = Math.floor((height - gap * (rows - 1)) / rows);
    for (const cell of this.cells) {
      cell.rect = { x: cell.column * (w + gap), y: cell.row * (h + gap), w, h };
      cell.layers.ratio = this.ratio;
    }
    const scales = fitScales(this.cells);
    this.cells.forEach((cell, i) => {
      if (anew || !cell.view || cell.view.fitted) cell.view = fitted(cell, scales[i]);
    });
    this.drawSoon();
  }

  /** Show all as it was when the exam was opened. */
  reset() {
    this.invert = false;
    for (const picture of this.scene.pictures) picture.now = { ...picture.window };
    this.resize(true);
    this.changed();
  }

  // ---- zoom and pan, of one cell and of those that are linked with it

  linked(cell) {
    const alike = {
      none: () => false,
      'same side': (other) => other.picture.side === cell.picture.side,
      'same projection': (other) => other.picture.view === cell.picture.view,
      all: () => true,
    }[this.link];
    return this.cells.filter((other) => other === cell || alike(other));
  }

  /** Zoom about a point of the screen; linked cells zoom about the same place of theirs. */
  zoom(cell, factor, point) {
    for (const other of this.linked(cell)) {
      const least = 0.5 * fitScale(other.picture, other.rect);
      zoomAbout(other, factor, this.counterpart(cell, other, point), least);
    }
    this.drawSoon();
  }

  pan(cell, dx, dy) {
    for (const other of this.linked(cell)) {
      const turned = other.picture.outer === cell.picture.outer ? 1 : -1;
      panBy(other, dx * turned, dy);
    }
    this.drawSoon();
  }

  /** Return the point of another cell that lies there as this one does here, mirrored if need be. */
  counterpart(cell, other, [x, y]) {
    const across = x - cell.rect.x;
    const turned = other.picture.outer !== cell.picture.outer;
    return [other.rect.x + (turned ? other.rect.w - across : across), other.rect.y + y - cell.rect.y];
  }

  /** Show a pixel of the file on so many device pixels, about the middle of each cell. */
  trueSize(scaleOf) {
    for (const cell of this.cells) {
      const { rect } = cell;
      const factor = scaleOf(cell.picture) / cell.view.scale;
      if (Number.isFinite(factor) && factor > 0) {
        zoomAbout(cell, factor, [rect.x + rect.w / 2, rect.y + rect.h / 2], 0);
      }
    }
    this.drawSoon();
  }

  // ---- window and layers

  windowBy(across, down) {
    for (const { picture } of this.cells) {
      picture.now = dragged(picture.window, picture.now, across, down);
    }
    this.drawSoon(false);
    this.changed();
  }

  /** Set the window in percent of each file's own, or to one that the files offer by name. */
  setWindow({ level, width, name }) {
    for (const picture of this.scene.pictures) {
      const offered = picture.windows.find((one) => one.name === name);
      if (offered) picture.now = { ...offered, kind: picture.window.kind };
      else if (level !== undefined) picture.now = relative(picture.window, level, width);
    }
    this.drawSoon();
    this.changed();
  }

  set(changes) {
    Object.assign(this, changes);
    this.drawSoon();
    this.changed();
  }

  setLayers(changes) {
    Object.assign(this.layers, changes);
    this.drawSoon();
    this.changed();
  }

  // ---- boxes

  /** Select a box, show its place, and tell the page. */
  select(id, { from = 'light box' } = {}) {
    const box = this.scene?.boxes.find((one) => one.id === id);
    if (!box) return false;
    this.selected = id;
    this.layers.boxes = true;
    if (!this.cells.some((cell) => cell.picture.number === box.picture)) this.alone(box.picture);
    if (from !== 'light box') this.centre(box);
    this.drawSoon();
    this.changed();
    this.root.dispatchEvent(new CustomEvent('vm-box-selected', { bubbles: true, detail: { id, from } }));
    return true;
  }

  centre({ picture, box: [x1, y1, x2, y2] }) {
    const cell = this.cells.find((one) => one.picture.number === picture);
    const { rect, view } = cell;
    Object.assign(view, { cx: (x1 + x2) / 2, cy: (y1 + y2) / 2, fitted: false });
    const share = Math.max((x2 - x1) / rect.w, (y2 - y1) / rect.h) * view.scale;
    if (share < 0.25) view.scale *= Math.min(4, 0.25 / share);
    reveal(this.root);
  }

  cellAt([x, y]) {
    return this.cells.find(({ rect }) =>
      x >= rect.x && x < rect.x + rect.w && y >= rect.y && y < rect.y + rect.h);
  }

  // ---- drawing

  /** Draw at the next frame; layers stay as they are if only the window has changed. */
  drawSoon(layers = true) {
    this.stale ||= layers;
    this.due ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.due = undefined;
    if (!this.scene) return;
    this.renderer.draw(this.cells, (picture) => ({ window: picture.now, invert: this.invert }));
    for (const cell of this.cells) {
      const words = windowWords(cell.picture, cell.picture.now);
      if (cell.layers.values.textContent !== words) cell.layers.values.textContent = words;
    }
    if (this.stale) this.drawLayers();
    this.stale = false;
  }

  drawLayers() {
    for (const cell of this.cells) {
      cell.layers.show(this.layers);
      cell.layers.select(this.selected);
      cell.layers.follow();
      this.measurements.drawInto(cell, cell.layers.marks, cell.labels, this.ratio);
    }
  }

  changed() {
    this.listeners.forEach((listener) => listener());
  }

  /** Say how the exam is shown, for exports: `window` in percent of the file's own. */
  look() {
    if (!this.scene) return '';
    const picture = this.cells[0].picture;
    const { boxes, heat, outline } = this.layers;
    const view = this.cells.length === 1 ? picture.number : -1;
    return JSON.stringify({
      view, ...percent(picture.window, picture.now), invert: this.invert, boxes, heat, outline,
    });
  }

  /** Draw, and return the shades of a cell, row by row, with where its picture lies. */
  readBack(index = 0) {
    const cell = this.cells[index];
    this.draw();
    return { shades: this.renderer.read(cell.rect), origin: toScreen(cell, [0, 0]), rect: cell.rect };
  }
}
