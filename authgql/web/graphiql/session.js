"use strict";
// Remembers the tokens of the last sign-in, for as long as the browser tab is open, and lends them to requests.

const WHO = "query WhoAmI { me { username } currentSession { device { name } } }";
const REFRESH = `mutation RefreshFromBar($input: RefreshInput!) {
  refresh(input: $input) {
    __typename
    ... on RefreshSuccess { tokens { accessToken expiresIn refreshToken } }
    ... on Refusal { message }
  }
}`;
const LOGOUT = "mutation LogoutFromBar { logout { ... on LogoutSuccess { session { id } } } }";
const UNREACHABLE = "The server could not be reached.";
const BROKEN_OFF = "The subscription broke off: run it again";
const EVENT_STREAM = "text/event-stream";

class Session extends EventTarget {
  #endpoint;
  #store;
  #channel = new BroadcastChannel("authgql-tokens");
  #tokens = null;
  #state = { name: "anonymous", who: null, notice: null };

  constructor(endpoint, store) {
    super();
    this.#endpoint = endpoint;
    this.#store = store;
    this.#tokens = JSON.parse(store.getItem("authgql:tokens"));
    // A duplicated tab has the same refresh token. Were it to spend that again, the server would take it for theft.
    this.#channel.onmessage = ({ data }) => {
      if (this.#tokens?.refreshToken !== data.spent) return;
      this.#keep(data.tokens);
      this.#askWho();
    };
  }

  get state() {
    return { ...this.#state, expiresAt: this.#tokens?.expiresAt ?? null };
  }

  /** Take up the tokens that a reload of the page left behind. */
  async resume() {
    if (this.#tokens) await this.#askWho();
  }

  /** Run what the editor holds. A header that the headers editor sets wins over what is remembered here. */
  async execute(params, headers, isMutation) {
    const own = this.#tokens && !names(headers, "authorization");
    this.#become(this.#state.name); // what was last said in the bar is read by now
    const result = await this.#post(this.#withRefreshToken(params), headers, own);
    const fresh = tokensIn(result.data);
    if (fresh) {
      this.#keep(fresh);
      await this.#askWho();
    } else if (own && (isUnauthenticated(result) || result.data?.me === null)) {
      this.#become("stale");
    } else if (own && isMutation && this.#state.name === "signed-in") {
      await this.#askWho("Signed out: that ended this session");
    }
    return result;
  }

  /** Run a subscription, as GraphiQL observes one: each event as it comes, until the session ends or `unsubscribe`. */
  subscribe(params, headers, observer) {
    const hangUp = new AbortController();
    this.#follow(params, headers, observer, hangUp.signal);
    return { unsubscribe: () => hangUp.abort() };
  }

  async #follow(params, headers, observer, signal) {
    const own = this.#tokens && !names(headers, "authorization");
    this.#become(this.#state.name);
    let last = null;
    let isWhole = false;
    try {
      const response = await this.#send(params, { Accept: EVENT_STREAM, ...headers }, own, signal);
      for await (const result of resultsOf(response)) observer.next((last = result));
      isWhole = true;
    } catch {
      if (signal.aborted) return; // stopped in the editor, which knows
      if (!last) observer.next({ errors: [{ message: UNREACHABLE }] });
    }
    observer.complete();
    if (own && isUnauthenticated(last)) this.#become("stale");
    else if (!isWhole) this.#become(this.#state.name, BROKEN_OFF);
    else if (own && !last?.errors && this.#tokens) await this.#askWho("That session has ended: sign in again");
  }

  async refresh() {
    const { refreshToken } = this.#tokens;
    const result = await this.#post({ query: REFRESH, variables: { input: { refreshToken } } });
    const fresh = tokensIn(result.data);
    if (fresh) {
      this.#keep(fresh);
      await this.#askWho();
    } else if (result.data?.refresh?.__typename === "InvalidToken") {
      this.#forget("That session is over: sign in again");
    } else {
      this.#become(this.#state.name, complaintOf(result));
    }
    return Boolean(fresh);
  }

  async signOut() {
    let result = await this.#post({ query: LOGOUT }, {}, true);
    if (isUnauthenticated(result)) {
      if (!(await this.refresh())) return;
      result = await this.#post({ query: LOGOUT }, {}, true);
    }
    if (result.data?.logout) this.#forget("Signed out");
    else this.#become(this.#state.name, complaintOf(result));
  }

  async #askWho(noticeWhenNobody) {
    const asked = this.#tokens;
    const result = await this.#post({ query: WHO }, {}, true);
    if (this.#tokens !== asked) return; // signed out meanwhile, or in anew
    const { data } = result;
    if (!data) {
      this.#become(this.#state.who ? this.#state.name : "stale", complaintOf(result));
    } else if (data.me) {
      this.#state.who = { username: data.me.username, device: data.currentSession?.device.name };
      this.#become("signed-in");
    } else if (noticeWhenNobody && Date.now() < (this.#tokens.expiresAt ?? Infinity)) {
      this.#forget(noticeWhenNobody);
    } else {
      this.#become("stale");
    }
  }

  async #post(params, headers = {}, signed = false) {
    try {
      return await bodyOf(await this.#send(params, headers, signed));
    } catch {
      return { errors: [{ message: UNREACHABLE }] };
    }
  }

  #send(params, headers, signed, signal) {
    const authorization = signed ? { Authorization: `Bearer ${this.#tokens.accessToken}` } : {};
    return fetch(this.#endpoint, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        Accept: "application/graphql-response+json, application/json",
        ...authorization,
        ...headers,
      },
      body: JSON.stringify(params),
      signal,
    });
  }

  /** An empty refreshToken means the remembered one, so that no token need ever stand in an editor. */
  #withRefreshToken(params) {
    const input = params.variables?.input;
    if (input?.refreshToken !== "" || !this.#tokens) return params;
    const { refreshToken } = this.#tokens;
    return { ...params, variables: { ...params.variables, input: { ...input, refreshToken } } };
  }

  #keep(tokens) {
    const { accessToken, refreshToken } = tokens;
    const former = this.#tokens;
    this.#tokens = { accessToken, refreshToken, expiresAt: tokens.expiresAt ?? expiryOf(tokens) };
    this.#store.setItem("authgql:tokens", JSON.stringify(this.#tokens));
    if (former && claimsOf(former.accessToken).sid === claimsOf(accessToken).sid) {
      this.#channel.postMessage({ spent: former.refreshToken, tokens: this.#tokens });
    }
    this.#become(this.#state.name);
  }

  #forget(notice) {
    this.#tokens = null;
    this.#store.removeItem("authgql:tokens");
    this.#state.who = null;
    this.#become("anonymous", notice);
  }

  #become(name, notice = null) {
    this.#state = { ...this.#state, name, notice };
    this.dispatchEvent(new Event("change"));
  }
}

function names(headers, wanted) {
  return Object.keys(headers ?? {}).some((name) => name.toLowerCase() === wanted);
}

function isUnauthenticated(result) {
  return Boolean(result?.errors?.some((error) => error.extensions?.code === "UNAUTHENTICATED"));
}

function complaintOf(result) {
  return result.errors?.[0]?.message ?? result.data?.refresh?.message ?? UNREACHABLE;
}

/** The last object with both tokens, under whatever alias the operation gave it. */
function tokensIn(data) {
  if (data === null || typeof data !== "object") return null;
  if (typeof data.accessToken === "string" && typeof data.refreshToken === "string") return data;
  return Object.values(data).reduce((found, value) => tokensIn(value) ?? found, null);
}

/** By this machine's clock, in milliseconds: the token's own times would be wrong wherever the two clocks differ. */
function expiryOf({ accessToken, expiresIn }) {
  const { exp, iat } = claimsOf(accessToken);
  const seconds = expiresIn ?? exp - iat;
  return seconds ? Date.now() + seconds * 1000 : null;
}

function claimsOf(accessToken) {
  try {
    return JSON.parse(atob(accessToken.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")));
  } catch {
    return {};
  }
}

async function bodyOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    return { errors: [{ message: `HTTP ${response.status}: ${text.slice(0, 200) || response.statusText}` }] };
  }
}

/** The results of a subscription as they come: server-sent events, or one answer in JSON where it never began. */
async function* resultsOf(response) {
  if (!response.headers.get("content-type")?.startsWith(EVENT_STREAM)) {
    yield await bodyOf(response);
    return;
  }
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) throw new Error(BROKEN_OFF);
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const [, kind, data] = /^event: (\w+)\ndata: (.*)$/.exec(event) ?? []; // else a comment, which keeps it open
      if (kind === "complete") return;
      if (kind === "next") yield JSON.parse(data);
    }
  }
}
