// Tells good access tokens from bad ones without asking authgql for each: signatures are checked with the
// published keys, and sessions that were ended since are known from the published revocations.

import { createRemoteJWKSet, jwtVerify } from 'jose';

const ALGORITHMS = ['ES256', 'EdDSA'];

export class Verifier {
  #keys;
  #options;
  #revoked = new Map(); // session id → the second after which no token of it is good anyway
  #since;

  // `url` is where authgql answers, `issuer` its public URL if that is another.
  constructor({ url, issuer = url, audience = 'authgql', interval = 500 }) {
    // On an unknown key id the set is fetched anew, but not more often than this.
    this.#keys = createRemoteJWKSet(new URL(`${url}/.well-known/jwks.json`), { cooldownDuration: 5_000 });
    this.#options = { url, issuer, audience, interval };
  }

  // Learns what was revoked so far, then goes on learning. Rejects if authgql cannot be reached at the start.
  async start() {
    await this.#follow();
    this.#again();
  }

  // Resolves with the claims of a good token, and rejects any other.
  async verify(token) {
    const { issuer, audience } = this.#options;
    const { payload } = await jwtVerify(token, this.#keys, {
      issuer,
      audience,
      typ: 'at+jwt',
      algorithms: ALGORITHMS,
      requiredClaims: ['exp', 'sub', 'sid'],
    });
    // Bound to a key (DPoP): whoever shows it here proves nothing, and may have copied it.
    if (payload.cnf) throw new Error('The token is bound to a key, and no proof of it is checked here.');
    if (this.#revoked.has(payload.sid)) throw new Error('The session was ended.');
    return payload;
  }

  async #follow() {
    let page;
    do {
      page = await this.#page();
      for (const { sid, exp } of page.revoked) this.#revoked.set(sid, exp);
      this.#since = page.next;
    } while (page.more);
    const now = Date.now() / 1000;
    for (const [sid, exp] of this.#revoked) if (exp < now) this.#revoked.delete(sid);
  }

  async #page() {
    const { url, issuer } = this.#options;
    const since = this.#since ? `?since=${this.#since}` : '';
    const answer = await fetch(`${url}/revocations${since}`, { signal: AbortSignal.timeout(5_000) });
    if (!answer.ok) throw new Error(`The revocations were answered with ${answer.status}.`);
    // An expired page is refused, too: somebody may be keeping the newer ones from us.
    const { payload } = await jwtVerify(await answer.text(), this.#keys, {
      issuer,
      typ: 'revocations+jwt',
      algorithms: ALGORITHMS,
      requiredClaims: ['exp'],
    });
    return payload;
  }

  // While authgql is away what is known stays in force; tokens run out within minutes in any case.
  #again() {
    setTimeout(async () => {
      await this.#follow().catch((error) => console.warn(`No news of revocations: ${error.message}`));
      this.#again();
    }, this.#options.interval).unref();
  }
}

// The bearer token of a request, by whichever of the two ways authgql hands them out; undefined if there is none.
export function bearer({ authorization, cookie }) {
  const shown = /^Bearer ([^ ]+)$/i.exec(authorization ?? '');
  return shown?.[1] ?? /(?:^|; )(?:__Host-)?authgql-access=([^;]+)/.exec(cookie ?? '')?.[1];
}

// A verifier as the environment describes it, or undefined where it does not: then authgql alone decides.
export async function verifierFromEnvironment({ AUTHGQL_URL, AUTHGQL_ISSUER, AUTHGQL_AUDIENCE } = process.env) {
  if (!AUTHGQL_URL) return undefined;
  const verifier = new Verifier({ url: AUTHGQL_URL, issuer: AUTHGQL_ISSUER, audience: AUTHGQL_AUDIENCE });
  await verifier.start();
  return verifier;
}
