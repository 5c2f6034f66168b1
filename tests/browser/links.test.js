// Links of the mails that follow: the page on which people choose their mails, and counted links to pages of the business. Those pages
// are elsewhere, so here another server plays them.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';

import { photograph } from './lib/browser.js';
import { READING_SECONDS, ada, download } from './lib/people.js';
import { ROOT, linkOf, until } from './lib/server.js';
import { stage } from './lib/stage.js';

const DAY_SECONDS = 86_400;
/** Longer than the script waits before it tells of a click. */
const TOLD_MS = 3_000;

/** The business's own website: one page, with the script, that says where it is. */
const website = createServer((request, response) => {
  response.setHeader('content-type', 'text/html; charset=utf-8');
  response.end(`<!doctype html><html lang="en"><title>Three plants</title><h1>Three plants</h1><p style="height:3000px">Read on.</p>
    <script src="${set.server.url}/lodestone.js" defer></script>`);
}).listen(0, '127.0.0.1');
await once(website, 'listening');
const CASES = `http://127.0.0.1:${website.address().port}/cases?lang=en`;

/** The example site, whose counted link leads there. */
const site = await mkdtemp(path.join(tmpdir(), 'lodestone-site-'));
await cp(path.join(ROOT, 'infra/site'), site, { recursive: true });
const settings = await readFile(path.join(site, 'site.toml'), 'utf8');
await writeFile(path.join(site, 'site.toml'), settings.replace('https://www.aldermoor.example/cases', CASES));

const set = stage({ serve: ['--site', site] });
after(async () => {
  website.close();
  await rm(site, { recursive: true });
});

/** Somebody who asked for the checklist and the newsletter, confirmed both, and got the first mail that follows. */
async function reader(name, options) {
  const { page, context } = await set.visitor(options);
  const { email } = ada(name);
  await page.goto('/f/checklist');
  await set.server.advance(READING_SECONDS);
  await page.getByLabel('Work email').fill(email);
  await page.getByLabel('field notes').check();
  await page.getByRole('button', { name: 'Mail me the checklist' }).click();
  await page.waitForURL('**/thanks?form=checklist');
  await download(set.server, page, await set.server.lastMailTo(email));
  await set.server.settle();
  await set.server.advance(3 * DAY_SECONDS + 60);
  const mail = await set.server.lastMailTo(email);
  assert.equal(mail.subject, 'The three numbers that decide');
  return { page, context, email, mail };
}

const clicks = async (email) => (await set.server.lead(email)).touchpoints.filter((one) => one.kind === 'link_clicked');
const counted = async (email) => (await clicks(email)).filter((one) => !one.machine);

for (const [how, options] of [
  ['in a browser', {}],
  ['without JavaScript', { javaScriptEnabled: false }],
]) {
  test(`the page of preferences shows what is agreed to, takes it back and agrees again, ${how}`, async () => {
    const { page, email, mail } = await reader(`chooses-${options.javaScriptEnabled ?? 'script'}`, options);
    const url = linkOf(mail, '/p/');
    const decision = async () => (await set.server.lead(email)).lead.consents.newsletter.decision;
    const box = page.getByRole('checkbox', { name: /field notes/ });
    const save = async () => {
      await set.server.advance(READING_SECONDS);
      await page.getByRole('button', { name: 'Save' }).click();
      await page.getByText('Your choice holds from now on.').waitFor();
      await set.server.settle();
    };

    await page.goto(url);
    assert.ok(await box.isChecked());
    assert.ok(!(await page.content()).includes(email), 'the page shows no address');
    await photograph(page, 'preferences');
    assert.equal(await decision(), 'confirmed', 'opening it changes nothing');

    await box.uncheck();
    await save();
    assert.equal(await decision(), 'withdrawn');
    const sent = (await set.server.mailsTo(email)).length;
    await set.server.advance(10 * DAY_SECONDS);
    await set.server.settle();
    assert.equal((await set.server.mailsTo(email)).length, sent, 'no mail follows');

    await page.goto(url);
    assert.equal(await box.isChecked(), false);
    await box.check();
    await save();
    await page.goto(url);
    assert.ok(await box.isChecked());
  });
}

test('a counted link leads a person on, with nothing left in the address, and what they press there counts once', async () => {
  const { page, email, mail } = await reader('clicks');
  const before = (await set.server.lead(email)).lead.score.total;
  const answer = await page.goto(linkOf(mail, '/t/'));
  assert.equal(answer.url().split('#')[0], CASES);
  await page.getByRole('heading', { name: 'Three plants' }).waitFor();
  assert.equal(page.url(), CASES, 'no word of ours is left in the address bar');
  await set.server.settle();
  assert.deepEqual((await clicks(email)).map((one) => Boolean(one.machine)), [true], 'the visit is kept, and worth nothing yet');
  assert.equal((await set.server.lead(email)).lead.score.total, before);

  // At once, as people do who know where they are: it is told later.
  await page.getByText('Read on.').click();
  await page.keyboard.press('ArrowDown');
  await until('the click is told', async () => (await counted(email)).length === 1);
  await set.server.settle();
  const after_ = (await set.server.lead(email)).lead.score.total;
  assert.ok(after_ > before, `${before}, then ${after_}`);

  // Once more the same day, with the keyboard alone.
  await page.goto(linkOf(mail, '/t/'));
  await page.keyboard.press('PageDown');
  await pause(TOLD_MS);
  await set.server.settle();
  assert.equal((await counted(email)).length, 1);
  assert.equal((await set.server.lead(email)).lead.score.total, after_);
});

test('a scanner that follows a counted link, runs the script, scrolls and makes events of its own counts nothing', async () => {
  const { email, mail } = await reader('scanned-click');
  const before = (await set.server.lead(email)).lead.score;
  const { page, context } = await set.visitor();
  const posts = [];
  context.on('request', (request) => request.method() === 'POST' && posts.push(request.url()));
  await page.goto(linkOf(mail, '/t/'), { waitUntil: 'networkidle' });
  await page.evaluate(() => {
    for (const name of ['pointerdown', 'keydown', 'click']) document.body.dispatchEvent(new Event(name, { bubbles: true }));
    document.body.click();
    scrollTo(0, document.body.scrollHeight);
  });
  await pause(TOLD_MS);
  await set.server.settle();
  assert.deepEqual(posts, []);
  assert.deepEqual(await counted(email), []);
  assert.deepEqual((await set.server.lead(email)).lead.score, before);
});

test('without JavaScript a counted link still leads on', async () => {
  const { mail } = await reader('plain-click');
  const { page } = await set.visitor({ javaScriptEnabled: false });
  await page.goto(linkOf(mail, '/t/'));
  await page.getByRole('heading', { name: 'Three plants' }).waitFor();
});
