// Hive's gateway over authgql and other subgraphs: `node hive.js subgraphs.json`.
//
// Credentials go on to the subgraphs as they came, and cookies come back.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createGatewayRuntime } from '@graphql-hive/gateway-runtime';
import { composeServices } from '@theguild/federation-composition';
import { parse } from 'graphql';

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

const gateway = createGatewayRuntime({
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
