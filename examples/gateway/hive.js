// Hive's gateway over authgql and other subgraphs: `node hive.js subgraphs.json`.
//
// Credentials go on to the subgraphs as they came, and cookies come back. With AUTHGQL_URL set, a bad token is
// refused here already, before any subgraph sees it.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import { composeServices } from '@theguild/federation-composition';
import { parse } from 'graphql';
import { bearer, verifierFromEnvironment } from './verifier.js';

const FORWARDED = ['authorization', 'dpop', 'cookie', 'origin', 'user-agent'];

// Each hop adds whom it was called by; authgql believes those that its TRUSTED_PROXIES name.
const forwardedFor = (request) =>
  [request.headers['x-forwarded-for'], request.socket.remoteAddress].filter(Boolean).join(', ');

const { errors, supergraphSdl } = composeServices(
  JSON.parse(readFileSync(process.argv[2], 'utf8')).map(({ name, url, schema }) => ({
    name,
    url,
    typeDefs: parse(readFileSync(schema, 'utf8')),
  })),
);
if (errors) throw new AggregateError(errors, errors.map((error) => error.message).join('\n'));

const verifier = await verifierFromEnvironment();

// A plugin of the gateway's: what it ends here goes no further.
const signedInOrNobody = {
  async onRequest({ request, fetchAPI, endResponse }) {
    const token = bearer(Object.fromEntries(request.headers));
    if (!verifier || !token) return;
    await verifier.verify(token).catch(() => {
      const message = 'Sign in first: this token is not good, or no longer.';
      const body = { errors: [{ message, extensions: { code: 'UNAUTHENTICATED' } }] };
      endResponse(fetchAPI.Response.json(body, { status: 401 }));
    });
  },
};

const gateway = createGatewayRuntime({
  plugins: () => [signedInOrNobody],
  supergraph: supergraphSdl,
  logging: false,
  maskedErrors: false,
  propagateHeaders: {
    fromClientToSubgraphs: ({ request, context }) => ({
      ...Object.fromEntries(
        FORWARDED.map((name) => [name, request.headers.get(name)]).filter(([, value]) => value),
      ),
      'x-forwarded-for': forwardedFor(context.req),
    }),
    fromSubgraphsToClient: ({ response }) => ({ 'set-cookie': response.headers.getSetCookie() }),
  },
});
const server = createServer(gateway);
server.listen(Number(process.env.PORT ?? 4000), '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${server.address().port}/graphql`),
);
