// What /lodestone.js adds to a landing page: attribution from the visit's first page, errors beside their fields, one submission
// however often it is sent. Without it, or where it fails, the form is an ordinary form (no-script.test.js).

import assert from 'node:assert/strict';
import test from 'node:test';

import { PHONE, photograph } from './lib/browser.js';
import { ada, askForGuide, fillGuide, fillVisit, guideForm, visitForm } from './lib/people.js';
import { stage } from './lib/stage.js';

const set = stage();
const button = (page) => guideForm(page).getByRole('button', { name: 'Mail me the guide' });
const submissions = (known) => known.touchpoints.filter((one) => one.kind === 'form_submitted');

test('campaign parameters of the first page of a visit are kept and come with the form, and no cookie is set', async () => {
  const { page, context } = await set.visitor();
  const person = ada('campaign');
  await page.goto('/?utm_source=Newsletter&utm_medium=mail&gclid=AbC-123&email=secret@example.com');
  // On to the page with the form, which has other parameters.
  await page.goto('/?utm_source=own-banner');
  await (await fillGuide(page, person)).click();
  await page.waitForURL('**/thanks?form=guide');
  await set.server.settle();
  const [fact] = submissions(await set.server.lead(person.email));
  const kept = JSON.stringify(fact.source);
  for (const value of ['Newsletter', 'mail', 'AbC-123']) assert.ok(kept.includes(value), kept);
  assert.ok(!kept.includes('secret'), kept);
  assert.deepEqual(await context.cookies(), []);
});

test('every wrong answer is named beside its field, focus goes to the first, and mending one takes its error away', async () => {
  const { page, context } = await set.visitor();
  const posts = [];
  context.on('request', (request) => request.method() === 'POST' && posts.push(request));
  const person = ada('hasty');
  await page.goto('/');
  await (await fillGuide(page, person));
  const form = guideForm(page);
  await form.evaluate((one) => (one.noValidate = true));
  await form.getByLabel('Company').fill('');
  await form.getByLabel('Work email').fill('hasty@nowhere');
  await button(page).click();
  const email = form.getByLabel('Work email');
  await email.and(page.locator('[aria-invalid=true]')).waitFor();
  await page.waitForFunction(() => document.activeElement.name === 'email');
  const ids = (await email.getAttribute('aria-describedby')).split(' ');
  assert.equal(ids.length, 2, 'the problem and the help that was there');
  assert.match(await page.locator(`#${ids[0]}`).innerText(), /^Work email .*@/);
  assert.equal(await form.getByLabel('Company').getAttribute('aria-invalid'), 'true');
  assert.equal(new URL(page.url()).pathname, '/', 'the page stays');
  await photograph(page, 'landing-script-errors');

  await email.fill(person.email);
  assert.equal(await email.getAttribute('aria-invalid'), null);
  assert.equal(await email.getAttribute('aria-describedby'), 'g-email-help');
  await form.getByLabel('Company').fill(person.company);
  await button(page).click();
  await page.waitForURL('**/thanks?form=guide');
  assert.ok(posts.every((post) => post.headers()['idempotency-key']), 'each post has a key');
  await set.server.settle();
  assert.equal(submissions(await set.server.lead(person.email)).length, 1);
  // A browser counts a 422 among the errors.
  set.forgive();
});

test('impatient pressing and a lost answer make one submission', async () => {
  const { page, context } = await set.visitor();
  const person = ada('impatient');
  await page.goto('/');
  await fillGuide(page, person);
  // The first answer is lost on the way back, after it was taken.
  let lost = 0;
  await context.route('**/f/guide', async (route) => {
    if (route.request().method() !== 'POST' || lost > 0) return route.fallback();
    lost += 1;
    await route.fetch();
    return route.abort('connectionreset');
  });
  await button(page).click();
  await button(page).click({ force: true, noWaitAfter: true }).catch(() => {});
  await page.waitForURL('**/thanks?form=guide');
  assert.equal(lost, 1);
  await set.server.settle();
  const known = await set.server.lead(person.email);
  assert.equal(submissions(known).length, 1);
  assert.equal((await set.server.mailsTo(person.email)).length, 1);
  set.forgive();
});

test('where the script cannot post, the form posts itself, and it is still one submission', async () => {
  const { page, context } = await set.visitor();
  const person = ada('fallback');
  await page.goto('/');
  await fillGuide(page, person);
  await context.route('**/f/guide', (route) =>
    route.request().isNavigationRequest() ? route.fallback() : route.abort('blockedbyclient'),
  );
  await button(page).click();
  await page.waitForURL('**/thanks?form=guide');
  await set.server.settle();
  assert.equal(submissions(await set.server.lead(person.email)).length, 1);
  set.forgive();
});

test('a form that stays shows its thanks in place', async () => {
  const { page } = await set.visitor();
  const person = ada('stays');
  await page.goto('/');
  const form = visitForm(page);
  const submit = await fillVisit(page, person);
  await form.evaluate((one) => (one.dataset.lodestone = 'stay'));
  await submit.click();
  await form.getByRole('status').getByText('An engineer calls you within one working day.').waitFor();
  assert.equal(await form.getByLabel('First name').inputValue(), '', 'ready for the next one');
  await photograph(page, 'landing-script-thanks');
});

test('on a phone errors stand beside their fields and nothing runs out of the screen', async () => {
  const { page } = await set.visitor(PHONE);
  await page.goto('/');
  await fillVisit(page, ada('phone'));
  const form = visitForm(page);
  await form.evaluate((one) => (one.noValidate = true));
  await form.getByLabel('Work email').fill('ada@');
  await form.getByLabel('Phone').fill('call me');
  await form.getByLabel('First name').fill('');
  await form.getByRole('button', { name: 'Ask for a visit' }).click();
  await form.locator('[aria-invalid=true]').first().waitFor();
  await page.waitForFunction(() => document.activeElement.name === 'first_name');
  await page.waitForFunction(() => !document.querySelector('form[aria-busy]'));
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'no sideways scrolling');
  await photograph(page, 'landing-script-errors-phone');
  set.forgive();
});

test('without a mistake the script changes nothing that a visitor sees', async () => {
  const { page } = await set.visitor();
  const person = ada('plain-sailing');
  await askForGuide(page, person);
  await page.getByText('The link to the guide is on its way to your inbox.').waitFor();
});
