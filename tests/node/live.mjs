// Follows the sessions of a token with each client that people use, and prints a line for whatever it hears.
import { ApolloClient, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { Client, fetchExchange, gql as urqlGql, subscriptionExchange } from '@urql/core';
import { createClient as createSseClient } from 'graphql-sse';
import { createClient as createWsClient } from 'graphql-ws';
import WebSocket from 'ws';

globalThis.WebSocket = WebSocket; // Apollo's link looks for it, as in a browser
const [url, token, since] = process.argv.slice(2);
const query = 'subscription ($since: DateTime) { sessionEvents(since: $since) { kind session { id } } }';
const variables = { since };
const headers = { authorization: `Bearer ${token}` };
const say = (client, what) => console.log(JSON.stringify({ client, ...what }));
const event = (client, { data, errors, error = errors }) =>
  say(client, error ? { error: String(error) } : { kind: data.sessionEvents.kind, session: data.sessionEvents.session.id });
const patience = { retryAttempts: 500, retryWait: () => new Promise((done) => setTimeout(done, 50)) };

function socket(client) {
  return createWsClient({
    url: url.replace('http', 'ws'),
    webSocketImpl: WebSocket,
    connectionParams: async () => ({ authorization: headers.authorization }),
    shouldRetry: () => true, // also while nobody listens; 4401 stays final
    on: { closed: ({ code }) => say(client, { code }) },
    ...patience,
  });
}

const sink = (client) => ({
  next: (result) => event(client, result),
  error: (error) => say(client, { error: error.code ?? String(error) }),
  complete: () => say(client, { complete: true }),
});

socket('graphql-ws').subscribe({ query, variables }, sink('graphql-ws'));

createSseClient({ url, headers, ...patience }).subscribe({ query, variables }, sink('graphql-sse'));

const apollo = new ApolloClient({ cache: new InMemoryCache(), link: new GraphQLWsLink(socket('apollo')) });
apollo.subscribe({ query: gql(query), variables }).subscribe(sink('apollo'));
const apolloHttp = new ApolloClient({ cache: new InMemoryCache(), link: new HttpLink({ uri: url, headers }) });
say('apollo', { me: (await apolloHttp.query({ query: gql('{ me { username } }') })).data.me.username });

const urqlSocket = socket('urql');
const urql = new Client({
  url,
  preferGetMethod: false,
  fetchOptions: { headers },
  exchanges: [
    subscriptionExchange({
      forwardSubscription: (request) => ({
        subscribe: (to) => ({ unsubscribe: urqlSocket.subscribe({ ...request, query: request.query ?? '' }, to) }),
      }),
    }),
    fetchExchange,
  ],
});
urql.subscription(urqlGql(query), variables).subscribe((result) => event('urql', { data: result.data, errors: result.error }));
say('urql', { me: (await urql.query(urqlGql('{ me { username } }'), {}).toPromise()).data.me.username });

const urqlSse = new Client({
  url,
  preferGetMethod: false,
  fetchSubscriptions: true,
  fetchOptions: { headers },
  exchanges: [fetchExchange],
});
urqlSse
  .subscription(urqlGql(query), variables)
  .subscribe((result) => event('urql-sse', { data: result.data, errors: result.error }));
