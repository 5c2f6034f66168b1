// One running Lodestone with a data folder of its own: started from the binary, spoken to only from outside.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

export const ROOT = path.resolve(import.meta.dirname, '../../..');
export const BINARY = path.resolve(ROOT, process.env.LODESTONE_BIN ?? 'target/debug/lodestone');
/** Longest wait for the first line of a start. */
const START_MS = 30_000;
/** Between two looks at something that is awaited. */
const LOOK_MS = 20;

export class Server {
  /** Starts the binary on a free port and returns when it says where it listens. */
  static async start(...more) {
    const data = await mkdtemp(path.join(tmpdir(), 'lodestone-browser-'));
    const child = spawn(BINARY, ['serve', '--addr', '127.0.0.1:0', '--data', data, ...more], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // A test file that is cut short leaves nothing running.
    process.once('exit', () => child.kill('SIGKILL'));
    process.once('SIGTERM', () => process.exit(1));
    const server = new Server(child, data);
    const lines = createInterface({ input: child.stdout });
    const [first] = await Promise.race([
      once(lines, 'line', { signal: AbortSignal.timeout(START_MS) }),
      once(child, 'exit').then(([code]) => {
        throw new Error(`${BINARY} ended with ${code} before it listened`);
      }),
    ]);
    const said = /^listening on (http:\/\/\S+)$/.exec(first);
    assert.ok(said, `the first line is ${JSON.stringify(first)}`);
    server.url = said[1];
    return server;
  }

  constructor(child, data) {
    this.child = child;
    this.data = data;
  }

  /** Asks it to stop, and checks that it did so in good order. */
  async stop() {
    if (this.child.exitCode === null) {
      const ended = once(this.child, 'exit');
      this.child.kill('SIGTERM');
      await ended;
    }
    await rm(this.data, { recursive: true, force: true });
    assert.equal(this.child.exitCode, 0, 'a stop in good order');
  }

  async #json(path_, init) {
    const response = await fetch(this.url + path_, { ...init, headers: { accept: 'application/json' } });
    if (response.status === 404) return null;
    assert.ok(response.ok, `${path_} answered ${response.status}: ${await response.clone().text()}`);
    return response.json();
  }

  /** Returns when streams and work due now are drained. */
  settle() {
    return this.#json('/local/settle', { method: 'POST' });
  }

  /** Lets time pass for the handlers: what a reader spends on a page, or days. */
  advance(seconds) {
    return this.#json('/local/clock', { method: 'POST', body: JSON.stringify({ advance_seconds: seconds }) });
  }

  /** Mails to an address, oldest first. */
  mailsTo(address) {
    return this.#json(`/local/mail?to=${encodeURIComponent(address)}`);
  }

  /** All mails, oldest first. */
  mails() {
    return this.#json('/local/mail');
  }

  /** Everything stored about an address; null where it is unknown. */
  lead(email) {
    return this.#json(`/local/leads?email=${encodeURIComponent(email)}`);
  }

  leads() {
    return this.#json('/local/leads');
  }

  /** The newest mail to an address after all work is done. */
  async lastMailTo(address) {
    await this.settle();
    const mail = (await this.mailsTo(address)).at(-1);
    assert.ok(mail, `a mail to ${address}`);
    return mail;
  }
}

/** Looks until `probe` answers something true, and answers that. */
export async function until(what, probe, limit = 10_000) {
  const end = performance.now() + limit;
  for (;;) {
    const found = await probe();
    if (found) return found;
    if (performance.now() > end) throw new Error(`${what}: not within ${limit} ms`);
    await pause(LOOK_MS);
  }
}

/** The link of a mail with this path, such as `/d/`. */
export function linkOf(mail, part) {
  const link = mail.links.find((url) => new URL(url).pathname.startsWith(part));
  assert.ok(link, `a ${part} link in the mail, which has ${mail.links}`);
  return link;
}
