// Asking whether the link is still good does not use it up; only setting the password does.

import { ask, Problem, tooMany } from './api.js';
import { takeToken } from './link.js';
import { complain, conclude, isShown, show, stopComplaining, whileBusy } from './views.js';

const LOOK = `query PasswordResetToken($token: String!) {
  passwordResetToken(token: $token) { __typename }
}`;

const RESET = `mutation ResetPassword($input: ResetPasswordInput!) {
  resetPassword(input: $input) {
    __typename
    ... on WeakPassword { message suggestions }
    ... on RateLimited { retryAfter }
  }
}`;

const token = takeToken();
const form = document.getElementById('form');
const password = document.getElementById('password');
const again = document.getElementById('again');
const save = document.getElementById('save');
const toggle = document.getElementById('toggle');

async function look() {
  try {
    const { passwordResetToken } = await ask(LOOK, { token });
    // A slow answer must not overwrite the news that this very page used the link up.
    if (passwordResetToken.__typename === 'InvalidToken' && isShown('ask')) conclude('gone');
  } catch (error) {
    // Being told early is a courtesy; the button will say what is wrong, if it still is.
    if (!(error instanceof Problem)) throw error;
  }
}

async function reset() {
  stopComplaining();
  if (!filledIn()) return;
  try {
    answer((await ask(RESET, { input: { token, newPassword: password.value } })).resetPassword);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    complain(error.message);
  }
}

function filledIn() {
  mark(password, password.value === '' ? 'Type a new password.' : '');
  mark(again, password.value === again.value ? '' : 'The two passwords are not the same.');
  const wrong = [password, again].find((field) => field.getAttribute('aria-invalid') === 'true');
  wrong?.focus();
  return wrong === undefined;
}

function mark(field, message) {
  const words = document.getElementById(`${field.id}-wrong`);
  words.textContent = message;
  words.hidden = message === '';
  field.setAttribute('aria-invalid', String(message !== ''));
}

function answer(result) {
  switch (result.__typename) {
    case 'PasswordReset':
      form.reset();
      return conclude('done');
    case 'WeakPassword':
      complain(result.message, result.suggestions);
      password.setAttribute('aria-invalid', 'true');
      return password.focus();
    case 'RateLimited':
      return complain(tooMany(result.retryAfter));
    default:
      form.reset();
      return conclude('gone');
  }
}

function reveal() {
  const hidden = password.type === 'text';
  password.type = again.type = hidden ? 'password' : 'text';
  toggle.textContent = hidden ? 'Show passwords' : 'Hide passwords';
}

toggle.addEventListener('click', reveal);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  whileBusy(save, reset);
});
for (const field of [password, again]) field.addEventListener('input', () => mark(field, ''));

if (token) {
  show('ask');
  look();
} else {
  conclude('missing');
}
