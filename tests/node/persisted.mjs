// Apollo's client, which sends hashes first: prints the answer, and what it sent to get it.
import { createHash } from 'node:crypto';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { PersistedQueryLink } from '@apollo/client/link/persisted-queries';
import { print } from 'graphql';

const [url, ...texts] = process.argv.slice(2);
const sent = [];
const fetchAndTell = (address, options) => {
  const body = JSON.parse(options.body);
  sent.push({ query: 'query' in body, hash: Boolean(body.extensions?.persistedQuery) });
  return fetch(address, options);
};
const persisted = new PersistedQueryLink({ sha256: (text) => createHash('sha256').update(text).digest('hex') });
const client = new ApolloClient({
  cache: new InMemoryCache(),
  link: ApolloLink.from([persisted, new HttpLink({ uri: url, fetch: fetchAndTell })]),
});
const answers = [];
for (const text of texts) {
  const { data } = await client.query({ query: gql(text), fetchPolicy: 'no-cache' });
  answers.push(data);
}
console.log(JSON.stringify({ answers, sent, documents: texts.map((text) => print(client.documentTransform.transformDocument(gql(text)))) }));
