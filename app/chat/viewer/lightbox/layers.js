// What lies over a picture: its name, scale bar, boxes, heat map and outline.

import { draw, make } from './dom.js';
import { aspect, transform } from './geometry.js';

const BARS_MM = [100, 50, 20, 10, 5, 2, 1];

/** The layers of one cell; they follow its view without being made anew. */
export class Layers {
  constructor(cell, scene, ratio) {
    this.cell = cell;
    this.ratio = ratio; // device pixels of a CSS pixel
    const { picture } = cell;
    this.root = make('div', `vmx-cell vmx-${picture.outer}`);
    this.heat = scene.heat.filter((one) => one.picture === picture.number).map(heatCanvas);
    this.svg = draw('svg', { class: 'vmx-drawing', 'aria-hidden': 'true' });
    this.outline = draw('polygon', {
      class: 'vmx-outline',
      points: picture.outline.map((point) => point.join()).join(' '),
    });
    this.marks = draw('g');
    this.svg.append(this.outline, this.marks);
    this.boxes = scene.boxes.filter((one) => one.picture === picture.number).map(boxButton);
    this.values = make('span', 'vmx-values');
    this.state = make('span', 'vmx-state', { role: 'status' });
    this.bar = make('span', 'vmx-scale', {}, make('i'), make('b'));
    const name = make('span', 'vmx-name', {}, picture.name);
    if (picture.prior) name.append(make('small', '', {}, picture.prior));
    this.root.append(
      ...this.heat.map((one) => one.canvas), this.svg,
      ...this.boxes.map((one) => one.button), name, this.values, this.bar, this.state,
    );
  }

  /** Show what is switched on, with the heat map at a strength of 0..1. */
  show({ boxes, heat, outline, strength }) {
    this.root.classList.toggle('vmx-no-boxes', !boxes);
    this.outline.style.display = outline ? '' : 'none';
    for (const { canvas } of this.heat) {
      canvas.style.display = heat ? '' : 'none';
      canvas.style.opacity = strength;
    }
  }

  /** Mark the box that is selected. */
  select(id) {
    for (const { button } of this.boxes) {
      button.classList.toggle('vmx-selected', button.dataset.boxId === id);
    }
  }

  /** Follow the view of the cell. */
  follow() {
    const { rect, picture, view } = this.cell;
    const css = (length) => length / this.ratio;
    Object.assign(this.root.style, {
      left: `${css(rect.x)}px`, top: `${css(rect.y)}px`,
      width: `${css(rect.w)}px`, height: `${css(rect.h)}px`,
    });
    const { ox, oy, sx, sy } = transform(this.cell);
    const t = { x: css(ox - rect.x), y: css(oy - rect.y), sx: css(sx), sy: css(sy) };
    this.outline.setAttribute('transform', `matrix(${t.sx} 0 0 ${t.sy} ${t.x} ${t.y})`);
    for (const { canvas, heat } of this.heat) {
      const [x1, y1, x2, y2] = heat.box;
      const across = ((x2 - x1) / heat.columns) * t.sx;
      const down = ((y2 - y1) / heat.rows) * t.sy;
      canvas.style.transform =
        `matrix(${across}, 0, 0, ${down}, ${t.x + t.sx * x1}, ${t.y + t.sy * y1})`;
    }
    for (const { button, box } of this.boxes) place(button, box.box, t, css(rect.w), css(rect.h));
    this.followScale(picture, view);
  }

  followScale(picture, view) {
    if (!picture.spacing_mm) {
      this.bar.hidden = true;
      return;
    }
    const perMm = (view.scale * aspect(picture)) / picture.spacing_mm[0] / this.ratio;
    const most = Math.min(this.root.clientWidth * 0.4, 320);
    const length = BARS_MM.find((mm) => mm * perMm <= most) ?? 1;
    this.bar.firstChild.style.width = `${length * perMm}px`;
    this.bar.lastChild.textContent = `${length} mm`;
  }
}

const HEADER = 92; // CSS pixels above which name and values of a picture stand
const LINE = 22; // height of a box's words

/** Put a box's button over its place, with its words where they can be read. */
const place = (button, [x1, y1, x2, y2], t, width, height) => {
  const left = Math.min(t.x + t.sx * x1, t.x + t.sx * x2);
  const top = t.y + t.sy * y1;
  const w = Math.abs(t.sx) * (x2 - x1);
  const h = t.sy * (y2 - y1);
  Object.assign(button.style, {
    transform: `translate(${left}px, ${top}px)`, width: `${w}px`, height: `${h}px`,
  });
  const words = button.firstChild;
  const wide = (button.wordsWide ||= words.offsetWidth); // measured once: it asks for a layout
  const low = top < HEADER;
  button.classList.toggle('vmx-below', low && top + h + LINE <= height);
  button.classList.toggle('vmx-inside', low && top + h + LINE > height);
  // as far to the left as the picture allows, and no further
  words.style.left = `${Math.max(-left, Math.min(0, width - wide - left))}px`;
  button.hidden = left + w < 0 || left > width || top + h < 0 || top > height;
};

const boxButton = (box) => {
  const button = make('button', `vmx-box vmx-${box.role}`, {
    type: 'button', 'data-box-id': box.id, 'aria-label': `Box: ${box.text}`,
  }, make('span', '', {}, box.text));
  return { button, box };
};

/** Colour a heat map: the warmer the less transparent, as on the drawings of exports. */
const heatCanvas = (heat) => {
  const canvas = make('canvas', 'vmx-heat', { 'aria-hidden': 'true' });
  canvas.width = heat.columns;
  canvas.height = heat.rows;
  const context = canvas.getContext('2d');
  const image = context.createImageData(heat.columns, heat.rows);
  const values = atob(heat.values);
  for (let i = 0; i < values.length; i++) {
    const warm = values.charCodeAt(i);
    image.data.set([...inferno(warm / 255), warm], 4 * i);
  }
  context.putImageData(image, 0, 0);
  return { canvas, heat };
};

const INFERNO = [
  [0, 0, 4], [40, 11, 84], [101, 21, 110], [159, 42, 99], [212, 72, 66], [245, 125, 21],
  [250, 193, 39], [252, 255, 164],
];

/** Return the colour of the map "inferno" at 0..1. */
const inferno = (share) => {
  const at = share * (INFERNO.length - 1);
  const below = Math.min(INFERNO.length - 2, Math.floor(at));
  return INFERNO[below].map((c, i) => c + (INFERNO[below + 1][i] - c) * (at - below));
};
