// What the page does in the browser: its keys, its sheets, and where the talk is scrolled to.
(() => {
  const one = (selector, within = document) => within.querySelector(selector);
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  const narrow = matchMedia('(max-width: 900px)');
  const glide = () => (calm.matches ? 'auto' : 'smooth');
  const dark = 'versamammo-dark';  // the visitor's choice, kept where the browser lets it be
  const question = () => one('#vm-question textarea');

  // light and dark
  const paint = () => {
    let chosen = null;
    try { chosen = localStorage.getItem(dark); } catch { /* nothing may be kept here */ }
    if (chosen) document.body.classList.toggle('dark', chosen === 'yes');
  };
  const turnDark = () => {
    const now = document.body.classList.toggle('dark');
    try { localStorage.setItem(dark, now ? 'yes' : 'no'); } catch { /* the same */ }
  };

  // the sheet for another exam
  const another = () => one('#vm-another');
  const open = (wanted, back = false) => {
    document.body.classList.toggle('vm-opening', wanted);
    another()?.setAttribute('aria-expanded', String(wanted));
    if (wanted) one('#vm-intake button')?.focus();
    else if (back) another()?.focus();
  };
  const isOpen = () => document.body.classList.contains('vm-opening');

  // the list of keys: the light box shows its own, to which the page's are added
  const showKeys = () => {
    if (document.querySelector('dialog[open]')) return;
    if (window.vmLightBox?.scene) {
      document.body.dispatchEvent(new KeyboardEvent('keydown', {key: '?', bubbles: true}));
    } else one('#vm-keys')?.showModal();
  };
  const addKeys = () => {
    const list = one('#vm-lightbox .vmx-keys:not([data-page])');
    const rows = [...document.querySelectorAll('#vm-keys dt')];
    if (!list) return;
    list.dataset.page = 'added';
    const shown = [...list.querySelectorAll('dt')].map((key) => key.textContent);
    for (const key of rows.filter((one) => !shown.includes(one.textContent))) {
      const row = document.createElement('div');
      const mark = document.createElement('kbd');
      mark.textContent = key.textContent;
      const name = document.createElement('dt');
      name.append(mark);
      row.append(name, key.nextElementSibling.cloneNode(true));
      list.append(row);
    }
  };

  addEventListener('click', (e) => {
    const at = (selector) => e.target.closest?.(selector);
    if (at('#vm-another')) open(!isOpen());
    else if (at('#vm-help')) showKeys();
    else if (at('#vm-dark')) turnDark();
    else if (at('#vm-keys button')) one('#vm-keys').close();
    else if (isOpen() && !at('#vm-intake')) open(false);
    const skip = at('.vm-skip');
    if (skip) {
      e.preventDefault();
      const target = one(skip.getAttribute('href'));
      (one('textarea', target) ?? one('[tabindex="0"], button', target) ?? target)?.focus();
    }
    const tab = at('#vm-panels [role=tab]');
    if (tab) bringUp(one('#vm-panels'));
  });
  // a panel that was asked for comes into view, and part of the picture stays
  const bringUp = (panels) => {
    const top = panels.getBoundingClientRect().top;
    const wanted = Math.round(innerHeight * 0.45);
    if (top > wanted) scrollBy({top: top - wanted, behavior: glide()});
  };

  // a key that the light box takes: on itself, or while nothing has the focus
  const ofLightBox = (e) => window.vmLightBox?.scene
    && (!e.target.closest?.('main') || e.target.closest('#vm-lightbox'));
  const typing = (e) => e.target.closest?.('input, textarea, select, [contenteditable]');
  addEventListener('keydown', (e) => {
    if (e.key === 'Escape' && isOpen()) open(false, true);
    if (e.ctrlKey || e.metaKey || e.altKey || typing(e)) return;
    if (e.key === '?' && e.isTrusted && !ofLightBox(e)) { e.preventDefault(); showKeys(); }
    else if (e.key === '/') { e.preventDefault(); question()?.focus(); }
    else if (e.key === 'd' || e.key === 'D') turnDark();
    else if ((e.key === 'n' || e.key === 'N') && one('.vm-exam')) {
      e.preventDefault();
      open(true);
    }
  });

  // the talk: the question that was asked last stands on top, its answer's first line below it,
  // until the visitor scrolls
  const talk = {count: 0, following: false};
  const follow = () => {
    const asked = [...document.querySelectorAll('#vm-chat [role=log] .user-row')];
    const last = asked[asked.length - 1];
    const more = asked.length > talk.count && asked.length > 1;  // the first is the pictures
    talk.count = asked.length;
    if (more) talk.following = true;
    if (!talk.following || !last) return;
    const box = scroller(last);
    if (box) {
      const top = last.getBoundingClientRect().top - box.getBoundingClientRect().top;
      if (Math.abs(top - 8) > 2) box.scrollTop += top - 8;
    } else if (narrow.matches) {  // again while the answer grows: the page was too short for it
      const below = (one('#vm-bar')?.offsetHeight ?? 0) + (one('#vm-verdict')?.offsetHeight ?? 0);
      const top = last.getBoundingClientRect().top - below - 16;
      if (Math.abs(top) > 2) scrollBy({top, behavior: glide()});
    }
  };
  for (const kind of ['wheel', 'touchmove', 'pointerdown']) {
    addEventListener(kind, (e) => {
      if (narrow.matches || e.target.closest?.('#vm-chat')) talk.following = false;
    }, {passive: true});
  }
  const scroller = (element) => {
    for (let box = element.parentElement; box && box.id !== 'vm-talk'; box = box.parentElement) {
      const style = getComputedStyle(box).overflowY;
      if ((style === 'auto' || style === 'scroll') && box.clientHeight > 0
        && box.scrollHeight > box.clientHeight + 4) return box;
    }
    return null;
  };

  // an answer is copied as it is read, without its folded record
  addEventListener('click', (e) => {
    const buttons = e.target.closest?.('#vm-chat button[title="Copy message"]')
      ?.closest('.message-buttons, .message-buttons-right, .message-buttons-left');
    const row = buttons?.previousElementSibling ?? buttons?.closest('.message-row');
    if (!row || !one('.vm-record', row)) return;
    e.stopImmediatePropagation();
    const copy = row.cloneNode(true);
    copy.querySelectorAll('.vm-record, button').forEach((part) => part.remove());
    navigator.clipboard.writeText(copy.textContent.trim());
  }, true);

  // a page that the browser had put aside has lost its line to the server
  addEventListener('pageshow', (e) => { if (e.persisted) location.reload(); });

  // the sheet closes once the light box holds another exam
  let held = null;
  const closeSheet = () => {
    const now = window.vmLightBox?.scene ?? null;
    if (now !== held) open(false);
    held = now;
  };

  let waiting = false;
  const look = () => {
    waiting = false;
    closeSheet();
    follow();
    addKeys();
    window.versamammoNames?.();
  };
  const start = () => {
    paint();
    open(false);
    new MutationObserver(() => {
      if (!waiting) { waiting = true; requestAnimationFrame(look); }
    }).observe(document.body, {childList: true, subtree: true});
    look();
  };
  if (document.readyState === 'loading') addEventListener('DOMContentLoaded', start);
  else start();
})();
