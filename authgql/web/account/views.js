// One view of the page at a time; what changes is told to those who do not see the page.

const problem = document.getElementById('problem');

export function show(name) {
  for (const view of document.querySelectorAll('[data-view]')) {
    view.hidden = view.dataset.view !== name;
  }
}

export function isShown(name) {
  return !document.querySelector(`[data-view="${name}"]`).hidden;
}

export function conclude(name) {
  show(name);
  const heading = document.querySelector(`[data-view="${name}"] h1`);
  document.title = heading.textContent;
  heading.focus(); // the button that had the focus is gone; a screen reader goes on from here
}

export function complain(message, hints = []) {
  const words = document.createElement('p');
  words.textContent = message;
  problem.replaceChildren(words);
  if (hints.length === 0) return;
  const list = document.createElement('ul');
  for (const hint of hints) {
    const item = document.createElement('li');
    item.textContent = hint;
    list.append(item);
  }
  problem.append(list);
}

export function stopComplaining() {
  problem.replaceChildren();
}

// A busy button keeps the focus, which a disabled one would lose, but does nothing more.
export async function whileBusy(button, work) {
  if (button.getAttribute('aria-disabled') === 'true') return;
  button.setAttribute('aria-disabled', 'true');
  try {
    await work();
  } finally {
    button.removeAttribute('aria-disabled');
  }
}

document.getElementById('site').textContent = location.host;
