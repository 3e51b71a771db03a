// oidc-provider 9 as the provider at which people sign in, and a person who does.

import assert from 'node:assert/strict';
import http from 'node:http';
import { Provider } from 'oidc-provider';
import { play, stage } from './stage.mjs';

const there = new URL(stage.upstream);
const here = stage.issuer;
const callback = `${here}/login/upstream/npm/callback`;
const account = (id) => ({
  accountId: id,
  claims: async () => ({ sub: id, email: `${id}@elsewhere.example`, email_verified: true }),
});

const provider = new Provider(stage.upstream, {
  clients: [
    {
      client_id: 'countersign',
      client_secret: stage.upstream_secret,
      redirect_uris: [callback],
      backchannel_logout_uri: `${here}/login/upstream/npm/backchannel-logout`,
      backchannel_logout_session_required: true,
    },
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  pkce: { required: () => true },
  findAccount: (_, id) => account(id),
  features: { backchannelLogout: { enabled: true } },
  // By itself it calls no private address, and we are at one here.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
});

const escapes = { '&#60;': '<', '&#62;': '>', '&#34;': '"', '&#39;': "'", '&#38;': '&' };
const unescape = (text) => text.replace(/&#\d+;/g, (escape) => escapes[escape] ?? escape);

/** A browser without scripts: one jar for this host, as browsers have it. */
class Browser {
  #cookies = new Map();

  async #fetch(url, form) {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET',
      body: form && new URLSearchParams(form),
      headers: cookie ? { cookie } : {},
      redirect: 'manual',
    });
    for (const line of response.headers.getSetCookie()) {
      const [pair] = line.split(';');
      const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)];
      if (/max-age=0/i.test(line) || /expires=thu, 01 jan 1970/i.test(line)) {
        this.#cookies.delete(name);
      } else this.#cookies.set(name, value);
    }
    return { url, status: response.status, headers: response.headers, html: await response.text() };
  }

  async open(url, form) {
    let page = await this.#fetch(url, form);
    for (let turns = 0; turns < 12; turns += 1) {
      const to = page.headers.get('location');
      if (!to) return page;
      page = await this.#fetch(new URL(to, page.url));
    }
    throw new Error(`redirects go round in circles: ${page.url}`);
  }

  /** Presses the button of the form that goes to `action`. */
  async submit(page, action, fields) {
    const form = [...page.html.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)].find(([, head]) =>
      head.includes(action),
    );
    assert.ok(form, `no form to ${action} on ${page.url}: ${page.html}`);
    const to = unescape(form[1].match(/action="([^"]*)"/)[1]);
    const hidden = [...form[2].matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
      tag.match(/name="([^"]*)"/)[1],
      unescape(tag.match(/value="([^"]*)"/)?.[1] ?? ''),
    ]);
    return this.open(new URL(to, page.url), [...hidden, ...Object.entries(fields)]);
  }

  async isSignedIn() {
    return new URL((await this.open(`${here}/account`)).url).pathname === '/account';
  }
}

/** The provider's own sign-in: whoever comes is Ada, and allows everything. */
async function interact(request, response) {
  const { prompt, params } = await provider.interactionDetails(request, response);
  if (prompt.name === 'login') {
    const result = { login: { accountId: 'ada-elsewhere' } };
    return provider.interactionFinished(request, response, result);
  }
  const grant = new provider.Grant({ accountId: 'ada-elsewhere', clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

const serve = provider.callback();
const server = http.createServer((request, response) => {
  if (!request.url.startsWith('/interaction/')) return serve(request, response);
  return interact(request, response).catch((error) => {
    response.writeHead(500).end(String(error));
  });
});
await new Promise((resolve) => {
  server.listen(there.port, there.hostname, resolve);
});

await play({
  async 'sign in, link, sign in again, sign out there'() {
    const first = new Browser();
    const page = await first.open(`${here}/login/upstream/npm`);
    assert.ok(page.html.includes('ada@') || page.html.includes('ada-elsewhere'), page.html);
    assert.equal(await first.isSignedIn(), false);
    const { username, password } = stage.user;
    await first.submit(page, '/login/upstream/npm/link', { username, password, decision: 'link' });
    assert.equal(await first.isSignedIn(), true);

    const second = new Browser();
    await second.open(`${here}/login/upstream/npm`);
    assert.equal(await second.isSignedIn(), true);

    const asked = await second.open(`${stage.upstream}/session/end`);
    await second.submit(asked, '/session/end/confirm', { logout: 'yes' });
    for (let tries = 0; tries < 50 && (await second.isSignedIn()); tries += 1) {
      await new Promise((resolve) => {
        setTimeout(resolve, 100);
      });
    }
    assert.equal(await second.isSignedIn(), false, 'the sign-out there reaches us');
    assert.equal(await first.isSignedIn(), true, 'and no other session');
    server.close();
    server.closeAllConnections();
  },
});
process.exit(0);
