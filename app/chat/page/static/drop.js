// Files and folders may be dropped anywhere. A dropped folder is no file: Gradio would try to send
// it, and fail, so the files in it are looked up here and handed over as if they had been chosen.
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
  const send = (files) => {
    const input = document.querySelector('#vm-files input[type=file]');
    if (!files.length) return say('The folder holds no files.');
    if (!input) return say('Wait until the files before are read, then drop these again.');
    const carried = new DataTransfer();
    files.forEach((file) => carried.items.add(file));
    input.files = carried.files;
    input.dispatchEvent(new Event('change', {bubbles: true}));
  };
  const hint = (on) => document.body.classList.toggle('vm-dropping', on);
  const carries = (e) => [...(e.dataTransfer?.types ?? [])].includes('Files');
  for (const kind of ['dragenter', 'dragover']) {
    addEventListener(kind, (e) => {
      if (!carries(e)) return;
      e.preventDefault(); e.stopImmediatePropagation();
      hint(true);
    }, true);
  }
  addEventListener('dragleave', (e) => { if (!e.relatedTarget) hint(false); }, true);
  addEventListener('drop', async (e) => {
    const items = [...(e.dataTransfer?.items ?? [])];
    const entries = items.map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    if (!entries.length && !carries(e)) return;  // words that are dragged into a box
    e.preventDefault(); e.stopImmediatePropagation();
    hint(false);
    say('');
    const plain = [...(e.dataTransfer.files ?? [])];
    try {
      const folders = entries.some((entry) => entry.isDirectory);
      send(folders ? await Promise.all((await inside(entries)).map(opened)) : plain);
    } catch (error) {
      say(error instanceof RangeError
        ? `The folder holds more than ${MOST} files; drop fewer.`
        : 'The browser may not read this folder; use “Open a folder”, or drop its files.');
    }
  }, true);
  const fetched = window.fetch;
  window.fetch = async (...asked) => {
    try { return await fetched(...asked); } catch (error) {
      if (!/\/upload\b/.test(String(asked[0]?.url ?? asked[0]))) throw error;
      throw new Error('The files could not be sent: one may not be read, or the server stopped.');
    }
  };
})();
