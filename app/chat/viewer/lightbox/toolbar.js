// The controls above the pictures. Each is a button, select or slider with a name.

import { make } from './dom.js';
import { LINKS } from './light_box.js';

const ICONS = {
  four: 'M3 3h8v8H3zM13 3h8v8h-8zM3 13h8v8H3zM13 13h8v8h-8z',
  one: 'M4 3h16v18H4z',
  pairs: 'M3 4h8v16H3zM13 4h8v16h-8z',
  priors: 'M12 3a9 9 0 1 1-9 9M3 5v7h7M12 7v5l4 2',
  move: 'M12 3v18M3 12h18M12 3l-3 3M12 3l3 3M12 21l-3-3M12 21l3-3M3 12l3-3M3 12l3 3M21 12l-3-3M21 12l-3 3',
  window: 'M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18',
  ruler: 'M3 17L17 3l4 4L7 21zM7 13l2 2M10 10l3 3M13 7l2 2',
  ellipse: 'M12 5c5 0 9 3 9 7s-4 7-9 7-9-3-9-7 4-7 9-7z',
  rectangle: 'M3 6h18v12H3z',
  invert: 'M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18M12 7v10a5 5 0 0 0 0-10',
  reset: 'M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5',
  clear: 'M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13',
};

export class Toolbar {
  constructor(box, actions) {
    this.box = box;
    this.pressed = []; // [button, whether it is on]
    this.root = make('div', 'vmx-bar', { role: 'toolbar', 'aria-label': 'Light box' });
    this.addHangings(actions);
    this.addTools();
    this.addWindow();
    this.addSizes(actions);
    this.addLayers();
    this.addLink();
    this.group('', this.button('?', 'Keys (?)', actions.help));
    box.listeners.push(() => this.show());
  }

  group(name, ...controls) {
    const attributes = name ? { role: 'group', 'aria-label': name } : {};
    const made = make('div', 'vmx-group', attributes, ...controls);
    this.root.append(made);
    return made;
  }

  /** Make a button; with `isOn` it is one that stays pressed. */
  button(face, title, action, isOn) {
    const made = make('button', 'vmx-button', { type: 'button', 'aria-label': title, title });
    if (ICONS[face]) {
      made.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${ICONS[face]}"/></svg>`;
    } else made.textContent = face;
    made.addEventListener('click', action);
    if (isOn) this.pressed.push([made, isOn]);
    return made;
  }

  addHangings(actions) {
    const { box } = this;
    const names = [
      ['four', 'All views (1)'], ['one', 'One view (2)'], ['pairs', 'Left beside right (3)'],
      ['priors', 'Prior beside current (4)'],
    ];
    this.hangings = names.map(([name, title]) => [name, this.button(
      name, title, () => actions.hang(name), () => box.hanging?.name === name)]);
    this.group('Hanging', ...this.hangings.map(([, made]) => made));
  }

  addTools() {
    const { box } = this;
    const tools = [
      ['move', 'Move (V)'], ['window', 'Window by dragging (W)'], ['ruler', 'Ruler (R)'],
      ['ellipse', 'Area of an ellipse (E)'], ['rectangle', 'Area of a rectangle (A)'],
    ];
    this.clear = this.button('clear', 'Remove all measurements', () => box.measurements.clear());
    this.group('Tool', ...tools.map(([name, title]) => this.button(
      name, title, () => box.set({ tool: name }), () => box.tool === name)), this.clear);
  }

  addWindow() {
    const { box } = this;
    this.preset = make('select', 'vmx-select', { 'aria-label': 'Window' });
    this.preset.addEventListener('change', () => {
      const { level, width } = this.preset.selectedOptions[0].dataset;
      if (this.preset.value === 'own') return;
      box.setWindow(level === undefined
        ? { name: this.preset.value } : { level: Number(level), width: Number(width) });
    });
    const invert = this.button(
      'invert', 'Invert (I)', () => box.set({ invert: !box.invert }), () => box.invert);
    this.group('Window', this.preset, invert);
  }

  addSizes(actions) {
    const { box } = this;
    this.group('Size',
      this.button('reset', 'As it was opened (0)', () => box.reset()),
      this.button('1:1', 'One pixel of the file on one of the screen (P)',
        () => box.trueSize(() => 1)),
      this.button('mm', 'Life size (M)', actions.lifeSize));
  }

  addLayers() {
    const { box } = this;
    const toggle = (face, title, name) => this.button(
      face, title, () => box.setLayers({ [name]: !box.layers[name] }), () => box.layers[name]);
    this.strength = make('input', 'vmx-slider', {
      type: 'range', min: '0', max: '100', step: '5', 'aria-label': 'Strength of the heat map',
    });
    this.strength.addEventListener('input', () =>
      box.setLayers({ strength: Number(this.strength.value) / 100, heat: true }));
    this.heat = toggle('Heat', 'Heat map (H)', 'heat');
    this.group('Layers', toggle('Boxes', 'Boxes (B)', 'boxes'), this.heat, this.strength,
      toggle('Outline', 'Outline of the breast (O)', 'outline'));
  }

  addLink() {
    this.link = make('select', 'vmx-select', { 'aria-label': 'Link zoom and movement (L)' });
    for (const name of LINKS) this.link.append(make('option', '', { value: name }, `Link: ${name}`));
    this.link.addEventListener('change', () => this.box.set({ link: this.link.value }));
    this.group('', this.link);
  }

  /** Offer the windows of the exam that was opened. */
  offer(scene) {
    const own = [...new Set(scene.pictures.flatMap((one) => one.windows.map(({ name }) => name)))];
    this.preset.replaceChildren(
      ...scene.presets.map(({ name, level, width }) => make(
        'option', '', { value: name, 'data-level': level, 'data-width': width }, name)),
      ...own.map((name) => make('option', '', { value: name }, `File: ${name}`)),
      make('option', '', { value: 'own', hidden: '' }, 'By hand'),
    );
  }

  /** Show what is on. */
  show() {
    const { box } = this;
    if (!box.scene) return;
    for (const [button, isOn] of this.pressed) {
      const on = String(!!isOn());
      if (button.getAttribute('aria-pressed') !== on) button.setAttribute('aria-pressed', on);
    }
    for (const [name, button] of this.hangings) button.disabled = !box.scene.hangings[name].length;
    this.heat.disabled = this.strength.disabled = !box.scene.heat.length;
    this.strength.value = String(Math.round(box.layers.strength * 100));
    this.link.value = box.link;
    this.clear.disabled = !box.measurements.all.length;
    this.preset.value = this.presetShown();
  }

  presetShown() {
    const { box } = this;
    const near = (a, b) => Math.abs(a - b) <= 1e-6 * Math.max(1, Math.abs(b));
    const { window: own, now, windows } = box.cells[0].picture;
    const relative = box.scene.presets.find(({ level, width }) =>
      near(now.width, (own.width * width) / 100) &&
      near(now.center, own.center + own.width * (level / 100 - 0.5)));
    const offered = windows.find((one) => near(now.width, one.width) && near(now.center, one.center));
    return relative?.name ?? offered?.name ?? 'own';
  }
}
