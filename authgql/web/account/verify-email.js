// Opening the link does nothing: mail scanners open links too. Only the button confirms the address.

import { ask, Problem, tooMany } from './api.js';
import { takeToken } from './link.js';
import { complain, conclude, show, stopComplaining, whileBusy } from './views.js';

const VERIFY = `mutation VerifyEmail($token: String!) {
  verifyEmail(token: $token) {
    __typename
    ... on VerifyEmailSuccess { user { username } }
    ... on RateLimited { retryAfter }
  }
}`;

const token = takeToken();
const button = document.getElementById('confirm');

async function confirm() {
  stopComplaining();
  try {
    answer((await ask(VERIFY, { token })).verifyEmail);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    complain(error.message);
  }
}

function answer(result) {
  switch (result.__typename) {
    case 'VerifyEmailSuccess':
      document.getElementById('username').textContent = result.user.username;
      return conclude('done');
    case 'RateLimited':
      return complain(tooMany(result.retryAfter));
    default:
      return conclude('gone');
  }
}

button.addEventListener('click', () => whileBusy(button, confirm));
if (token) show('ask');
else conclude('missing');
