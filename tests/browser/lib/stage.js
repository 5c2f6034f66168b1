// What every test file starts with: one server, one browser, and visitors whose browsers must have had nothing to complain about.

import assert from 'node:assert/strict';
import { after, afterEach, before } from 'node:test';

import { launch, visitor } from './browser.js';
import { Server } from './server.js';

/** Call once at the top of a file. `server` and `browser` are there when `prepare` and the tests run. */
export function stage({ serve = [], prepare = async () => {} } = {}) {
  const visitors = [];
  const set = {
    /** What the browser complained about so far was broken on purpose. */
    forgive() {
      for (const { complaints } of visitors) complaints.length = 0;
    },
    async visitor(options) {
      const one = await visitor(set.browser, set.server, options);
      visitors.push(one);
      return one;
    },
  };
  before(async () => {
    [set.server, set.browser] = await Promise.all([Server.start(...serve), launch()]);
    await prepare(set);
  });
  afterEach(async () => {
    const seen = visitors.splice(0);
    await Promise.all(seen.map((one) => one.context.close()));
    for (const { complaints, strangers } of seen) {
      assert.deepEqual(complaints, [], 'the console says nothing, of Content-Security-Policy or anything else');
      assert.deepEqual(strangers, [], 'no page fetches anything from elsewhere');
    }
  });
  after(async () => {
    await set.browser?.close();
    await set.server?.stop();
  });
  return set;
}
