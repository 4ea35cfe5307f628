"""How the page looks: system fonts, light and dark, a dark light box, one column on a phone."""

from __future__ import annotations

import gradio as gr

from app.chat.session.limits import Limits

FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "DejaVu Sans", "sans-serif"]
MONO = ["ui-monospace", "DejaVu Sans Mono", "monospace"]


def theme() -> gr.themes.Base:
    """Return a theme whose fonts are the machine's own: nothing is fetched."""
    made: gr.themes.Base = gr.themes.Soft(
        primary_hue="teal", neutral_hue="slate", font=FONTS, font_mono=MONO, radius_size="sm"
    ).set(
        # the theme's own shades of teal are too pale to read on white
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        block_label_text_color="*primary_800",
        block_label_text_color_dark="white",
        block_title_text_color="*primary_800",
        block_title_text_color_dark="white",
        block_border_width="1px",
        checkbox_border_color="*neutral_500",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_300",
    )
    return made


CSS = """
.vm-notice {position: fixed; top: 0; left: 0; right: 0; z-index: 60; background: #7c2d12;
  color: #fff; padding: 5px 12px; font-weight: 600; text-align: center;}
.gradio-container {padding-top: 34px !important;}
.vm-view {position: relative; overflow: hidden; background: #000; border-radius: 6px;
  height: min(78vh, 900px); display: flex; align-items: center; justify-content: center;
  padding-bottom: 24px; touch-action: none; cursor: grab; outline-offset: 2px;}
.vm-view:focus-visible {outline: 3px solid #2dd4bf;}
.vm-view img {max-width: 100%; max-height: 100%; object-fit: contain; user-select: none;
  transform-origin: 0 0; margin: 0;}
.vm-true img {max-width: none; max-height: none; flex: none; image-rendering: pixelated;}
.vm-empty {color: #cbd5e1; text-align: center; cursor: default; height: 320px;}
.vm-empty p {color: #cbd5e1; font-size: 1.05rem;}
.vm-stamp {position: absolute; left: 0; right: 0; bottom: 0; text-align: center; padding: 3px;
  font-size: 12px; line-height: 16px; color: #fdba74; background: #000; pointer-events: none;}
.vm-scroll {overflow-x: auto;}
.vm-table {width: 100%; border-collapse: collapse; font-size: .92rem; margin: .3rem 0 .8rem;
  border: 0 !important;}
.vm-table tr {border: 0 !important;}
.vm-table caption {text-align: left; font-weight: 600; padding: 4px 0;}
.vm-table th, .vm-table td {padding: 5px 8px !important; text-align: left; vertical-align: top;
  border: 0 !important; border-bottom: 1px solid var(--border-color-primary) !important;}
.vm-switches, .vm-switches .form {flex-flow: row wrap !important;}
.vm-switches .form {background: var(--block-background-fill) !important;
  justify-content: flex-start !important; gap: 0 !important;}
.vm-switches .form > * {flex: 0 1 auto !important; width: auto !important;
  min-width: max-content !important;}
#vm-drop, #vm-status, #vm-warnings, #vm-viewer {padding: 0 !important;}
#vm-drop:has([hidden]) {display: none;}
#vm-files .wrap, #vm-files button {color: var(--body-text-color);}
.vm-clash td {background: #b45309; color: #fff;}
.vm-bar {width: 45%;} .vm-bar i {display: block; height: .8em; background: #0d9488;
  border-radius: 2px; min-width: 1px;}
.vm-similar {display: flex; gap: 10px; overflow-x: auto;}
.vm-similar figure {margin: 0; width: 112px; flex: none; font-size: .78rem;}
.vm-similar img {height: 120px; width: 112px; object-fit: contain; background: #000; margin: 0;}
.vm-details {margin: 6px 0;} .vm-details summary {cursor: pointer; font-weight: 600;}
.vm-warnings {border-left: 4px solid #d97706; padding: 6px 10px 6px 26px; margin: 6px 0;
  background: color-mix(in srgb, #d97706 14%, transparent); list-style: disc;}
.vm-refused {border-left: 4px solid #dc2626; padding: 6px 10px 6px 26px; margin: 6px 0;
  background: color-mix(in srgb, #dc2626 12%, transparent); list-style: disc;}
.vm-progress {margin: 4px 0;} .vm-hint {margin: 6px 0; line-height: 1.45;}
.vm-foot {font-size: .85rem; opacity: .85; margin: 8px 0;}
.vm-keys {font-size: .85rem; opacity: .9;}
#vm-suggest button {white-space: normal; text-align: left; font-weight: 400;}
#vm-title h1 {margin: 0; font-size: 1.4rem;} #vm-title p {margin: 2px 0;}
@media (max-width: 720px) {.vm-view {height: 62vh;}
  .gradio-container {padding: 50px 6px 8px !important;}}
footer {display: none !important;}
"""

# zoom with the wheel or + and -, move by dragging or with the arrows, reset by double click or 0
SCRIPT = """
<script>
(() => {
  const views = new WeakMap();
  const state = (el) => views.get(el) || (views.set(el, {k: 1, x: 0, y: 0}), views.get(el));
  const paint = (el) => {
    const s = state(el), img = el.querySelector('img');
    if (img) img.style.transform = `translate(${s.x}px, ${s.y}px) scale(${s.k})`;
  };
  const zoom = (el, factor, cx, cy) => {
    const s = state(el), img = el.querySelector('img');
    if (!img) return;
    const r = img.getBoundingClientRect(), k = Math.min(12, Math.max(1, s.k * factor));
    const px = (cx ?? r.left + r.width / 2) - r.left, py = (cy ?? r.top + r.height / 2) - r.top;
    s.x -= px * (k / s.k - 1); s.y -= py * (k / s.k - 1); s.k = k;
    if (k === 1) { s.x = 0; s.y = 0; }
    paint(el);
  };
  const view = (e) => e.target.closest && e.target.closest('.vm-view');
  addEventListener('wheel', (e) => {
    const el = view(e); if (!el) return;
    e.preventDefault(); zoom(el, e.deltaY < 0 ? 1.15 : 1 / 1.15, e.clientX, e.clientY);
  }, {passive: false});
  let held = null;
  addEventListener('pointerdown', (e) => {
    const el = view(e); if (el) held = [el, e.clientX, e.clientY];
  });
  addEventListener('pointerup', () => { held = null; });
  addEventListener('pointermove', (e) => {
    if (!held) return;
    const s = state(held[0]); s.x += e.clientX - held[1]; s.y += e.clientY - held[2];
    held = [held[0], e.clientX, e.clientY]; paint(held[0]);
  });
  addEventListener('dblclick', (e) => {
    const el = view(e); if (el) { views.set(el, {k: 1, x: 0, y: 0}); paint(el); }
  });
  const boxes = {i: 'vm-invert', o: 'vm-outline', b: 'vm-boxes', h: 'vm-heat', p: 'vm-true'};
  addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.target.closest && e.target.closest('input, textarea, select, [contenteditable]')) return;
    const el = document.querySelector('.vm-view'); if (!el) return;
    const s = state(el), step = 60;
    const moves = {
      ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step],
    };
    if (boxes[e.key]) document.querySelector(`#${boxes[e.key]} input`)?.click();
    else if (e.key === '/') {
      e.preventDefault(); document.querySelector('#vm-question textarea')?.focus();
    }
    else if (e.key === '+' || e.key === '=') zoom(el, 1.25);
    else if (e.key === '-') zoom(el, 0.8);
    else if (e.key === '0') { views.set(el, {k: 1, x: 0, y: 0}); paint(el); }
    else if (moves[e.key] && document.activeElement === el) {
      e.preventDefault(); s.x += moves[e.key][0]; s.y += moves[e.key][1]; paint(el);
    }
  });
})();
</script>
"""
# a dropped folder is no file: Gradio would try to send it, and fail
FOLDERS = """
<script>
(() => {
  const MOST = MOST_FILES;
  const say = (words) => {
    const line = document.querySelector('#vm-dropped');
    if (line) { line.textContent = words; line.hidden = !words; }
  };
  const inside = async (entries, found = []) => {  // the files among them and in their folders
    for (const entry of entries) {
      if (found.length > MOST) throw new RangeError();
      if (entry.isFile) { found.push(entry); continue; }
      const reader = entry.createReader();
      for (;;) {  // a reader tells a hundred entries at a time
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) break;
        await inside(some, found);
      }
    }
    if (found.length > MOST) throw new RangeError();
    return found;
  };
  const opened = (entry) => new Promise((done, fail) => entry.file(done, fail));
  const send = (box, files) => {
    const input = box.querySelector('input[type=file]');
    if (!files.length) return say('The folder holds no files.');
    if (!input) return say('Wait until the files before are read, then drop the folder again.');
    const carried = new DataTransfer();
    files.forEach((file) => carried.items.add(file));
    input.files = carried.files;
    input.dispatchEvent(new Event('change', {bubbles: true}));
  };
  addEventListener('drop', async (e) => {
    const box = e.target.closest && e.target.closest('#vm-files'); if (!box) return;
    say('');
    const entries = [...e.dataTransfer.items].map((item) => item.webkitGetAsEntry?.());
    if (!entries.some((entry) => entry?.isDirectory)) return;
    e.preventDefault(); e.stopImmediatePropagation();
    e.target.dispatchEvent(new DragEvent('dragleave', {bubbles: true}));
    try {
      const found = await inside(entries.filter(Boolean));
      send(box, await Promise.all(found.map(opened)));
    } catch (error) {
      say(error instanceof RangeError
        ? `The folder holds more than ${MOST} files; drop fewer.`
        : 'The browser may not read this folder; use “Open a folder”, or drop its files.');
    }
  }, true);
  const fetched = window.fetch;
  window.fetch = async (...asked) => {
    try { return await fetched(...asked); } catch (error) {
      if (!/\\/upload\\b/.test(String(asked[0]?.url ?? asked[0]))) throw error;
      throw new Error('The files could not be sent: one may not be read, or the server stopped.');
    }
  };
})();
</script>
""".replace("MOST_FILES", str(Limits().members))
TURN_DARK = "() => { document.body.classList.toggle('dark'); }"
# in the tab only: it outlives a reload, and neither the tab nor the browser
KEEP_TOKEN = "(token) => { sessionStorage.setItem('versamammo-exam', token ?? ''); }"
KEPT_TOKEN = "() => [sessionStorage.getItem('versamammo-exam') || '']"
