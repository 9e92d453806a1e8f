// Tokens that are worth nothing without a key that never leaves this browser (DPoP, RFC 9449).
//
//   const { login, logout, fetchGraphQL } = connect('https://auth.example/graphql');
//
// The address must be the server's AUTHGQL_PUBLIC_URL with /graphql: every proof is for that address alone.
// Key and tokens are kept in IndexedDB, so that all tabs share one session and a reload keeps it.

const DATABASE = 'authgql';
const STORE = 'dpop';
const LOCK = 'authgql-tokens';
const TIMEOUT_MS = 20_000;
const CLOCK_TOLERANCE_MS = 30_000;

const TOKENS = 'tokens { accessToken tokenType expiresIn refreshToken }';
const LOGIN = `mutation Login($input: LoginInput!) {
  login(input: $input) {
    __typename
    ... on LoginSuccess { user { id username } ${TOKENS} }
    ... on Refusal { code message }
  }
}`;
const REFRESH = `mutation Refresh($input: RefreshInput!) {
  refresh(input: $input) {
    __typename
    ... on RefreshSuccess { ${TOKENS} }
    ... on Refusal { code message }
  }
}`;
const LOGOUT = 'mutation Logout { logout { __typename } }';

export function connect(endpoint) {
  const url = new URL(endpoint, location.href);
  let nonce; // the server's newest, to be shown in every proof
  let clockOffset = 0; // how many milliseconds the server's clock is ahead of ours

  // Resolves to LoginSuccess, or to a refusal with `code` and `message`.
  function login(username, password) {
    return navigator.locks.request(LOCK, async () => {
      const result = dataOf(await send(LOGIN, { input: { username, password } })).login;
      if (result.__typename === 'LoginSuccess') await keep(result.tokens);
      return result;
    });
  }

  // The key goes with the session: the next account in this browser gets another one.
  async function logout() {
    try {
      await fetchGraphQL(LOGOUT);
    } finally {
      await navigator.locks.request(LOCK, forgetAll);
    }
  }

  // Resolves to the answer, `{ data, errors }`, of whoever is signed in.
  async function fetchGraphQL(query, variables) {
    let tokens = await read('tokens');
    if (tokens && tokens.refreshAt < Date.now()) tokens = await refresh(tokens);
    const answer = await send(query, variables, tokens);
    if (!tokens || !isNobodys(answer)) return answer;
    const renewed = await refresh(tokens);
    return renewed ? send(query, variables, renewed) : answer;
  }

  // One tab refreshes, the others wait for what it gets. Resolves to nothing when the session is over.
  function refresh(stale) {
    return navigator.locks.request(LOCK, async () => {
      const tokens = await read('tokens');
      if (tokens?.accessToken !== stale.accessToken) return tokens;
      const input = { refreshToken: tokens.refreshToken };
      const result = dataOf(await send(REFRESH, { input })).refresh;
      if (result.__typename === 'RefreshSuccess') return keep(result.tokens);
      if (result.code !== 'INVALID_TOKEN') throw new Error(result.message);
      await forgetAll();
      return undefined;
    });
  }

  // A proof is checked before anything is done, so that a request refused for its nonce or its time may
  // be sent again; once, because the second refusal has another cause.
  async function send(query, variables, tokens) {
    const first = await post(query, variables, tokens);
    return first.mayRepeat ? (await post(query, variables, tokens)).answer : first.answer;
  }

  async function post(query, variables, tokens) {
    const headers = {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      dpop: await proof(tokens?.accessToken),
    };
    if (tokens) headers.authorization = `DPoP ${tokens.accessToken}`;
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query, variables }),
      credentials: 'omit', // an access token in a cookie would need an `ath` that no script can make
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const clockMoved = learnFrom(response);
    const answer = await response.json();
    const refused = answer.errors?.find((error) => error.extensions?.code === 'INVALID_DPOP_PROOF');
    const mayRepeat = refused && (refused.extensions.reason === 'use_dpop_nonce' || clockMoved);
    return { answer, mayRepeat };
  }

  function learnFrom(response) {
    nonce = response.headers.get('dpop-nonce') ?? nonce;
    const ahead = Date.parse(response.headers.get('date')) - Date.now() - clockOffset;
    if (!(Math.abs(ahead) > CLOCK_TOLERANCE_MS)) return false; // nor is a date that cannot be seen
    clockOffset += ahead;
    return true;
  }

  // For clients with a transport of their own: the value of the `DPoP` header of one request.
  async function proof(accessToken) {
    const claims = {
      jti: crypto.randomUUID(),
      htm: 'POST',
      htu: url.origin + url.pathname,
      iat: Math.floor((Date.now() + clockOffset) / 1000),
    };
    if (accessToken) claims.ath = base64url(await crypto.subtle.digest('SHA-256', bytes(accessToken)));
    if (nonce) claims.nonce = nonce;
    return sign(await keyPair(), claims);
  }

  return { login, logout, fetchGraphQL, proof };
}

// ---------------------------------------------------------------- the key

async function keyPair() {
  return (await read('key')) ?? navigator.locks.request(`${LOCK}-key`, makeKey);
}

// Not extractable: a script that was smuggled into the page can sign while the page is open,
// but cannot take the key away.
async function makeKey() {
  const made = await read('key'); // by another tab, while this one waited for the lock
  if (made) return made;
  const key = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  await write('key', key);
  return key;
}

async function sign({ privateKey, publicKey }, claims) {
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } };
  const message = [header, claims].map((part) => base64url(bytes(JSON.stringify(part)))).join('.');
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, bytes(message));
  return `${message}.${base64url(signature)}`;
}

function bytes(text) {
  return new TextEncoder().encode(text);
}

function base64url(buffer) {
  const text = btoa(String.fromCharCode(...new Uint8Array(buffer)));
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

// ---------------------------------------------------------------- answers

function dataOf(answer) {
  if (answer.data) return answer.data;
  throw new Error(answer.errors?.[0]?.message ?? 'The server did not answer.');
}

// A token that is no longer good (it expired, or its signing key was retired) is nobody's: an error at a
// field that needs somebody, and null at those that tell who is signed in.
function isNobodys({ data, errors }) {
  if (data?.me === null || data?.currentSession === null) return true;
  const nothing = Object.values(data ?? {}).every((value) => value === null);
  return nothing && Boolean(errors?.some((error) => error.extensions?.code === 'UNAUTHENTICATED'));
}

// ---------------------------------------------------------------- what all tabs share

async function keep({ accessToken, tokenType, expiresIn, refreshToken }) {
  // Without the binding, whoever reads the token could use it anywhere (RFC 9449 section 5).
  if (tokenType !== 'DPoP') throw new Error('The server did not bind the tokens to our key.');
  const tokens = { accessToken, refreshToken, refreshAt: Date.now() + expiresIn * 900 }; // a tenth early
  await write('tokens', tokens);
  return tokens;
}

function read(name) {
  return inStore('readonly', (store) => store.get(name));
}

function write(name, value) {
  return inStore('readwrite', (store) => store.put(value, name));
}

function forgetAll() {
  return inStore('readwrite', (store) => store.clear());
}

async function inStore(mode, use) {
  const database = await openDatabase();
  try {
    const transaction = database.transaction(STORE, mode);
    const request = use(transaction.objectStore(STORE));
    await new Promise((resolve, reject) => {
      transaction.oncomplete = resolve;
      transaction.onabort = () => reject(transaction.error);
    });
    return request.result;
  } finally {
    database.close();
  }
}

function openDatabase() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(DATABASE, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(STORE);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
