// Mouse, pen and fingers on the light box. One finger scrolls the page, two zoom and move.

import { toImage } from './geometry.js';

const CLICK = 4; // CSS pixels that a click may move
const STEP = 1.15; // of zoom, for a notch of the wheel

export const listen = (box, tell) => {
  const { stage } = box;
  const fingers = new Map();
  let held = null;

  const at = (event) => {
    const { left, top } = stage.getBoundingClientRect();
    return [(event.clientX - left) * box.ratio, (event.clientY - top) * box.ratio];
  };

  stage.addEventListener('wheel', (event) => {
    const cell = box.cellAt(at(event));
    if (!cell) return;
    event.preventDefault();
    const notches = event.deltaMode === 0 ? event.deltaY / 100 : event.deltaY / 3;
    box.zoom(cell, STEP ** -Math.max(-3, Math.min(3, notches)), at(event));
  }, { passive: false });

  stage.addEventListener('contextmenu', (event) => event.preventDefault());

  stage.addEventListener('pointerdown', (event) => {
    const cell = box.cellAt(at(event));
    if (!cell || event.target.closest('.vmx-measure')) return;
    box.current = cell.picture.number;
    fingers.set(event.pointerId, at(event));
    const drags = event.pointerType !== 'touch' || box.tool !== 'move';
    held = { cell, start: at(event), last: at(event), moved: 0, target: event.target, drags };
    held.tool = event.button === 2 ? 'window' : event.button === 1 ? 'move' : box.tool;
    if (drags && fingers.size === 1) {
      stage.setPointerCapture(event.pointerId);
      if (['ruler', 'ellipse', 'rectangle'].includes(held.tool)) {
        box.measurements.begin(held.tool, cell.picture, toImage(cell, held.start));
      }
    }
  });

  stage.addEventListener('pointermove', (event) => {
    const point = at(event);
    tell(box.cellAt(point), point);
    if (!fingers.has(event.pointerId)) return;
    if (fingers.size >= 2) {
      pinch(event.pointerId, point);
      return;
    }
    fingers.set(event.pointerId, point);
    if (!held?.drags) return;
    const [dx, dy] = [point[0] - held.last[0], point[1] - held.last[1]];
    held.moved += Math.abs(dx) + Math.abs(dy);
    held.last = point;
    if (held.tool === 'window') {
      box.windowBy(dx / stage.clientWidth / box.ratio, dy / stage.clientHeight / box.ratio);
    } else if (held.tool === 'move') {
      box.pan(held.cell, dx, dy);
    } else {
      box.measurements.extend(toImage(held.cell, point));
      box.drawSoon();
    }
  });

  /** Zoom by how two fingers part, and move with their middle. */
  const pinch = (id, point) => {
    const [[, one], [, two]] = fingers;
    const before = { apart: Math.hypot(one[0] - two[0], one[1] - two[1]), middle: middle(one, two) };
    fingers.set(id, point);
    const [[, first], [, second]] = fingers;
    const apart = Math.hypot(first[0] - second[0], first[1] - second[1]);
    const centre = middle(first, second);
    const cell = box.cellAt(before.middle) ?? held?.cell;
    if (!cell) return;
    if (before.apart > 0) box.zoom(cell, apart / before.apart, centre);
    box.pan(cell, centre[0] - before.middle[0], centre[1] - before.middle[1]);
  };

  const ended = (event) => {
    fingers.delete(event.pointerId);
    if (!held) return;
    if (box.measurements.open) {
      box.measurements.finish((CLICK * box.ratio) / held.cell.view.scale);
    }
    const id = held.target.closest?.('[data-box-id]')?.dataset.boxId;
    if (held.moved > CLICK * box.ratio) held.target = stage;
    else if (id && event.type === 'pointerup' && held.tool !== 'window') box.select(id);
    held = null;
  };
  stage.addEventListener('pointerup', ended);
  stage.addEventListener('pointercancel', ended);
  stage.addEventListener('pointerleave', () => tell(null));

  stage.addEventListener('dblclick', (event) => {
    const cell = box.cellAt(at(event));
    if (cell && !event.target.closest('button') && box.scene.pictures.length > 1) {
      box.alone(cell.picture.number);
    }
  });

  // a box that is reached by keyboard
  stage.addEventListener('click', (event) => {
    const id = event.target.closest('[data-box-id]')?.dataset.boxId;
    if (id && event.detail === 0) box.select(id);
  });

  // the browser's own pinch would enlarge the page instead
  stage.addEventListener('touchmove', (event) => {
    if (event.touches.length > 1) event.preventDefault();
  }, { passive: false });
};

const middle = (one, two) => [(one[0] + two[0]) / 2, (one[1] + two[1]) / 2];
