// Composes the schema in argument 1 with the one in argument 2, in both composers, and prints who took it.

const { readFileSync } = require('node:fs');
const apollo = require('@apollo/composition');
const hive = require('@theguild/federation-composition');
const { parse } = require('graphql');

const subgraphs = process.argv.slice(2, 4).map((file, number) => ({
  name: `subgraph-${number}`,
  url: 'http://127.0.0.1/graphql',
  typeDefs: parse(readFileSync(file, 'utf8')),
}));
for (const [name, composer] of Object.entries({ apollo, hive })) {
  const { errors = [], supergraphSdl } = composer.composeServices(subgraphs);
  for (const { message } of errors) console.log(`${name}: ${message}`);
  if (supergraphSdl) console.log(`${name}: composed${supergraphSdl.includes('@authenticated') ? ' with @authenticated' : ''}`);
}
