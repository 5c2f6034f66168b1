// A form that asks for our own proof of work, on its hosted page: with the script nobody notices; without it, or where the script cannot
// get its task, the visitor is thanked all the same and what they sent waits for a person. Nothing is fetched from a third party.

import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';

import { PHONE, photograph } from './lib/browser.js';
import { ada, askForGuide, fillGuide, fillVisit, guideForm, read, visitForm } from './lib/people.js';
import { ROOT } from './lib/server.js';
import { stage } from './lib/stage.js';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

// The example's site, where both forms ask for the proof.
const site = mkdtempSync(path.join(tmpdir(), 'lodestone-altcha-'));
cpSync(path.join(ROOT, 'infra/site'), site, { recursive: true });
for (const form of ['guide', 'demo']) {
  const file = path.join(site, `forms/${form}.toml`);
  writeFileSync(file, `${readFileSync(file, 'utf8')}\n[proof]\nkind = "altcha"\n`);
}
process.once('exit', () => rmSync(site, { recursive: true, force: true }));

const set = stage({ serve: ['--site', site] });

/** What is set aside for this address: the doubts. */
async function doubts(email) {
  const answer = await fetch(`${set.server.url}/local/quarantine`, { headers: { accept: 'application/json' } });
  const { held } = await answer.json();
  return held.filter((one) => one.email === email).map((one) => one.doubt);
}

/** What a visitor without scripts reads, right above the button. Looks for words pass over what stands in a noscript element. */
const unscripted = (page) => page.locator('noscript p');

/** A visitor whose posts are kept. */
async function watched(options) {
  const one = await set.visitor(options);
  one.posts = [];
  one.context.on('request', (request) => {
    if (request.method() === 'POST') one.posts.push(new URLSearchParams(request.postData() ?? ''));
  });
  return one;
}

test('with the script the proof is solved while the form is filled in, on a phone as well', async () => {
  const { page, posts } = await watched(PHONE);
  const person = ada('solved');
  await page.goto('/f/guide');
  const submit = await fillGuide(page, person);
  assert.equal(await unscripted(page).count(), 0);
  await photograph(page, 'altcha-form-phone');
  await submit.click();
  await page.waitForURL('**/thanks?form=guide');
  assert.equal(posts.length, 1);
  const { solution } = JSON.parse(atob(posts[0].get('altcha')));
  assert.ok(solution.counter >= 0);
  await set.server.settle();
  assert.deepEqual(await doubts(person.email), []);
  assert.equal((await set.server.mailsTo(person.email)).length, 1);
});

test('wrong answers are named beside their fields, and mending them makes one submission with the proof that was there', async () => {
  const { page, posts } = await watched(PHONE);
  const person = ada('mended');
  await page.goto('/f/demo');
  const submit = await fillVisit(page, person);
  const form = visitForm(page);
  await form.evaluate((one) => (one.noValidate = true));
  await form.getByLabel('Work email').fill('mended@nowhere');
  await form.getByLabel('Phone').fill('call me');
  await form.getByLabel('First name').fill('');
  await submit.click();
  await page.waitForFunction(() => document.activeElement.name === 'first_name');
  for (const [label, says] of [['First name', /required/], ['Work email', /after the @/], ['Phone', /number/i]]) {
    const field = form.getByLabel(label);
    assert.equal(await field.getAttribute('aria-invalid'), 'true', label);
    const ids = (await field.getAttribute('aria-describedby')).split(' ');
    const problem = page.locator(`#${ids.find((id) => id.endsWith('-problem'))}`);
    assert.match(await problem.innerText(), says, label);
    const [box, below] = [await field.boundingBox(), await problem.boundingBox()];
    assert.ok(below.y - (box.y + box.height) < 24 && below.y >= box.y, `the error stands right below ${label}`);
    assert.ok(Math.abs(below.x - box.x) < 8, `and begins where ${label} begins`);
    const colour = (one) => one.evaluate((element) => getComputedStyle(element).color);
    assert.notEqual(await colour(problem), await colour(form), `the error of ${label} is set apart`);
  }
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no sideways scrolling');
  await page.waitForFunction(() => !document.querySelector('form[aria-busy]'));
  await photograph(page, 'altcha-errors-phone');

  await form.getByLabel('First name').fill(person.first);
  await form.getByLabel('Work email').fill(person.email);
  await form.getByLabel('Phone').fill('+31 10 000 0000');
  assert.equal(await page.locator('.lodestone-problem').count(), 0, 'mending takes the errors away');
  await submit.click();
  await page.waitForURL('**/thanks?form=demo');
  assert.equal(posts.length, 2);
  assert.equal(posts[0].get('altcha'), posts[1].get('altcha'), 'nothing was taken, so the proof is still good');
  await set.server.settle();
  assert.deepEqual(await doubts(person.email), []);
  const { touchpoints } = await set.server.lead(person.email);
  assert.equal(touchpoints.filter((one) => one.kind === 'form_submitted').length, 1);
  set.forgive();
});

test('on a desk errors leave two fields of a row side by side, and axe-core finds nothing serious', async () => {
  // A policy of the page keeps axe-core out.
  const { page } = await set.visitor({ viewport: { width: 1280, height: 900 }, bypassCSP: true });
  await page.goto('/f/demo');
  const submit = await fillVisit(page, ada('desk'));
  const form = visitForm(page);
  await form.evaluate((one) => (one.noValidate = true));
  await form.getByLabel('First name').fill('');
  await submit.click();
  await page.waitForFunction(() => document.activeElement.name === 'first_name');
  await page.waitForFunction(() => !document.querySelector('form[aria-busy]'));
  const [first, last] = [await form.getByLabel('First name').boundingBox(), await form.getByLabel('Last name').boundingBox()];
  assert.ok(Math.abs(first.y - last.y) < 2 && last.x > first.x, 'side by side');
  await photograph(page, 'altcha-errors-desk');
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { iframes: false }));
  const serious = violations.filter((one) => ['serious', 'critical'].includes(one.impact));
  assert.deepEqual(serious.map((one) => `${one.id}: ${one.help}`), []);
  set.forgive();
});

test('without JavaScript the page says what follows, thanks all the same, and the submission waits for a person', async () => {
  const { page } = await set.visitor({ javaScriptEnabled: false, ...PHONE });
  const person = ada('no-script');
  await read(set.server, page, '/f/guide');
  const submit = await fillGuide(page, person);
  assert.match(await unscripted(page).textContent(), /^Without JavaScript a person looks at what you send first/);
  const [said, pressed] = [await unscripted(page).boundingBox(), await submit.boundingBox()];
  assert.ok(said.height > 0 && said.y + said.height <= pressed.y && pressed.y - said.y < 200, 'seen before the button');
  await photograph(page, 'altcha-no-script-phone');
  await submit.click();
  await page.waitForURL('**/thanks?form=guide');
  await set.server.settle();
  assert.equal(await set.server.lead(person.email), null);
  assert.deepEqual(await doubts(person.email), ['no_proof']);

  // A person lets it through, and it goes the way of every submission.
  const operator = await set.visitor();
  await operator.page.goto('/local/quarantine');
  const entry = operator.page.getByRole('listitem').filter({ hasText: person.email });
  await entry.getByRole('button', { name: 'Take it up' }).click();
  await set.server.settle();
  assert.ok(await set.server.lead(person.email));
  assert.equal((await set.server.mailsTo(person.email)).length, 1);
  assert.deepEqual(await doubts(person.email), []);
});

test('without JavaScript a mistake brings the form back with what was typed, and it still says what follows', async () => {
  const { page } = await set.visitor({ javaScriptEnabled: false });
  await read(set.server, page, '/f/guide');
  const submit = await fillGuide(page, ada('no-script-mistake'));
  await guideForm(page).getByLabel('Work email').fill('ada@nowhere');
  const [answer] = await Promise.all([page.waitForNavigation(), submit.click()]);
  assert.equal(answer.status(), 422);
  assert.equal(await guideForm(page).getByLabel('Company').inputValue(), 'Analytical Engines');
  assert.equal(await guideForm(page).getByLabel('Work email').getAttribute('aria-invalid'), 'true');
  assert.ok((await unscripted(page).boundingBox()).height > 0);
});

test('where the task cannot be fetched the visitor is thanked, and the submission waits', async () => {
  const { page, context } = await set.visitor();
  const person = ada('no-task');
  await page.goto('/f/guide');
  await context.route('**/challenge', (route) => route.abort('connectionreset'));
  await (await fillGuide(page, person)).click();
  await page.waitForURL('**/thanks?form=guide');
  await set.server.settle();
  assert.deepEqual(await doubts(person.email), ['no_proof']);
  set.forgive();
});

test('a landing page with the script needs no change for a form that asks for the proof', async () => {
  const { page } = await set.visitor();
  const person = ada('landing');
  await askForGuide(page, person);
  await set.server.settle();
  assert.deepEqual(await doubts(person.email), []);
  assert.equal((await set.server.mailsTo(person.email)).length, 1);
});
