// Where pictures lie on the screen. All lengths are device pixels; image coordinates are those of
// the file, from the upper left corner of its upper left pixel.

export const MOST = 24; // device pixels a pixel of the file is drawn at, at most

/** How much higher than wide a pixel of the file is. */
export const aspect = (picture) =>
  picture.spacing_mm ? picture.spacing_mm[0] / picture.spacing_mm[1] : 1;

/** Return the largest scale at which what is shown of a picture fits into a cell. */
export const fitScale = (picture, rect) => {
  const [x1, y1, x2, y2] = picture.cut;
  return Math.min(rect.w / (x2 - x1), rect.h / ((y2 - y1) * aspect(picture)));
};

/** Return device pixels per pixel of the file, for cells that share a scale in mm if they can. */
export const fitScales = (cells) => {
  const own = cells.map((cell) => fitScale(cell.picture, cell.rect));
  if (cells.some((cell) => !cell.picture.spacing_mm)) return own;
  const perMm = Math.min(...cells.map((cell, i) => own[i] / cell.picture.spacing_mm[1]));
  return cells.map((cell) => perMm * cell.picture.spacing_mm[1]);
};

/** Return the view that shows a picture as it is hung: its chest wall at the inner edge. */
export const fitted = (cell, scale) => {
  const { picture, rect } = cell;
  const [x1, y1, x2, y2] = picture.cut;
  const spare = cell.alone ? 0 : Math.max(0, rect.w / scale - (x2 - x1)) / 2;
  // the outer side of the drawing is free: left of a right breast, right of a left one
  const outwards = (picture.outer === 'left' ? -1 : 1) * (picture.mirrored ? -1 : 1);
  return { scale, cx: (x1 + x2) / 2 + outwards * spare, cy: (y1 + y2) / 2, fitted: true };
};

/** Return {ox, oy, sx, sy}: x of the screen = ox + sx * x of the file; whole pixels at 1:1. */
export const transform = (cell) => {
  const { rect, view, picture } = cell;
  const sx = picture.mirrored ? -view.scale : view.scale;
  const sy = view.scale * aspect(picture);
  return {
    ox: Math.round(rect.x + rect.w / 2 - sx * view.cx),
    oy: Math.round(rect.y + rect.h / 2 - sy * view.cy),
    sx,
    sy,
  };
};

export const toScreen = (cell, [x, y]) => {
  const t = transform(cell);
  return [t.ox + t.sx * x, t.oy + t.sy * y];
};

export const toImage = (cell, [x, y]) => {
  const t = transform(cell);
  return [(x - t.ox) / t.sx, (y - t.oy) / t.sy];
};

/** Zoom about a point of the screen, which stays where it is. */
export const zoomAbout = (cell, factor, [x, y], least) => {
  const { view, rect } = cell;
  const [px, py] = toImage(cell, [x, y]);
  view.scale = Math.min(MOST, Math.max(least, view.scale * factor));
  const sx = cell.picture.mirrored ? -view.scale : view.scale;
  view.cx = px - (x - rect.x - rect.w / 2) / sx;
  view.cy = py - (y - rect.y - rect.h / 2) / (view.scale * aspect(cell.picture));
  view.fitted = false;
  keepInside(cell);
};

/** Move by device pixels. */
export const panBy = (cell, dx, dy) => {
  const sx = cell.picture.mirrored ? -cell.view.scale : cell.view.scale;
  cell.view.cx -= dx / sx;
  cell.view.cy -= dy / (cell.view.scale * aspect(cell.picture));
  cell.view.fitted = false;
  keepInside(cell);
};

/** Keep the middle of the cell on the picture, so that it cannot be lost. */
const keepInside = ({ view, picture }) => {
  view.cx = Math.min(picture.columns, Math.max(0, view.cx));
  view.cy = Math.min(picture.rows, Math.max(0, view.cy));
};
