// Keeps the page of a local stack current. Every link and form works without it, too.

const everyMs = 1_000;
const main = document.getElementById('main');
const notice = document.getElementById('notice');
const dialog = document.getElementById('detail');

/** Replaces what has changed; what has the focus keeps it, and what is selected stays. */
function replaceSection(element, text) {
  if (element.dataset.text === text) return;
  const selection = document.getSelection();
  if (selection && !selection.isCollapsed && element.contains(selection.anchorNode)) return;
  const focused = element.contains(document.activeElement) ? nameOf(document.activeElement) : undefined;
  const open = [...element.querySelectorAll('[id] > details[open]')].map(({ parentElement: { id } }) => id);
  element.innerHTML = text;
  element.dataset.text = text;
  for (const id of open) document.getElementById(id)?.querySelector('details')?.setAttribute('open', '');
  if (focused === undefined) return;
  const all = [...element.querySelectorAll('a, button, input, summary, [tabindex]')];
  all.find((one) => nameOf(one) === focused)?.focus({ preventScroll: true });
}

/** What an element that can have the focus is known by after it was drawn again. */
function nameOf(element) {
  const attributes = ['href', 'name', 'value', 'data-copy'].map((name) => element.getAttribute(name));
  return JSON.stringify([element.tagName, element.closest('form')?.action, attributes, element.textContent]);
}

/** Says it where it is seen and read out: what lies behind an open dialog is neither. */
function notify(text) {
  (dialog.open ? dialog.querySelector('.notice') : notice).textContent = text;
}

/** Draws what has changed: the sections of the first page, the whole content of each other one. */
async function refresh() {
  const state = document.getElementById('state');
  try {
    await (document.querySelector('[data-section]') ? refreshSections() : redraw());
    setState(state, '● running', 'good');
  } catch {
    setState(state, '○ not running', 'bad');
  }
}

async function refreshSections() {
  const response = await fetch(`/sections${location.search}`);
  if (!response.ok) throw new Error(`${response.status}`);
  for (const [id, text] of Object.entries(await response.json())) {
    const element = document.getElementById(id);
    if (element) replaceSection(element, text);
  }
}

/** What is no longer kept stays as it was drawn. */
async function redraw() {
  const response = await fetch(`${location.pathname}?fragment`);
  const text = await response.text();
  if (response.status === 200) replaceSection(main, text);
}

/** A live region is announced when it is written, so it is written only when it changes. */
function setState(element, text, tone) {
  if (element.textContent === text) return;
  element.textContent = text;
  element.className = tone;
}

async function keepCurrent() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

document.addEventListener('submit', async (event) => {
  const form = event.target;
  if (!form.matches('form[data-live]')) return;
  event.preventDefault();
  const button = event.submitter;
  const body = new URLSearchParams(new FormData(form, button));
  button?.setAttribute('aria-busy', 'true');
  try {
    const response = await fetch(form.action, { method: 'POST', body, headers: { accept: 'text/plain' } });
    notify(await response.text());
    if (form.matches('[data-reload]')) await redraw();
  } catch {
    notify('The stack does not answer.');
  } finally {
    button?.removeAttribute('aria-busy');
  }
});

document.addEventListener('click', async (event) => {
  const copy = event.target.closest?.('[data-copy]');
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    notify(`Copied ${copy.dataset.copy}`);
    return;
  }
  const link = event.target.closest?.('a[data-detail]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return;
  event.preventDefault();
  const response = await fetch(`${link.href}?fragment`);
  dialog.querySelector('div').innerHTML =
    response.status === 200 ? await response.text() : 'It is no longer kept.';
  dialog.querySelector('.notice').textContent = '';
  dialog.showModal();
});

keepCurrent();
