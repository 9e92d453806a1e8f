// Apollo's gateway over authgql and other subgraphs: `node apollo.cjs subgraphs.json`.
//
// Credentials go on to the subgraphs as they came, cookies come back, and errors keep their codes. With
// AUTHGQL_URL set, a bad token is refused here already, before any subgraph sees it.

// Apollo's packages are CommonJS, and so is this: an `import` of graphql would be another copy than theirs.

const { readFileSync } = require('node:fs');
const { composeServices } = require('@apollo/composition');
const { ApolloGateway, RemoteGraphQLDataSource } = require('@apollo/gateway');
const { ApolloServer } = require('@apollo/server');
const { startStandaloneServer } = require('@apollo/server/standalone');
const { GraphQLError, parse } = require('graphql');

const FORWARDED = ['authorization', 'dpop', 'cookie', 'origin', 'user-agent', 'x-forwarded-for'];

// Each hop adds whom it was called by; authgql believes those that its TRUSTED_PROXIES name.
const forwardedFor = (request) =>
  [request.headers['x-forwarded-for'], request.socket.remoteAddress].filter(Boolean).join(', ');

// The caller's credentials go on to the subgraphs, and the cookies that they set come back.
class Subgraph extends RemoteGraphQLDataSource {
  willSendRequest({ request, context }) {
    for (const name of FORWARDED) {
      const value = context.headers?.[name];
      if (value) request.http.headers.set(name, value);
    }
  }

  didReceiveResponse({ response, context }) {
    // Each cookie is a header of its own: `get` would join them into one that browsers cannot take apart.
    context.cookies?.push(...(response.http.headers.raw()['set-cookie'] ?? []));
    return response;
  }

  // A refusal of status 403 or 503 is an error with a code like any other: it goes on as it is.
  async errorFromResponse(response) {
    const { errors: [error] = [] } = await response.json().catch(() => ({}));
    return new GraphQLError(error?.message ?? `The subgraph answered ${response.status}.`, {
      extensions: error?.extensions ?? { code: 'SERVICE_UNAVAILABLE' },
    });
  }
}

const returnCookies = {
  async requestDidStart() {
    return {
      async willSendResponse({ contextValue }) {
        if (contextValue.cookies.length) contextValue.response.setHeader('set-cookie', contextValue.cookies);
      },
    };
  },
};

const { errors, supergraphSdl } = composeServices(
  JSON.parse(readFileSync(process.argv[2], 'utf8')).map(({ name, url, schema }) => ({
    name,
    url,
    typeDefs: parse(readFileSync(schema, 'utf8')),
  })),
);
if (errors) throw new AggregateError(errors, errors.map((error) => error.message).join('\n'));

const server = new ApolloServer({
  gateway: new ApolloGateway({ supergraphSdl, buildService: ({ url }) => new Subgraph({ url }) }),
  plugins: [returnCookies],
});
async function main() {
  const { bearer, verifierFromEnvironment } = await import('./verifier.js');
  const verifier = await verifierFromEnvironment();
  const { url } = await startStandaloneServer(server, {
    listen: { host: '127.0.0.1', port: Number(process.env.PORT ?? 4000) },
    context: async ({ req, res }) => {
      const token = bearer(req.headers);
      if (verifier && token) await verifier.verify(token).catch(refuse);
      const headers = { ...req.headers, 'x-forwarded-for': forwardedFor(req) };
      return { headers, response: res, cookies: [] };
    },
  });
  console.log(url);
}

function refuse() {
  const extensions = { code: 'UNAUTHENTICATED', http: { status: 401 } };
  throw new GraphQLError('Sign in first: this token is not good, or no longer.', { extensions });
}

main();
