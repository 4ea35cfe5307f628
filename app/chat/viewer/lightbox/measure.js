// Rulers and areas, in millimetres where the file's pixel spacing can be trusted, else in pixels.

import { draw, make } from './dom.js';
import { toScreen } from './geometry.js';

export const NO_SPACING = 'size of a pixel not known';

/** Return the length of a line between points of a picture, in words. */
export const lengthWords = (picture, [x1, y1], [x2, y2]) => {
  if (!picture.spacing_mm) return `${Math.hypot(x2 - x1, y2 - y1).toFixed(0)} px (${NO_SPACING})`;
  const [down, across] = picture.spacing_mm;
  return `${Math.hypot((x2 - x1) * across, (y2 - y1) * down).toFixed(1)} mm`;
};

/** Return size, area and mean value inside an ellipse or rectangle between two corners. */
export const areaWords = (picture, kind, [x1, y1], [x2, y2]) => {
  const [down, across] = picture.spacing_mm ?? [1, 1];
  const w = Math.abs(x2 - x1) * across;
  const h = Math.abs(y2 - y1) * down;
  const area = w * h * (kind === 'ellipse' ? Math.PI / 4 : 1);
  const size = picture.spacing_mm
    ? `${w.toFixed(1)} × ${h.toFixed(1)} mm, ${area.toFixed(0)} mm²`
    : `${w.toFixed(0)} × ${h.toFixed(0)} px, ${area.toFixed(0)} px² (${NO_SPACING})`;
  const mean = meanInside(picture, kind, [x1, y1], [x2, y2]);
  return mean === null ? size : `${size}, mean ${mean.toFixed(0)}`;
};

/** Return the mean of the file's units inside a shape; null before the pixels are there. */
const meanInside = (picture, kind, [x1, y1], [x2, y2]) => {
  const level = picture.levels[0];
  if (!level || !picture.in_file_units) return null;
  const [left, right] = [Math.min(x1, x2), Math.max(x1, x2)];
  const [top, bottom] = [Math.min(y1, y2), Math.max(y1, y2)];
  const [cx, cy, rx, ry] = [(left + right) / 2, (top + bottom) / 2, right - left, bottom - top];
  let sum = 0;
  let count = 0;
  for (let y = Math.max(0, Math.ceil(top - 0.5)); y + 0.5 < bottom && y < level.height; y++) {
    for (let x = Math.max(0, Math.ceil(left - 0.5)); x + 0.5 < right && x < level.width; x++) {
      const away = ((x + 0.5 - cx) / (rx / 2)) ** 2 + ((y + 0.5 - cy) / (ry / 2)) ** 2;
      if (kind === 'ellipse' && away > 1) continue;
      sum += level.data[y * level.width + x];
      count += 1;
    }
  }
  return count ? (sum / count) * picture.slope + picture.intercept : null;
};

/** The measurements on one exam; each can be removed by its label. */
export class Measurements {
  constructor(changed) {
    this.all = [];
    this.changed = changed;
  }

  begin(kind, picture, point) {
    this.open = { kind, picture, from: point, to: point };
    this.all.push(this.open);
  }

  extend(point) {
    if (this.open) this.open.to = point;
  }

  /** Keep the open measurement, or drop it if it is no longer than a click. */
  finish(least) {
    const { open } = this;
    if (open && Math.hypot(open.to[0] - open.from[0], open.to[1] - open.from[1]) < least) {
      this.remove(open);
    }
    this.open = null;
    this.changed();
  }

  remove(one) {
    this.all = this.all.filter((other) => other !== one);
    this.changed();
  }

  clear() {
    this.all = [];
    this.changed();
  }

  words({ kind, picture, from, to }) {
    return kind === 'ruler'
      ? lengthWords(picture, from, to) : areaWords(picture, kind, from, to);
  }

  /** Draw the measurements of a cell into its group and its layer of labels. */
  drawInto(cell, group, labels, ratio) {
    group.replaceChildren();
    labels.replaceChildren();
    for (const one of this.all.filter((each) => each.picture === cell.picture)) {
      const local = ([x, y]) => [(x - cell.rect.x) / ratio, (y - cell.rect.y) / ratio];
      const a = local(toScreen(cell, one.from));
      const b = local(toScreen(cell, one.to));
      group.append(...shapes(one.kind, a, b));
      const words = this.words(one);
      const label = make('button', 'vmx-measure', {
        type: 'button', 'aria-label': `Remove the measurement ${words}`, title: 'Remove',
      }, `${words} ×`);
      const width = 8 * words.length + 24; // at most; a label stays inside its cell
      const left = Math.min(Math.max(a[0], b[0]) + 6, cell.rect.w / ratio - width);
      label.style.transform = `translate(${Math.max(0, left)}px, ${Math.max(a[1], b[1]) + 6}px)`;
      label.addEventListener('click', () => this.remove(one));
      labels.append(label);
    }
  }
}

const shapes = (kind, [x1, y1], [x2, y2]) => {
  const twice = (tag, attributes) => [
    draw(tag, { ...attributes, class: 'vmx-under' }), draw(tag, { ...attributes, class: 'vmx-over' }),
  ];
  if (kind === 'ruler') {
    return [
      ...twice('line', { x1, y1, x2, y2 }),
      ...[[x1, y1], [x2, y2]].flatMap(([cx, cy]) => twice('circle', { cx, cy, r: 3 })),
    ];
  }
  const [w, h] = [Math.abs(x2 - x1), Math.abs(y2 - y1)];
  if (kind === 'ellipse') {
    return twice('ellipse', { cx: (x1 + x2) / 2, cy: (y1 + y2) / 2, rx: w / 2, ry: h / 2 });
  }
  return twice('rect', { x: Math.min(x1, x2), y: Math.min(y1, y2), width: w, height: h });
};
