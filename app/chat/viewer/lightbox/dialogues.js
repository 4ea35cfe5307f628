// The list of keys, and how the screen is measured so that a millimetre is one.

import { make } from './dom.js';
import { KEYS } from './keys.js';

const CARD_MM = 85.6; // ISO/IEC 7810 ID-1: a bank card
const KEPT = 'versamammo-css-pixels-per-mm';

/** CSS pixels of a millimetre of this screen, or null if nobody has measured it. */
export const screenScale = () => {
  const kept = Number(localStorage.getItem(KEPT));
  return kept > 1 && kept < 40 ? kept : null;
};

/** Make a dialogue with a heading and a button that closes it. */
const dialogue = (heading, ...content) => {
  const close = make('button', 'vmx-button', { type: 'button' }, 'Close');
  const made = make('dialog', 'vmx-dialogue', { 'aria-label': heading },
    make('h2', '', {}, heading), ...content, close);
  close.addEventListener('click', () => made.close());
  return made;
};

export const keyList = () => {
  const rows = KEYS.map(([key, effect]) =>
    make('div', '', {}, make('dt', '', {}, make('kbd', '', {}, key)), make('dd', '', {}, effect)));
  return dialogue('Keys of the light box', make('dl', 'vmx-keys', {}, ...rows));
};

/** Ask for the width of a bank card on this screen; `done` is called once it is known. */
export const measuring = (done) => {
  const bar = make('div', 'vmx-card', { 'aria-hidden': 'true' });
  const slider = make('input', '', {
    type: 'range', min: '150', max: '900', step: '1', 'aria-label': 'Width of the bar in pixels',
  });
  const set = make('button', 'vmx-button', { type: 'button' }, 'It fits');
  const made = dialogue('Measure this screen',
    make('p', '', {}, 'Hold a bank card (85.6 mm wide) to the screen and make the bar as wide.'),
    bar, slider, set);
  const show = () => { bar.style.width = `${slider.value}px`; };
  slider.addEventListener('input', show);
  set.addEventListener('click', () => {
    localStorage.setItem(KEPT, String(Number(slider.value) / CARD_MM));
    made.close();
    done();
  });
  slider.value = String(Math.round((screenScale() ?? 96 / 25.4) * CARD_MM));
  show();
  return made;
};
