// What the landscape is made of, each a process of its own on a free port of this machine.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Asks until the answer is yes, for ten seconds at most. */
export async function until(what, ask) {
  const end = performance.now() + 10_000;
  while (performance.now() < end) {
    if (await ask().catch(() => false)) return;
    await pause(20);
  }
  throw new Error(`${what}: not within ten seconds`);
}

const answers = async (port) => {
  const socket = net.connect(port, '127.0.0.1');
  try {
    return await new Promise((resolve) => socket.on('connect', () => resolve(true)).on('error', () => resolve(false)));
  } finally {
    socket.destroy();
  }
};

/** One process, which can be ended and started again as it was. */
class Part {
  constructor(directory, name, port, command, environment = {}) {
    Object.assign(this, { directory, name, port, command, environment });
    this.log = join(directory, `${name}.log`);
  }

  async start() {
    const log = openSync(this.log, 'a');
    const [program, ...rest] = this.command;
    const env = { PATH: process.env.PATH, ...this.environment };
    this.child = spawn(program, rest, { cwd: this.directory, env, stdio: ['ignore', log, log] });
    this.child.on('error', () => {});
    await until(`${this.name} starts`, () => answers(this.port));
  }

  /** As a power cut does: nothing is finished, nothing is said. */
  async kill() {
    const { child } = this;
    this.child = undefined;
    if (!child || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.on('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  killNow() {
    this.child?.kill('SIGKILL');
  }
}

const nginxProgram = () => (existsSync('/usr/sbin/nginx') ? '/usr/sbin/nginx' : 'nginx');

/** Everything, started. */
export class Landscape {
  static async start({ countersign, ordersApi, source }) {
    const directory = mkdtempSync(join(tmpdir(), 'countersign-landscape-'));
    const all = new Landscape(directory, countersign, source);
    process.on('exit', () => all.end());
    for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));
    const names = ['redis', 'provider', 'orders', 'sidecar', 'reviews', 'issuer', 'api'];
    const ports = {};
    for (const name of names) ports[name] = await freePort();
    all.issuer = `http://127.0.0.1:${ports.issuer}`;
    all.api = `http://127.0.0.1:${ports.api}`;
    all.describe(ports, ordersApi);
    // The proxy first: the services look for the provider behind it from the first moment on.
    for (const name of ['redis', 'proxy', 'provider', 'orders', 'sidecar', 'reviews']) await all[name].start();
    await until('the sidecar has keys and list', async () => {
      const { status } = await fetch(`http://127.0.0.1:${ports.sidecar}/readyz`);
      return status === 200;
    });
    return all;
  }

  constructor(directory, countersign, source) {
    Object.assign(this, { directory, countersign, source });
    this.settings = { COUNTERSIGN_DATABASE_URL: `sqlite://${join(directory, 'countersign.db')}` };
  }

  describe(ports, ordersApi) {
    const at = (name) => `127.0.0.1:${ports[name]}`;
    const part = (name, port, command, environment) => {
      this[name] = new Part(this.directory, name, ports[port], command, environment);
    };
    const redisUrl = `redis://${at('redis')}`;
    part('redis', 'redis', ['redis-server', '--port', `${ports.redis}`, '--bind', '127.0.0.1', '--save', '',
      '--appendonly', 'no', '--maxmemory-policy', 'noeviction']);
    part('provider', 'provider', [this.countersign, 'serve'], {
      ...this.settings,
      COUNTERSIGN_ISSUER: this.issuer,
      COUNTERSIGN_LISTEN: at('provider'),
      COUNTERSIGN_REDIS_URL: redisUrl,
      COUNTERSIGN_TRUSTED_PROXIES: '127.0.0.1',
      COUNTERSIGN_SERVER__DRAIN_SECONDS: '0',
    });
    // Both services go on while neither Redis nor the provider is there, until tokens expire; `strict` would
    // answer 503 instead. What they know to be revoked is refused either way.
    part('orders', 'orders', [ordersApi], {
      ISSUER: this.issuer,
      LISTEN: at('orders'),
      REDIS_URL: redisUrl,
      KEEP_IN: join(this.directory, 'orders'),
      STALENESS: 'relaxed',
    });
    part('sidecar', 'sidecar', [this.countersign, 'verify-proxy', '--issuer', this.issuer,
      '--listen', at('sidecar'), '--redis-url', redisUrl, '--keep-in', join(this.directory, 'sidecar'),
      '--staleness', 'relaxed']);
    part('reviews', 'reviews', [process.execPath, join(this.source, 'reviews.mjs')], { LISTEN: at('reviews') });
    const places = {
      '127.0.0.1:8080': 'provider', '127.0.0.1:8082': 'orders', '127.0.0.1:8090': 'sidecar',
      '127.0.0.1:8083': 'reviews', '127.0.0.1:8443': 'issuer', '127.0.0.1:8444': 'api',
    };
    const configuration = readFileSync(join(this.source, 'nginx.conf'), 'utf8');
    const file = join(this.directory, 'nginx.conf');
    writeFileSync(file, configuration.replace(/127\.0\.0\.1:\d+/g, (address) => at(places[address])));
    part('proxy', 'issuer', [nginxProgram(), '-p', this.directory, '-c', file, '-e', 'errors.log']);
  }

  /** Runs a command beside the provider, and gives the document that it prints. */
  command(args, input = '') {
    const options = { env: { ...this.settings }, cwd: this.directory, input, encoding: 'utf8' };
    return JSON.parse(execFileSync(this.countersign, [...args, '--json'], options));
  }

  /** What the processes wrote, for whom something went wrong. */
  logs() {
    const parts = [this.redis, this.proxy, this.provider, this.orders, this.sidecar, this.reviews];
    const written = parts.filter((part) => part && existsSync(part.log));
    return written.map(({ name, log }) => `== ${name}\n${readFileSync(log, 'utf8').slice(-4000)}`).join('\n');
  }

  end() {
    const parts = [this.redis, this.provider, this.orders, this.sidecar, this.reviews];
    for (const part of parts) part?.killNow();
    // nginx ends its worker only when it is asked to end itself.
    this.proxy?.child?.kill('SIGTERM');
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}
