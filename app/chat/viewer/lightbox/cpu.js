// Draws pictures without a graphics card: values are sampled once for each view, then looked up in a table.

import { transform } from './geometry.js';
import { levelFor } from './loading.js';
import { shades } from './windows.js';

export class CpuRenderer {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext('2d', { alpha: false, willReadFrequently: true });
    this.sampled = new WeakMap();
  }

  get name() {
    return 'Canvas 2D';
  }

  forget() {
    this.sampled = new WeakMap();
  }

  draw(cells, looks) {
    this.context.fillStyle = '#000';
    this.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
    for (const cell of cells) this.drawCell(cell, looks(cell.picture));
  }

  drawCell(cell, { window, invert }) {
    const { picture, rect } = cell;
    const level = levelFor(picture, Math.abs(cell.view.scale));
    if (level === null) return;
    const { values, top, image, pixels } = this.sample(cell, level);
    // one past the largest value stands for what lies outside the picture
    const colours = Uint32Array.from(
      shades(picture, window, invert, top + 1), (shade) => 0xff000000 | (shade * 0x010101));
    colours[top + 1] = 0xff000000;
    for (let i = 0; i < values.length; i++) pixels[i] = colours[values[i]];
    this.context.putImageData(image, rect.x, rect.y);
  }

  /** Return the values under the pixels of a cell, from the last time if nothing moved. */
  sample(cell, level) {
    const { picture, rect } = cell;
    const t = transform(cell);
    const source = picture.levels[level];
    const key = JSON.stringify([t, rect, level]);
    const known = this.sampled.get(cell);
    if (known && known.key === key && known.source === source) return known;
    const image = known?.image.width === rect.w && known.image.height === rect.h
      ? known.image : this.context.createImageData(rect.w, rect.h);
    const pixels = new Uint32Array(image.data.buffer);
    const sampled = resample(source, rect, t, 2 ** level, picture.padding ?? [1, 0]);
    const made = { ...sampled, image, pixels, key, source };
    this.sampled.set(cell, made);
    return made;
  }

  read({ x, y, w, h }) {
    const { data } = this.context.getImageData(x, y, w, h);
    return Uint8Array.from({ length: w * h }, (_, i) => data[4 * i]);
  }
}

/** Sample a level bilinearly at the centres of a cell's pixels. */
const resample = ({ data, width, height }, rect, { ox, oy, sx, sy }, shrunk, [first, last]) => {
  const values = new Int32Array(rect.w * rect.h).fill(-1);
  let top = 0;
  const across = axis(rect.x, rect.w, ox, sx * shrunk, width);
  const down = axis(rect.y, rect.h, oy, sy * shrunk, height);
  for (let y = 0; y < rect.h; y++) {
    if (down.nearest[y] < 0) continue;
    const above = down.low[y] * width;
    const below = down.high[y] * width;
    const fy = down.share[y];
    for (let x = 0; x < rect.w; x++) {
      if (across.nearest[x] < 0) continue;
      const i = y * rect.w + x;
      const a = data[above + across.low[x]];
      const b = data[above + across.high[x]];
      const c = data[below + across.low[x]];
      const d = data[below + across.high[x]];
      const pads = first <= last && holds(a, b, c, d, first, last);
      const fx = across.share[x];
      values[i] = pads
        ? data[down.nearest[y] * width + across.nearest[x]]
        : (a * (1 - fx) + b * fx) * (1 - fy) + (c * (1 - fx) + d * fx) * fy + 0.5;
      if (values[i] > top) top = values[i];
    }
  }
  for (let i = 0; i < values.length; i++) if (values[i] < 0) values[i] = top + 1;
  return { values, top };
};

const holds = (a, b, c, d, first, last) =>
  (a >= first && a <= last) || (b >= first && b <= last) ||
  (c >= first && c <= last) || (d >= first && d <= last);

/** Return for each pixel of the screen which values of a row, or column, it lies between. */
const axis = (start, count, offset, scale, size) => {
  const low = new Int32Array(count);
  const high = new Int32Array(count);
  const nearest = new Int32Array(count);
  const share = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    const p = (start + i + 0.5 - offset) / scale;
    const corner = Math.floor(p - 0.5);
    nearest[i] = p < 0 || p >= size ? -1 : Math.floor(p);
    low[i] = Math.min(size - 1, Math.max(0, corner));
    high[i] = Math.min(size - 1, Math.max(0, corner + 1));
    share[i] = p - 0.5 - corner;
  }
  return { low, high, nearest, share };
};
