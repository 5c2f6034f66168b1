// The same with JavaScript switched off: forms are forms, and a mistake costs nothing that was typed.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test from 'node:test';

import { ada, askForGuide, askForVisit, download, fillGuide, fillVisit, guideForm, read, visitForm } from './lib/people.js';
import { ROOT } from './lib/server.js';
import { stage } from './lib/stage.js';

const GUIDE = path.join(ROOT, 'infra/site/magnets/heat-pump-guide.pdf');

const set = stage();
const withoutScript = () => set.visitor({ javaScriptEnabled: false });

test('without JavaScript both forms of the landing page and the Download button work', async () => {
  const { page } = await withoutScript();
  const person = ada('plain');
  await askForGuide(page, person);
  await page.getByText('The link to the guide is on its way to your inbox.').waitFor();
  const file = await download(set.server, page, await set.server.lastMailTo(person.email));
  assert.ok((await readFile(await file.path())).equals(await readFile(GUIDE)), 'the bytes are those of the site');

  await askForVisit(page, person);
  await page.getByText('An engineer calls you within one working day.').waitFor();
  await set.server.settle();
  const { lead } = await set.server.lead(person.email);
  assert.equal(lead.stage, 'mql');
  assert.equal(lead.reachability, 'confirmed');
});

test('without JavaScript the hosted pages of both forms work as well', async () => {
  const { page } = await withoutScript();
  const person = ada('hosted');
  await read(set.server, page, '/f/guide');
  await (await fillGuide(page, person)).click();
  await page.waitForURL('**/thanks?form=guide');
  await read(set.server, page, '/f/demo');
  await (await fillVisit(page, person)).click();
  await page.waitForURL('**/thanks?form=demo');
  await set.server.settle();
  const { lead, touchpoints } = await set.server.lead(person.email);
  assert.equal(touchpoints.filter((one) => one.kind === 'form_submitted').length, 2);
  assert.ok(lead.score.total > 0);
});

test('a wrong answer shows the form again with what was typed, and the error beside its field', async () => {
  const { page } = await withoutScript();
  const person = ada('careless');
  await page.goto('/');
  const submit = await fillVisit(page, person);
  // What a browser lets through and a mailbox or a telephone cannot have.
  await visitForm(page).getByLabel('Work email').fill('careless@nowhere');
  await visitForm(page).getByLabel('Phone').fill('call me');
  const [answer] = await Promise.all([page.waitForNavigation(), submit.click()]);
  assert.equal(answer.status(), 422);

  const form = visitForm(page);
  const typed = {
    'First name': 'Ada',
    'Last name': 'Lovelace',
    'Work email': 'careless@nowhere',
    Phone: 'call me',
    Company: 'Analytical Engines',
    'Country of the plant': 'NL',
    'People at the site': '250',
    'What should we know': 'Can it make steam at 120 degrees?\nWe run two shifts.',
  };
  for (const [label, value] of Object.entries(typed)) {
    assert.equal(await form.getByLabel(label).inputValue(), value, label);
  }
  for (const [question, value] of [['Budget', 'over-1m'], ['Your part', 'decide'], ['When do you want', 'now']]) {
    assert.equal(await form.getByLabel(question).inputValue(), value, question);
  }
  assert.ok(await form.getByLabel('Cut the energy bill').isChecked());
  assert.equal(await form.getByLabel('Replace an old boiler').isChecked(), false);

  for (const [label, says] of [['Work email', /after the @/], ['Phone', /number/i]]) {
    const field = form.getByLabel(label);
    assert.equal(await field.getAttribute('aria-invalid'), 'true', label);
    const problem = await describedBy(page, field);
    assert.match(problem.text, says, label);
    const box = await field.boundingBox();
    assert.ok(Math.abs(problem.box.y + problem.box.height - box.y) < 24, `the error stands right above ${label}`);
  }
  // Each error is also named at the top, with a link that leads to its field.
  const summary = page.getByRole('alert');
  await summary.getByRole('link', { name: /Work email/ }).click();
  assert.ok(page.url().endsWith(`#${await form.getByLabel('Work email').getAttribute('id')}`));

  assert.equal(await set.server.lead('careless@nowhere'), null, 'nothing was taken');
  await form.getByLabel('Work email').fill(person.email);
  await form.getByLabel('Phone').fill('+31 10 000 0000');
  await form.getByRole('button').click();
  await page.waitForURL('**/thanks?form=demo');
  await set.server.settle();
  assert.ok(await set.server.lead(person.email));
});

test('a form that an old browser sends without the required answers comes back with every one of them marked', async () => {
  const { page } = await set.visitor();
  await page.goto('/');
  await guideForm(page).evaluate((form) => {
    form.noValidate = true;
    // As on a page without our script.
    delete form.dataset.lodestone;
  });
  await guideForm(page).getByLabel('Job title').fill('Plant engineer');
  const [answer] = await Promise.all([
    page.waitForNavigation(),
    guideForm(page).getByRole('button', { name: 'Mail me the guide' }).click(),
  ]);
  assert.equal(answer.status(), 422);
  const named = await page.getByRole('alert').getByRole('link').allInnerTexts();
  assert.equal(named.length, 4, `${named}`);
  for (const label of ['First name', 'Last name', 'Work email', 'Company']) {
    assert.equal(await guideForm(page).getByLabel(label).getAttribute('aria-invalid'), 'true', label);
  }
  assert.equal(await guideForm(page).getByLabel('Job title').inputValue(), 'Plant engineer');
});

/** The problem among the elements that describe a field: its words and its place. */
async function describedBy(page, field) {
  const ids = (await field.getAttribute('aria-describedby')).split(' ');
  const problem = page.locator(`#${ids.find((id) => id.endsWith('-problem'))}`);
  return { text: await problem.innerText(), box: await problem.boundingBox() };
}
