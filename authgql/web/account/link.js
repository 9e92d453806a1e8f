// The secret of a mailed link is read once and leaves the address bar before anything else happens:
// whoever looks at the screen, the history or a shared tab later does not find it.

export function takeToken() {
  const token = new URLSearchParams(location.hash.slice(1)).get('token') ?? '';
  history.replaceState(null, '', location.pathname);
  // A second link opened in this tab differs by its fragment alone, which loads no page by itself.
  addEventListener('hashchange', () => location.reload());
  return token;
}
