import { connect } from './dpop.js';

const { login, logout, fetchGraphQL } = connect('/graphql');

const form = document.querySelector('form');
const button = document.querySelector('#logout');
const status = document.querySelector('[role=status]');

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { username, password } = Object.fromEntries(new FormData(form));
  const result = await login(username, password).catch((error) => error);
  if (result.__typename === 'LoginSuccess') await show();
  else status.textContent = result.message;
});

button.addEventListener('click', async () => {
  await logout().catch(() => {}); // away or not, this browser has forgotten its key
  await show();
});

async function show() {
  const { data } = await fetchGraphQL('query Me { me { username } }');
  form.hidden = Boolean(data?.me);
  button.hidden = !data?.me;
  status.textContent = data?.me ? `Signed in as ${data.me.username}` : 'Not signed in';
}

await show();
