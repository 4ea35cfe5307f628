// Fetches the pixels of an exam, the pictures on the screen first.

import { startWorker } from './decode.js';

const MOST_WORKERS = 3;

/** Fetch the pixels of pictures; `arrived(picture)` is called whenever there is more of one. */
export class Loading {
  constructor(pictures, arrived) {
    this.waiting = [...pictures];
    this.pictures = new Map(pictures.map((picture) => [picture.number, picture]));
    this.arrived = arrived;
    const cores = Math.max(1, (navigator.hardwareConcurrency || 2) - 1);
    const count = Math.min(MOST_WORKERS, cores, pictures.length);
    this.workers = Array.from({ length: count }, () => this.start());
  }

  start() {
    const worker = startWorker();
    worker.onmessage = ({ data }) => this.take(worker, data);
    this.next(worker);
    return worker;
  }

  next(worker) {
    const picture = this.waiting.shift();
    if (!picture) {
      worker.terminate();
      return;
    }
    const [first, last] = picture.padding ?? [1, 0];
    worker.postMessage({
      number: picture.number,
      rows: picture.rows,
      columns: picture.columns,
      step: picture.preview_step,
      first,
      last,
      preview: new URL(picture.preview, document.baseURI).href,
      pixels: new URL(picture.pixels, document.baseURI).href,
    });
  }

  take(worker, data) {
    const picture = this.pictures.get(data.number);
    if (data.failed !== undefined) picture.failed = data.failed;
    else if (data.share !== undefined) picture.share = data.share;
    else if (data.levels) {
      picture.levels = data.levels;
      picture.bytes = data.bytes;
      picture.complete = performance.now();
    } else picture.levels[data.level] = data;
    this.arrived(picture, data.share === undefined);
    if (data.levels || data.failed !== undefined) this.next(worker);
  }

  /** Stop fetching: another exam is opened. */
  stop() {
    this.waiting = [];
    this.workers.forEach((worker) => worker.terminate());
  }
}

/** Return the finest level of a picture that is there and not finer than needed. */
export const levelFor = (picture, scale) => {
  const wanted = Math.max(0, Math.floor(Math.log2(1 / scale) + 1e-6));
  const there = Object.keys(picture.levels).map(Number);
  if (!there.length) return null;
  const coarser = there.filter((level) => level <= wanted);
  return coarser.length ? Math.max(...coarser) : Math.min(...there);
};
