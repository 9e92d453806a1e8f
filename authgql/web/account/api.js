// The public GraphQL API, as anybody may call it: the link's token is the only authority of these pages,
// so no cookie is sent along.

const ENDPOINT = new URL('../graphql', import.meta.url);

// What stood in the way of an answer, in words for the person at the screen.
export class Problem extends Error {}

export async function ask(query, variables) {
  const response = await post(JSON.stringify({ query, variables }));
  const { data, errors } = await response.json().catch(() => ({}));
  if (response.ok && data && !errors) return data;
  throw problemOf(response, errors?.[0]?.extensions ?? {});
}

async function post(body) {
  try {
    return await fetch(ENDPOINT, {
      method: 'POST',
      credentials: 'omit',
      cache: 'no-store',
      headers: { 'content-type': 'application/json', accept: 'application/graphql-response+json, application/json' },
      body,
      signal: AbortSignal.timeout(20_000),
    });
  } catch {
    throw new Problem('The server cannot be reached. See whether you are online, then press the button again.');
  }
}

function problemOf(response, { code, retryAfter, requestId }) {
  if (code === 'RATE_LIMITED' || response.status === 429) {
    return new Problem(tooMany(retryAfter ?? response.headers.get('retry-after')));
  }
  if (code === 'SERVICE_UNAVAILABLE' || [502, 503, 504].includes(response.status)) {
    return new Problem('The service is away for a moment. Wait a minute, then press the button again.');
  }
  const reference = requestId ? ` (reference ${requestId})` : '';
  return new Problem(
    `Something went wrong on our side. Press the button again; if that does not help, tell the people who run this service${reference}.`,
  );
}

export function tooMany(retryAfter) {
  const seconds = Math.max(1, Number(retryAfter) || 60);
  if (seconds < 60) return `That was tried too often. Try again in ${spoken(seconds)}.`;
  // Rounded up to the minute: too early a try would only be refused again.
  const then = new Date(Math.ceil((Date.now() + seconds * 1000) / 60_000) * 60_000);
  const clock = then.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
  return `That was tried too often. Try again in ${spoken(seconds)}, at ${clock}.`;
}

function spoken(seconds) {
  for (const [unit, size] of [['hour', 3600], ['minute', 60], ['second', 1]]) {
    const count = Math.ceil(seconds / size);
    if (seconds >= size) return `${count} ${unit}${count === 1 ? '' : 's'}`;
  }
}
