// Mail scanners: real browsers that open every link, run its scripts and follow its redirects. And scripts that press buttons.

import assert from 'node:assert/strict';
import test from 'node:test';

import { ada, askForGuide, becomeMql, fillVisit, visitForm } from './lib/people.js';
import { linkOf } from './lib/server.js';
import { stage } from './lib/stage.js';

const set = stage();

test('a browser that opens every link of every mail, with no gesture, changes nothing', async () => {
  const { page } = await set.visitor();
  const person = ada('scanned');
  await becomeMql(set.server, page, person);
  // One more, with nothing confirmed and a consent ticked, so that there is a Confirm link too.
  const other = ada('unconfirmed');
  await page.goto('/');
  const submit = await fillVisit(page, other);
  await visitForm(page).getByLabel('field notes').check();
  await submit.click();
  await page.waitForURL('**/thanks?form=demo');
  await set.server.settle();

  const state = async () => ({
    people: [await set.server.lead(person.email), await set.server.lead(other.email)],
    mails: (await set.server.mails()).length,
  });
  const before = await state();
  const links = new Set((await set.server.mails()).flatMap((mail) => mail.links));
  const ours = [...links].filter((url) => url.startsWith(set.server.url));
  const purposes = new Set(ours.map((url) => new URL(url).pathname.split('/')[1]));
  for (const purpose of ['d', 'c', 'u', 'h']) assert.ok(purposes.has(purpose), `a /${purpose}/ link among ${[...purposes]}`);

  // Twice: as the mail arrives, and once more an hour after. Each page stays open for as long as a person reads.
  for (const later of [0, 3600]) {
    await set.server.advance(later);
    const { context } = await set.visitor();
    const opened = ours.map(async (url) => {
      const page = await context.newPage();
      const answer = await page.goto(url, { waitUntil: 'networkidle' });
      assert.ok(answer.status() < 400, `${url} answered ${answer.status()}`);
      return page;
    });
    const pages = await Promise.all(opened);
    await set.server.advance(30);
    for (const page of pages) await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
  }
  await set.server.settle();
  assert.deepEqual(await state(), before);
});

test('a script that presses Download at once is kept as a machine and earns nothing; the person after it counts', async () => {
  const { page } = await set.visitor();
  const person = ada('pressed');
  await askForGuide(page, person);
  const mail = await set.server.lastMailTo(person.email);
  const before = (await set.server.lead(person.email)).lead;

  const scanner = await set.visitor();
  await scanner.page.goto(linkOf(mail, '/d/'));
  await Promise.all([
    scanner.page.waitForEvent('download'),
    scanner.page.evaluate(() => document.querySelector('button').click()),
  ]);
  await set.server.settle();
  const scanned = await set.server.lead(person.email);
  const download = scanned.touchpoints.find((one) => one.kind === 'magnet_downloaded');
  assert.match(download.machine, /ms after the page was shown/);
  assert.equal(scanned.lead.score.total, before.score.total);
  assert.equal(scanned.lead.reachability, 'unconfirmed');

  await page.goto(linkOf(mail, '/d/'));
  await set.server.advance(5);
  await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
  await set.server.settle();
  const after = (await set.server.lead(person.email)).lead;
  assert.ok(after.score.total > before.score.total);
  assert.equal(after.reachability, 'confirmed');
});
