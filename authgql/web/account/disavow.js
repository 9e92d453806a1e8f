// Opening the link does nothing: mail scanners open links too. Only the button signs anybody out.

import { ask, Problem, tooMany } from './api.js';
import { takeToken } from './link.js';
import { complain, conclude, show, stopComplaining, whileBusy } from './views.js';

const DISAVOW = `mutation DisavowSession($token: String!) {
  disavowSession(token: $token) {
    __typename
    ... on SessionTerminated { session { device { name } } }
    ... on RateLimited { retryAfter }
  }
}`;

const token = takeToken();
const button = document.getElementById('disavow');

async function disavow() {
  stopComplaining();
  try {
    answer((await ask(DISAVOW, { token })).disavowSession);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    complain(error.message);
  }
}

function answer(result) {
  switch (result.__typename) {
    case 'SessionTerminated':
      document.getElementById('device').textContent = result.session.device.name;
      return conclude('done');
    case 'RateLimited':
      return complain(tooMany(result.retryAfter));
    default:
      return conclude('gone');
  }
}

button.addEventListener('click', () => whileBusy(button, disavow));
if (token) show('ask');
else conclude('missing');
