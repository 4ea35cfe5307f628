// The keyboard on the light box. Keys act while it, or nothing at all, has the focus.

import { LINKS } from './light_box.js';

export const KEYS = [
  ['1', 'all views'],
  ['2', 'one view; again: the next'],
  ['3', 'left beside right; again: the next projection'],
  ['4', 'prior beside current; again: the next view'],
  ['W', 'window by dragging (or the right mouse button)'],
  ['R', 'ruler'],
  ['E', 'ellipse'],
  ['A', 'rectangle'],
  ['V', 'move'],
  ['Esc', 'leave a tool or a dialogue'],
  ['+ −', 'zoom; the wheel zooms about the pointer'],
  ['← → ↑ ↓', 'move'],
  ['0', 'as it was opened'],
  ['P', 'one pixel of the file on one of the screen'],
  ['M', 'life size, once the screen is measured'],
  ['I', 'invert'],
  ['B', 'boxes'],
  ['H', 'heat map'],
  ['O', 'outline of the breast'],
  ['L', 'link zoom and movement: none, same side, same projection, all'],
  ['/', 'to the question'],
  ['?', 'this list'],
];

const MOVES = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
const STEP = 60; // CSS pixels that an arrow moves
const TOOLS = { v: 'move', w: 'window', r: 'ruler', e: 'ellipse', a: 'rectangle' };
const HANGINGS = { 1: 'four', 2: 'one', 3: 'pairs', 4: 'priors' };
const LAYERS = { b: 'boxes', h: 'heat', o: 'outline' };

export const listenToKeys = (box, actions) => {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !box.scene) return;
    const { target } = event;
    if (target.closest?.('dialog')) return;
    const free = target === document.body || target === document.documentElement;
    if (!free && !box.root.contains(target)) return;
    if (event.key === 'Escape') {
      actions.escape();
      return;
    }
    if (target.closest('select, textarea, [contenteditable], input:not([type=range])')) return;
    if (act(box, actions, event)) event.preventDefault();
  });
};

const act = (box, actions, { key, target }) => {
  const name = key.length === 1 ? key.toLowerCase() : key;
  const cell = box.cells.find((one) => one.picture.number === box.current) ?? box.cells[0];
  const middle = [cell.rect.x + cell.rect.w / 2, cell.rect.y + cell.rect.h / 2];
  if (HANGINGS[name]) actions.hang(HANGINGS[name]);
  else if (TOOLS[name]) box.set({ tool: TOOLS[name] });
  else if (LAYERS[name]) box.setLayers({ [LAYERS[name]]: !box.layers[LAYERS[name]] });
  else if (name === 'i') box.set({ invert: !box.invert });
  else if (name === 'l') box.set({ link: LINKS[(LINKS.indexOf(box.link) + 1) % LINKS.length] });
  else if (name === '0') box.reset();
  else if (name === 'p') box.trueSize(() => 1);
  else if (name === 'm') actions.lifeSize();
  else if (name === '+' || name === '=') box.zoom(cell, 1.25, middle);
  else if (name === '-') box.zoom(cell, 0.8, middle);
  else if (name === '?') actions.help();
  else if (name === '/') document.querySelector('#vm-question textarea')?.focus();
  else if (MOVES[name] && target === box.stage) {
    box.pan(cell, ...MOVES[name].map((step) => step * STEP * box.ratio));
  } else return false;
  return true;
};
