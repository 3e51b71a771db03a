// A GraphQL service in a language that Countersign has no library for. It never sees a token: nginx asks the
// sidecar before it lets a request through, and says in Remote-Subject for whom it is. So it must be
// reachable through nginx alone.
//
//     LISTEN=127.0.0.1:8083 node reviews.mjs

import http from 'node:http';
import { buildSchema, graphql } from 'graphql';

const schema = buildSchema(`
  type Review { product: String!, stars: Int! }
  type Query { me: ID!, reviews: [Review!]! }
  type Mutation { addReview(product: String!, stars: Int!): Review! }
`);

/** The reviews of each person. This memory is not a database. */
const reviews = new Map();

const rootValue = {
  me: (_, { subject }) => subject,
  reviews: (_, { subject }) => reviews.get(subject) ?? [],
  addReview({ product, stars }, { subject }) {
    const own = reviews.get(subject) ?? [];
    if (own.length >= 100 || product.length > 200) throw new Error('there is no room for this review');
    const review = { product, stars };
    reviews.set(subject, [...own, review]);
    return review;
  },
};

async function bodyOf(request) {
  let text = '';
  for await (const part of request.setEncoding('utf8')) {
    text += part;
    if (text.length > 65_536) throw new Error('the request is too long');
  }
  return JSON.parse(text);
}

function answer(response, status, document) {
  response.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' });
  response.end(JSON.stringify(document));
}

const server = http.createServer(async (request, response) => {
  const subject = request.headers['remote-subject'];
  if (!subject) return answer(response, 401, { errors: [{ message: 'nobody is known' }] });
  if (request.method !== 'POST' || request.url !== '/graphql') {
    return answer(response, 404, { errors: [{ message: 'POST /graphql' }] });
  }
  try {
    const { query, variables, operationName } = await bodyOf(request);
    const [source, variableValues] = [String(query), variables];
    const contextValue = { subject };
    answer(response, 200, await graphql({
      schema, source, rootValue, contextValue, variableValues, operationName,
    }));
  } catch (error) {
    answer(response, 400, { errors: [{ message: error.message }] });
  }
});

const [host, port] = (process.env.LISTEN ?? '127.0.0.1:8083').split(':');
server.listen(Number(port), host);
