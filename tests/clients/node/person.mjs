// A person with a browser without scripts: keeps cookies, fills in forms, presses buttons.

const escapes = { '&#60;': '<', '&#62;': '>', '&#34;': '"', '&#39;': "'", '&#38;': '&' };

function unescape(text) {
  return text.replace(/&#\d+;/g, (escape) => escapes[escape] ?? escape);
}

function attribute(tag, name) {
  const found = tag.match(new RegExp(`\\s${name}="([^"]*)"`));
  return found ? unescape(found[1]) : undefined;
}

/** The forms of a page: where each goes, and its hidden fields. */
function formsOf(html) {
  return [...html.matchAll(/<form([^>]*)>(.*?)<\/form>/gs)].map(([, head, inside]) => ({
    action: attribute(head, 'action'),
    ids: [...inside.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id),
    fields: [...inside.matchAll(/<input[^>]*type="hidden"[^>]*>/g)].map(([tag]) => [
      attribute(tag, 'name'),
      attribute(tag, 'value') ?? '',
    ]),
    submits: head.includes('data-auto-submit'),
  }));
}

export class Person {
  #cookies = new Map();

  constructor(stage) {
    this.origin = new URL(stage.issuer).origin;
    this.user = stage.user;
  }

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
      if (/max-age=0/i.test(line)) this.#cookies.delete(name);
      else this.#cookies.set(name, value);
    }
    return { url, status: response.status, headers: response.headers, html: await response.text() };
  }

  /** Goes on until a page shows, or the browser is sent away: then `{ away, form }`. */
  async #open(url, form) {
    let page = await this.#fetch(url, form);
    for (let turns = 0; turns < 8; turns += 1) {
      const refresh = page.headers.get('refresh')?.match(/url=(.*)$/)?.[1];
      const to = page.headers.get('location') ?? refresh;
      if (to === undefined) break;
      const next = new URL(to, page.url);
      if (next.origin !== this.origin) return { away: next };
      page = await this.#fetch(next);
    }
    const posted = formsOf(page.html).find((one) => one.submits);
    if (posted) return { away: new URL(posted.action), form: posted.fields };
    return page;
  }

  async #press(page, id, fields) {
    const form = formsOf(page.html).find((one) => one.ids.includes(id));
    if (!form) throw new Error(`no ${id} on the page ${page.url}: ${page.status} ${page.html}`);
    return this.#open(new URL(form.action, page.url), [...form.fields, ...Object.entries(fields)]);
  }

  static #has(page, id) {
    return page.html?.includes(`id="${id}"`);
  }

  /** Opens an address, signs in and decides where that is asked for, and ends at the app. */
  async answer(url, decision = 'allow') {
    let page = await this.#open(url);
    const { username, password } = this.user;
    this.asked = [];
    if (Person.#has(page, 'login-submit')) {
      this.asked.push('login');
      page = await this.#press(page, 'login-submit', { username, password });
    }
    if (Person.#has(page, 'consent-allow')) {
      this.asked.push('consent');
      page = await this.#press(page, 'consent-allow', { decision });
    }
    if (!page.away) throw new Error(`stuck at ${page.url}: ${page.status} ${page.html}`);
    return page;
  }

  /** Types the code of a device, or sends the one that is filled in; ends at a page that says it. */
  async connect(url, code, decision = 'allow') {
    let page = await this.#open(url);
    const filled = page.html.match(/name="user_code"[^>]*value="([^"]*)"/)?.[1];
    page = await this.#press(page, 'device-submit', { user_code: code ?? filled });
    const { username, password } = this.user;
    if (Person.#has(page, 'login-submit')) {
      page = await this.#press(page, 'login-submit', { username, password });
    }
    page = await this.#press(page, 'consent-allow', { decision });
    return page.html;
  }

  /** Decides on the account what an app has asked. */
  async decide(decision = 'allow') {
    const { username, password } = this.user;
    let page = await this.#open(new URL('/account/requests', this.origin));
    if (Person.#has(page, 'login-submit')) {
      page = await this.#press(page, 'login-submit', { username, password });
    }
    const [form] = formsOf(page.html).filter((one) => one.action === '/account/requests');
    if (!form) throw new Error(`nothing waits at ${page.url}: ${page.html}`);
    const to = new URL(form.action, page.url);
    page = await this.#open(to, [...form.fields, ['decision', 'review']]);
    page = await this.#press(page, 'consent-allow', { decision });
    return page.html;
  }

  /** As `answer`, as the request that reaches the app: its address, or what is posted to it. */
  async callback(url, decision) {
    const { away, form } = await this.answer(url, decision);
    if (!form) return away;
    return new Request(away, { method: 'POST', body: new URLSearchParams(form) });
  }
}
