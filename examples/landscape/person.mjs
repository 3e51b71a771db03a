// A person with a browser: keeps cookies, fills in forms and presses buttons.

import { createHash, randomBytes } from 'node:crypto';

const escapes = { '&#60;': '<', '&#62;': '>', '&#34;': '"', '&#39;': "'", '&#38;': '&' };
const unescape = (text) => text.replace(/&#\d+;/g, (escape) => escapes[escape] ?? escape);

function attribute(tag, name) {
  const found = tag.match(new RegExp(`\\s${name}="([^"]*)"`));
  return found ? unescape(found[1]) : '';
}

/** The form with this button: where it goes, and its hidden fields. */
function formOf(html, button) {
  const forms = [...html.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)];
  const [, head, inside] = forms.find(([form]) => form.includes(`id="${button}"`)) ?? [];
  if (head === undefined) return undefined;
  const hidden = [...inside.matchAll(/<input[^>]*type="hidden"[^>]*>/g)];
  return {
    action: attribute(head, 'action'),
    fields: hidden.map(([tag]) => [attribute(tag, 'name'), attribute(tag, 'value')]),
  };
}

export class Person {
  #cookies = new Map();

  constructor(issuer, email, password) {
    Object.assign(this, { issuer, email, password });
  }

  async #fetch(url, form) {
    const response = await fetch(url, {
      method: form ? 'POST' : 'GET',
      body: form && new URLSearchParams(form),
      headers: { cookie: [...this.#cookies].map((pair) => pair.join('=')).join('; ') },
      redirect: 'manual',
    });
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]*)=([^;]*)/);
      if (/max-age=0/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return { url, status: response.status, headers: response.headers, html: await response.text() };
  }

  /** Goes on until a page shows, or the browser is sent away: then `{ away }`. */
  async open(path, form) {
    let page = await this.#fetch(new URL(path, this.issuer), form);
    for (let turns = 0; turns < 8; turns += 1) {
      const refresh = page.headers.get('refresh')?.match(/url=(.*)$/)?.[1];
      const to = page.headers.get('location') ?? refresh;
      if (!to) return page;
      const next = new URL(to, page.url);
      if (next.origin !== this.issuer) return { away: next };
      page = await this.#fetch(next);
    }
    throw new Error(`${path} leads from page to page`);
  }

  has(page, button) {
    return page.html?.includes(`id="${button}"`);
  }

  /** Fills in the form with this button, and presses it. */
  async press(page, button, fields = {}) {
    const form = formOf(page.html ?? '', button);
    if (!form) throw new Error(`no ${button} at ${page.url}: ${page.status} ${page.html}`);
    return this.open(form.action, [...form.fields, ...Object.entries(fields)]);
  }

  /** Signs in where a page asks for it. */
  async signInAt(page) {
    if (!this.has(page, 'login-submit')) return page;
    return this.press(page, 'login-submit', { username: this.email, password: this.password });
  }

  /** Lets the app sign the person in (authorization code with PKCE), and gives the tokens. */
  async tokensFor(app) {
    const verifier = randomBytes(32).toString('base64url');
    const request = new URLSearchParams({
      response_type: 'code',
      client_id: app.id,
      redirect_uri: app.redirectUri,
      scope: app.scope,
      state: 'one-request',
      prompt: 'consent',                             // nobody gets a refresh token unasked
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    });
    let page = await this.signInAt(await this.open(`/authorize?${request}`));
    if (this.has(page, 'consent-allow')) {
      page = await this.press(page, 'consent-allow', { decision: 'allow' });
    }
    const code = page.away?.searchParams.get('code');
    if (!code) throw new Error(`no code: ${page.away ?? page.html}`);
    return app.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: app.redirectUri,
      code_verifier: verifier,
    });
  }

  /** Changes the password in the account area, and says when the answer came: hashing takes its time. */
  async changePassword(password) {
    const page = await this.signInAt(await this.open('/account/password'));
    const form = { password: this.password, 'new-password': password, 'new-password-confirm': password };
    const after = await this.press(page, 'password-save', form);
    const answered = performance.now();
    if (this.has(after, 'password-save')) throw new Error(`not changed: ${after.html}`);
    this.password = password;
    return answered;
  }

  /** As an administrator: blocks somebody in the admin pages, and says when the form was sent. */
  async block(user, justBefore = () => {}) {
    const page = await this.signInAt(await this.open(`/admin/users/${user}/block`));
    await justBefore();
    const sent = performance.now();
    const after = await this.press(page, 'confirm-submit', { reason: 'left the company' });
    if (!this.has(after, 'user-unblock')) throw new Error(`not blocked: ${after.html}`);
    return sent;
  }
}
