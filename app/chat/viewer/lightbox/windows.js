// From a value of the file to a shade: the same functions as DICOM PS3.3 C.11.2.1.2, on all 16 bits.

/** Return the brightness 0..1 of units in a window {kind, center, width}. */
export const brightness = (units, { kind, center, width }) => {
  if (kind === 'SIGMOID') return 1 / (1 + Math.exp((-4 * (units - center)) / width));
  if (kind === 'LINEAR_EXACT') return clip((units - center) / width + 0.5);
  if (width <= 1) return units > center - 0.5 ? 1 : 0;
  return clip((units - (center - 0.5)) / (width - 1) + 0.5);
};

const clip = (x) => Math.min(1, Math.max(0, x));

/** Return the shades 0..255 of the values from 0 up to `top`. */
export const shades = (picture, window, invert, top = 65535) => {
  const table = new Uint8Array(top + 1);
  const [first, last] = picture.padding ?? [1, 0];
  for (let value = 0; value <= top; value++) {
    let t = brightness(value * picture.slope + picture.intercept, window);
    if (picture.inverse) t = 1 - t;
    if (value >= first && value <= last) t = 0;
    table[value] = Math.floor((invert ? 1 - t : t) * 255 + 0.5);
  }
  return table;
};

/** Return a window given in percent of the file's own: {level, width}. */
export const relative = (own, level, width) => ({
  kind: own.kind,
  center: own.center - own.width / 2 + (own.width * level) / 100,
  width: Math.max((own.width * width) / 100, least(own)),
});

/** Return what `relative` took, of a window. */
export const percent = (own, window) => ({
  level: ((window.center - own.center + own.width / 2) / own.width) * 100,
  width: (window.width / own.width) * 100,
});

/** The narrowest window that makes sense: PS3.3 allows LINEAR from 1 on. */
const least = (own) => Math.max(own.width / 500, own.kind === 'LINEAR' ? 1 : 1e-3);

/** Move a window by shares of the file's own width. */
export const dragged = (own, window, across, down) => ({
  kind: own.kind,
  // to the right is more contrast's opposite: wider; down is darker: a higher centre
  center: window.center + own.width * down,
  width: Math.min(Math.max(window.width * Math.exp(2 * across), least(own)), own.width * 20),
});

/** Say a window in the file's units, or in percent where the file has none. */
export const windowWords = (picture, window) => {
  if (picture.in_file_units) {
    return `C ${Math.round(window.center)} W ${Math.round(window.width)}`;
  }
  const { level, width } = percent(picture.window, window);
  return `L ${Math.round(level)} % W ${Math.round(width)} %`;
};
