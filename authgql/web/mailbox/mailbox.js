// New mails appear by themselves: the list is fetched again every few seconds while somebody looks at it, and
// put in place only when it differs, so that focus and scrolling stay where they are.

const PAUSE = 2_000; // milliseconds

async function refresh() {
  const answer = await fetch(location.href, { cache: 'no-store' });
  if (!answer.ok) return;
  const page = new DOMParser().parseFromString(await answer.text(), 'text/html');
  const fresh = page.getElementById('mails');
  const shown = document.getElementById('mails');
  if (!fresh || fresh.innerHTML === shown.innerHTML) return;
  const focused = document.activeElement?.getAttribute('href');
  shown.querySelector('#count').textContent = fresh.querySelector('#count').textContent; // the live region stays
  fresh.querySelector('.heading').replaceWith(shown.querySelector('.heading'));
  shown.replaceChildren(...fresh.childNodes);
  if (focused) shown.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
}

setInterval(() => {
  if (!document.hidden) refresh().catch(() => {}); // a restarting server is no news
}, PAUSE);
