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
#vm-viewer {height: var(--vm-viewer-height, min(78vh, 900px)); min-height: 320px;}
#vm-viewer > *, #vm-viewer .html-container, #vm-viewer .prose {height: 100%;}
.vm-scroll {overflow-x: auto;}
.vm-table {width: 100%; border-collapse: collapse; font-size: .92rem; margin: .3rem 0 .8rem;
  border: 0 !important;}
.vm-table tr {border: 0 !important;}
.vm-table caption {text-align: left; font-weight: 600; padding: 4px 0;}
.vm-table th, .vm-table td {padding: 5px 8px !important; text-align: left; vertical-align: top;
  border: 0 !important; border-bottom: 1px solid var(--border-color-primary) !important;}
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
#vm-suggest button {white-space: normal; text-align: left; font-weight: 400;}
#vm-title h1 {margin: 0; font-size: 1.4rem;} #vm-title p {margin: 2px 0;}
@media (max-width: 720px) {#vm-viewer {--vm-viewer-height: 62vh;}
  .gradio-container {padding: 50px 6px 8px !important;}}
footer {display: none !important;}
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
