// Hands on the keyboard only: Tab, Shift+Tab, Space, arrows, Enter.

import assert from 'node:assert/strict';
import test from 'node:test';

import { ada, askForGuide, read } from './lib/people.js';
import { linkOf } from './lib/server.js';
import { stage } from './lib/stage.js';

const set = stage();

test('the guide is asked for by keyboard alone: Tab goes through the fields in order, Enter submits', async () => {
  const { page } = await set.visitor();
  const person = ada('keys');
  await page.goto('/');
  await page.keyboard.press('Tab');
  assert.equal((await focused(page)).name, 'Skip to the content');
  await page.keyboard.press('Enter');
  await tabTo(page, 'Get the guide', 'a');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/#guide');

  const order = [];
  for (const words of [person.first, person.last, person.email, person.company, 'Plant engineer']) {
    await page.keyboard.press('Tab');
    order.push(await seen(page));
    await page.keyboard.type(words);
  }
  await page.keyboard.press('Tab');
  order.push(await seen(page));
  await page.keyboard.press('Space');
  await page.keyboard.press('Tab');
  order.push(await seen(page));
  assert.deepEqual(
    order.map((name) => name.slice(0, 18)),
    ['First name', 'Last name', 'Work email', 'Company', 'Job title optional', "Send me Aldermoor'", 'Mail me the guide'],
  );

  // Back into a field: Enter there submits too.
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/thanks?form=guide');
  await set.server.settle();
  const { lead, touchpoints } = await set.server.lead(person.email);
  assert.equal(lead.consents.newsletter.decision, 'granted');
  assert.equal(touchpoints.filter((one) => one.kind === 'form_submitted').length, 1);
});

test('a visit is asked for by keyboard alone, on the landing page and on the hosted page', async () => {
  for (const path of ['/', '/f/demo']) {
    const { page } = await set.visitor();
    const person = ada(path === '/' ? 'keys-landing' : 'keys-hosted');
    await page.goto(path);
    // Nobody fills in a form in two seconds.
    await set.server.advance(30);
    const answers = new Map([
      ['First name', person.first],
      ['Last name', person.last],
      ['Work email', person.email],
      ['Company', person.company],
      ['Country of the plant', 'Netherlands'],
      ['People at the site', '250'],
      ['Budget', 'Over'],
      ['Your part in the decision', 'I decide'],
      ['When do you want', 'Within six'],
      ['What should we know', 'Steam?'],
    ]);
    const left = new Set([...answers.keys(), 'Cut the energy bill']);
    await tabTo(page, 'First name', 'input', path === '/' ? 'd-first' : undefined);
    for (;;) {
      const at = await focused(page);
      assert.notEqual(at.field, '_gotcha', 'the field for robots is never reached');
      if (at.tag === 'button') break;
      await answer(page, at, answers, left);
      await page.keyboard.press('Tab');
    }
    assert.deepEqual([...left], [], 'every question was reached');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/thanks?form=demo');
    await set.server.settle();
    const { touchpoints } = await set.server.lead(person.email);
    const said = JSON.stringify(touchpoints.find((one) => one.kind === 'form_submitted'));
    for (const value of ['NL', '250', 'over-1m', 'now', 'decide', 'cut-cost', 'Steam?']) {
      assert.ok(said.includes(value), `${path}: ${value} in ${said}`);
    }
  }
});

test('the file is fetched by keyboard alone: Tab to the button, Enter', async () => {
  const { page } = await set.visitor();
  const person = ada('keys-reader');
  await askForGuide(page, person);
  await read(set.server, page, linkOf(await set.server.lastMailTo(person.email), '/d/'));
  await tabTo(page, 'Download', 'button');
  const [file] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('Enter')]);
  assert.equal(file.suggestedFilename(), 'Aldermoor - Process heat without the boiler.pdf');
});

test('the lead list, a lead and the inbox are walked through by keyboard alone', async () => {
  const { page } = await set.visitor();
  const person = ada('keys-walker');
  await askForGuide(page, person);
  await set.server.settle();
  await page.goto('/local/leads');
  await tabTo(page, 'Ada Lovelace', 'a');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Ada Lovelace' }).waitFor();
  await tabTo(page, 'Inbox', 'a');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: 'Inbox' }).waitFor();
  await tabTo(page, 'Process heat', 'a');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { level: 1, name: /Process heat/ }).waitFor();
});

/** Answers the question that has the focus, by its kind. */
async function answer(page, at, answers, left) {
  const question = [...answers.keys()].find((label) => at.name.startsWith(label) || at.group.startsWith(label));
  if (at.type === 'radio') {
    // Arrows move through a group, which is one stop of the Tab key.
    await page.keyboard.press('Space');
    for (let tries = 0; !(await focused(page)).name.startsWith(answers.get(question)); tries += 1) {
      assert.ok(tries < 10, `${answers.get(question)} is in the group ${at.group}`);
      await page.keyboard.press('ArrowDown');
    }
    left.delete(question);
  } else if (at.type === 'checkbox') {
    if (left.delete(at.name)) await page.keyboard.press('Space');
  } else if (question !== undefined && left.delete(question)) {
    await page.keyboard.type(answers.get(question));
  }
}

/** What has the focus: its name as a screen reader says it, roughly, and whether the focus can be seen. */
function focused(page) {
  return page.evaluate(() => {
    const at = document.activeElement;
    const label = at.labels?.[0] ?? at;
    const style = getComputedStyle(at);
    return {
      tag: at.localName,
      type: at.type ?? '',
      id: at.id,
      field: at.name ?? '',
      name: label.textContent.trim().replaceAll(/\s+/g, ' '),
      group: at.closest('fieldset')?.querySelector('legend')?.textContent.trim() ?? '',
      visible: Number.parseFloat(style.outlineWidth) >= 2 && style.outlineStyle !== 'none',
      on: at.getBoundingClientRect().bottom > 0 && at.getBoundingClientRect().top < innerHeight,
    };
  });
}

/** The name of what has the focus, which must be on the screen and marked. */
async function seen(page) {
  const at = await focused(page);
  assert.ok(at.visible, `the focus on ${at.name} can be seen`);
  assert.ok(at.on, `${at.name} is on the screen`);
  return at.name;
}

/** Presses Tab until this has the focus. */
async function tabTo(page, name, tag, id) {
  for (let presses = 0; presses < 60; presses += 1) {
    await page.keyboard.press('Tab');
    const at = await focused(page);
    assert.notEqual(at.field, '_gotcha', 'the field for robots is never reached');
    if (at.tag === tag && at.name.includes(name) && (id === undefined || at.id === id)) {
      await seen(page);
      return;
    }
  }
  assert.fail(`Tab never reached ${name}`);
}
