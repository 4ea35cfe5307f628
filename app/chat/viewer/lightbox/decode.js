// Reads pixels in a worker: `app/chat/viewer/pixels.py` says how they are written.

/** What the worker runs; it uses nothing outside itself. */
function work() {
  /** Undo the differences of rows as they come in; calls `tell` with 0..1. */
  const read = async (url, rows, columns, tell) => {
    const answer = await fetch(url);
    if (!answer.ok) throw new Error(answer.status === 404 ? 'closed' : `status ${answer.status}`);
    const bytes = Number(answer.headers.get('content-length'));
    const stream = answer.body.pipeThrough(new DecompressionStream('deflate'));
    const values = new Uint16Array(rows * columns);
    const row = new Uint8Array(2 * columns);
    let filled = 0;
    let done = 0;
    const reader = stream.getReader();
    for (;;) {
      const { value: chunk, done: ended } = await reader.read();
      if (ended) break;
      for (let at = 0; at < chunk.length; ) {
        const some = Math.min(row.length - filled, chunk.length - at);
        row.set(chunk.subarray(at, at + some), filled);
        filled += some;
        at += some;
        if (filled < row.length || done === rows) continue;
        let last = 0;
        const start = done * columns;
        for (let x = 0; x < columns; x++) {
          const unsigned = row[x] | (row[columns + x] << 8);
          last = (last + ((unsigned >>> 1) ^ -(unsigned & 1))) & 0xffff;
          values[start + x] = last;
        }
        filled = 0;
        done += 1;
      }
      tell(done / rows);
    }
    if (done !== rows) throw new Error('cut short');
    return { values, bytes };
  };

  /** Halve a picture: the mean of two by two values, of those that are no padding. */
  const halve = ({ data, width, height }, first, last) => {
    const w = (width + 1) >> 1;
    const h = (height + 1) >> 1;
    const half = new Uint16Array(w * h);
    for (let y = 0; y < h; y++) {
      const above = 2 * y * width;
      const below = Math.min(2 * y + 1, height - 1) * width;
      for (let x = 0; x < w; x++) {
        const left = 2 * x;
        const right = Math.min(left + 1, width - 1);
        const a = data[above + left];
        const b = data[above + right];
        const c = data[below + left];
        const d = data[below + right];
        if (first > last) {
          half[y * w + x] = (a + b + c + d + 2) >> 2;
          continue;
        }
        let sum = 0;
        let count = 0;
        for (const v of [a, b, c, d]) {
          if (v < first || v > last) {
            sum += v;
            count += 1;
          }
        }
        half[y * w + x] = count ? Math.round(sum / count) : a;
      }
    }
    return { data: half, width: w, height: h };
  };

  self.onmessage = async ({ data: job }) => {
    const { number, rows, columns, first, last, step } = job;
    try {
      const small = [Math.ceil(rows / step), Math.ceil(columns / step)];
      const preview = await read(job.preview, ...small, () => {});
      const shown = { data: preview.values, width: small[1], height: small[0] };
      self.postMessage({ number, level: Math.log2(step), ...shown }, [shown.data.buffer]);
      const { values, bytes } = await read(job.pixels, rows, columns, (share) =>
        self.postMessage({ number, share }),
      );
      let level = { data: values, width: columns, height: rows };
      const levels = [level];
      while (levels.length < 5 && Math.min(level.width, level.height) > 64) {
        level = halve(level, first, last);
        levels.push(level);
      }
      self.postMessage({ number, levels, bytes }, levels.map((one) => one.data.buffer));
    } catch (error) {
      self.postMessage({ number, failed: String(error.message ?? error) });
    }
  };
}

/** Start a worker that reads pixels. */
export const startWorker = () => {
  const source = new Blob([`(${work.toString()})()`], { type: 'text/javascript' });
  const address = URL.createObjectURL(source);
  const worker = new Worker(address);
  URL.revokeObjectURL(address);
  return worker;
};
