// Starts the light box on the page: `#vm-lightbox` is filled, `#vm-scene` tells what with.

import './style.css';
import { make, reveal } from './dom.js';
import { keyList, measuring, screenScale } from './dialogues.js';
import { listenToKeys } from './keys.js';
import { LightBox } from './light_box.js';
import { listen } from './pointers.js';
import { toImage } from './geometry.js';
import { Toolbar } from './toolbar.js';

const start = (root) => {
  const box = new LightBox(root, new URLSearchParams(location.search).get('renderer') ?? '');
  const dialogues = [];
  const show = (made) => {
    root.append(made);
    dialogues.push(made);
    made.addEventListener('close', () => made.remove());
    made.showModal();
  };
  const hint = make('span', 'vmx-hint', { role: 'status' });
  const actions = {
    hang: (name) => { if (!box.hang(name)) say(WITHOUT[name]); },
    help: () => show(keyList()),
    lifeSize: () => {
      const scale = screenScale();
      if (scale === null) show(measuring(actions.lifeSize));
      else if (box.cells.every(({ picture }) => picture.spacing_mm)) {
        box.trueSize((picture) => scale * box.ratio * picture.spacing_mm[1]);
      } else say('The size of a pixel is not known, so there is no life size.');
    },
    escape: () => {
      if (box.measurements.open) box.measurements.remove(box.measurements.open);
      box.measurements.open = null;
      box.set({ tool: 'move' });
    },
  };
  const say = (words) => {
    hint.textContent = words;
    setTimeout(() => { if (hint.textContent === words) hint.textContent = ''; }, 6000);
  };
  const toolbar = new Toolbar(box, actions);
  const notice = make('span', 'vm-stamp');
  const value = make('span', 'vmx-value', { 'aria-hidden': 'true' });
  listen(box, (cell, point) => { value.textContent = cell ? valueAt(cell, point) : ''; });
  listenToKeys(box, actions);
  box.listeners.push(() => { box.stage.dataset.tool = box.tool; });
  box.begin = (scene) => {
    if (!root.contains(box.stage)) {
      root.replaceChildren(toolbar.root, box.stage, make('div', 'vmx-foot', {}, value, notice, hint));
      root.className = 'vm-view vmx';
    }
    notice.textContent = scene.phantom ? `Phantom. ${scene.notice}` : scene.notice;
    toolbar.offer(scene);
    box.open(scene);
    // the keys act from now on, unless somebody is writing
    if (!document.activeElement?.matches('input, textarea')) box.stage.focus({ preventScroll: true });
  };
  return box;
};

const WITHOUT = {
  four: 'No picture hangs here.',
  one: 'There is no picture.',
  pairs: 'There are no two sides of one projection.',
  priors: 'There is no prior exam: pictures of two dates are needed.',
};

const valueAt = (cell, point) => {
  const [x, y] = toImage(cell, point).map(Math.floor);
  const { picture } = cell;
  const level = picture.levels[0];
  if (x < 0 || y < 0 || x >= picture.columns || y >= picture.rows) return '';
  const stored = level ? level.data[y * level.width + x] : null;
  const units = stored === null || !picture.in_file_units
    ? '' : `, value ${Math.round(stored * picture.slope + picture.intercept)}`;
  return `${picture.name}: x ${x}, y ${y}${units}`;
};

/** Fetch the scene that the page names, and show it; another one of the same exam is an update. */
const follow = (box, holder) => {
  let shown = '';
  let asked = '';
  const look = async () => {
    const address = holder().querySelector('[data-scene]')?.dataset.scene ?? '';
    if (!address || address === asked) return;
    asked = address;
    const answer = await fetch(new URL(address, document.baseURI), { cache: 'no-store' });
    if (address !== asked || !answer.ok) return;
    const scene = await answer.json();
    const exam = address.split('?')[0];
    if (exam === shown) box.update(scene);
    else box.begin(scene);
    shown = exam;
  };
  new MutationObserver(look).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ['data-scene'],
  });
  look();
};

/** What the page says of a box and the box find each other. */
const connect = (box) => {
  document.addEventListener('click', (event) => {
    const named = event.target.closest?.('[data-box-id]');
    if (named && !box.root.contains(named)) box.select(named.dataset.boxId, { from: 'page' });
  });
  box.root.addEventListener('vm-box-selected', ({ detail: { id, from } }) => {
    const said = [...document.querySelectorAll(`[data-box-id="${CSS.escape(id)}"]`)]
      .filter((one) => !box.root.contains(one));
    document.querySelectorAll('.vm-box-current').forEach((one) =>
      one.classList.remove('vm-box-current'));
    said.forEach((one) => one.classList.add('vm-box-current'));
    const seen = said.find((one) => one.checkVisibility?.() ?? true);
    if (from === 'light box' && seen) reveal(seen);
  });
};

/** Wait until Gradio has made the page. */
const whenThere = (selector, then) => {
  const there = document.querySelector(selector);
  if (there) {
    then(there);
    return;
  }
  const watch = new MutationObserver(() => {
    const found = document.querySelector(selector);
    if (!found) return;
    watch.disconnect();
    then(found);
  });
  watch.observe(document, { childList: true, subtree: true });
};

whenThere('#vm-lightbox', (root) => {
  const box = start(root);
  window.vmLightBox = box;
  connect(box);
  follow(box, () => document.querySelector('#vm-scene') ?? document.body);
});
