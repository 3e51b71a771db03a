// Somebody is blocked, changes a password, loses a token; Redis dies, the provider dies: how soon do the
// services refuse what must be refused, and do they go on serving the others? Ends with 1 when a service
// takes longer than a second, or does anything else than it should.
//
//     COUNTERSIGN=…/countersign ORDERS_API=…/orders_api node landscape.mjs        (run.sh builds both)

import { randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Landscape, pause, until } from './parts.mjs';
import { Person } from './person.mjs';

/** The promise: milliseconds from the moment when the form is sent to the first refusal. */
const LIMIT = 1000;
/** How long everybody else is served without the provider. The list is out of date after five seconds. */
const WITHOUT_PROVIDER = 8000;

const failures = [];
const expect = (fact, words) => {
  if (!fact) failures.push(words);
};

const landscape = await Landscape.start({
  countersign: process.env.COUNTERSIGN ?? 'countersign',
  ordersApi: process.env.ORDERS_API ?? 'orders_api',
  source: dirname(fileURLToPath(import.meta.url)),
});
const { api, issuer } = landscape;

/** The two services, as an app calls them. Each gives the status, and for whom it worked. */
const services = {
  'orders (REST)': async (token) => {
    const response = await fetch(`${api}/orders`, { headers: { authorization: `Bearer ${token}` } });
    const said = await response.text();
    return { status: response.status, whom: response.ok && JSON.parse(said).caller.sub };
  },
  'reviews (GraphQL)': async (token) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
    // What a caller says about itself does not count.
    headers['remote-subject'] = 'somebody else';
    const body = JSON.stringify({ query: '{ me reviews { product stars } }' });
    const response = await fetch(`${api}/graphql`, { method: 'POST', headers, body });
    const said = await response.text();
    return { status: response.status, whom: response.ok && JSON.parse(said).data.me };
  },
};
const names = Object.keys(services);

/** What both services answer. */
const statuses = async (token) => Promise.all(names.map(async (name) => (await services[name](token)).status));

async function isServed(person, token, words) {
  for (const name of names) {
    const { status, whom } = await services[name](token);
    expect(status === 200 && whom === person.id, `${words}: ${name} answers ${status} for ${whom}`);
  }
}

async function isRefused(token, words) {
  const seen = await statuses(token);
  expect(seen.every((status) => status === 401), `${words}: the services answer ${seen}`);
}

/** Milliseconds from `sent` to the first refusal of each service. */
function refusals(token, sent) {
  return Promise.all(names.map(async (name) => {
    for (;;) {
      const { status } = await services[name](token);
      const after = performance.now() - sent;
      if (status === 401) return after;
      if (status !== 200 || after > 10 * LIMIT) return Number.POSITIVE_INFINITY;
      await pause(2);
    }
  }));
}

function report(words, times) {
  const columns = times.map((time) => `${Math.round(time)} ms`.padStart(18));
  console.log(`${words.padEnd(44)}${columns.join('')}`);
  times.forEach((time, n) => expect(time <= LIMIT, `${words}: ${names[n]} took ${Math.round(time)} ms`));
}

/** The app that people use. It runs in their browsers, so it has no secret, and its refresh tokens rotate. */
class App {
  redirectUri = 'http://127.0.0.1/callback';
  scope = 'openid offline_access orders:read reviews:read';

  register() {
    const made = landscape.command(['client', 'create', '--name', 'Shop', '--public', '--application-type',
      'native', '--redirect-uri', this.redirectUri, '--scope', this.scope]);
    this.id = made.client_id;
  }

  /** Asks the token endpoint. */
  async token(form) {
    const body = new URLSearchParams({ client_id: this.id, ...form });
    const response = await fetch(`${issuer}/token`, { method: 'POST', body });
    return { status: response.status, ...(await response.json()) };
  }

  refresh({ refresh_token: token }) {
    return this.token({ grant_type: 'refresh_token', refresh_token: token });
  }
}

function person(name, ...more) {
  const [email, password] = [`${name}@example.org`, randomBytes(12).toString('base64url')];
  const create = ['user', 'create', '--email', email, '--name', name, '--password-stdin', ...more];
  const { id } = landscape.command(create, password);
  return Object.assign(new Person(issuer, email, password), { id });
}

/** Somebody who has signed in to the app, and whom both services serve. */
async function signedIn(name) {
  const somebody = person(name);
  const tokens = await somebody.tokensFor(app);
  expect(tokens.status === 200 && tokens.refresh_token, `${name} gets no tokens: ${JSON.stringify(tokens)}`);
  await isServed(somebody, tokens.access_token, `${name} has signed in`);
  return { somebody, tokens };
}

async function blocked(name, words, justBefore) {
  const { somebody, tokens } = await signedIn(name);
  const sent = await admin.block(somebody.id, justBefore);
  report(words, await refusals(tokens.access_token, sent));
  const refreshed = await app.refresh(tokens);
  expect(refreshed.error === 'invalid_grant', `${words}: refreshed all the same`);
  return tokens.access_token;
}

async function passwordChanged(name, words) {
  const { somebody, tokens } = await signedIn(name);
  const answered = await somebody.changePassword(randomBytes(12).toString('base64url'));
  report(words, await refusals(tokens.access_token, answered));
  const again = await new Person(issuer, somebody.email, somebody.password).tokensFor(app);
  await isServed(somebody, again.access_token, `${words}: with the new password`);
}

/** The app has refreshed twice since, when a thief shows up with the first refresh token. */
async function tokenStolen(name, words) {
  const { somebody, tokens } = await signedIn(name);
  const second = await app.refresh(tokens);
  const third = await app.refresh(second);
  await isServed(somebody, third.access_token, `${words}: before the theft shows`);
  const sent = performance.now();
  const [stolen, times] = [await app.refresh(tokens), await refusals(third.access_token, sent)];
  report(words, times);
  expect(stolen.error === 'invalid_grant', `${words}: the thief gets ${JSON.stringify(stolen)}`);
  for (const token of [tokens, second]) await isRefused(token.access_token, `${words}: an older token`);
  expect((await app.refresh(third)).error === 'invalid_grant', `${words}: the app refreshes all the same`);
}

/** Without the provider everybody else is served, and the blocked stay blocked: also after a restart. */
async function providerStopped(bystander, ended) {
  await pause(1500);                                 // both services have written down what they know
  await landscape.provider.kill();
  let [calls, end] = [0, performance.now() + WITHOUT_PROVIDER];
  while (performance.now() < end) {
    await isServed(bystander.somebody, bystander.tokens.access_token, 'the provider is away');
    for (const token of ended) await isRefused(token, 'the provider is away');
    calls += names.length * (1 + ended.length);
    await pause(50);
  }
  console.log(`\nThe provider is away for ${WITHOUT_PROVIDER / 1000} s: ${calls} calls, the others served, the blocked refused.`);
  for (const part of [landscape.orders, landscape.sidecar]) {
    await part.kill();
    await part.start();
  }
  await landscape.redis.kill();
  await isServed(bystander.somebody, bystander.tokens.access_token, 'after a restart of the services');
  for (const token of ended) await isRefused(token, 'after a restart of the services');
  console.log('Both services restarted without it, then Redis away too: the same.');
  await landscape.redis.start();
  await landscape.provider.start();
}

const app = new App();
let admin;

async function play() {
  app.register();
  admin = person('admin', '--role', 'admin');
  const bystander = await signedIn('bea');
  const ended = [];

  console.log(`${'from the form to the refusal'.padEnd(44)}${names.map((name) => name.padStart(18)).join('')}`);
  ended.push(await blocked('ada', 'blocked in the admin page'));
  await passwordChanged('cleo', 'changed the password');
  await tokenStolen('dan', 'a stolen refresh token is used');

  ended.push(await blocked('eve', 'blocked as Redis dies', () => landscape.redis.kill()));
  ended.push(await blocked('fay', 'blocked, Redis stopped'));
  await passwordChanged('gil', 'changed the password, Redis stopped');
  await tokenStolen('hal', 'a stolen refresh token, Redis stopped');
  await isServed(bystander.somebody, bystander.tokens.access_token, 'Redis is stopped');
  await landscape.redis.start();
  ended.push(await blocked('ida', 'blocked as an empty Redis comes back'));

  await providerStopped(bystander, ended);
  ended.push(await blocked('jon', 'blocked as the provider is back'));
  for (const token of ended) await isRefused(token, 'in the end');
  await isServed(bystander.somebody, bystander.tokens.access_token, 'in the end');
}

try {
  await play();
} catch (error) {
  failures.push(error.stack);
}
if (failures.length > 0) {
  console.log(`\nFAILED\n${failures.slice(0, 20).join('\n')}\n\n${landscape.logs()}`);
  process.exit(1);
}
console.log(`\nEvery refusal within ${LIMIT} ms. Done.`);
process.exit(0);
