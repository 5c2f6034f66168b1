// Formspree's official client, unchanged: a page that uses it moves by naming another endpoint.

import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';

import { createClient, isSubmissionError } from '@formspree/core';

import { Server } from './lib/server.js';

// In a page the client reports when it was loaded and whether a program drives the browser. Here it is told that it is in one.
globalThis.window ??= {};
globalThis.document ??= { documentElement: { getAttribute: () => null } };
if (!globalThis.navigator) globalThis.navigator = { webdriver: false };

let server;
before(async () => {
  server = await Server.start();
});
after(() => server?.stop());

const guide = (email) => ({ email, first_name: 'Ada', last_name: 'Lovelace', company: 'Analytical Engines' });
const send = (form, data, options = {}) => createClient(options).submitForm(form, data, { endpoint: server.url });

const formData = (pairs) => {
  const data = new FormData();
  for (const [name, value] of Object.entries(pairs)) data.append(name, value);
  return data;
};

test('an object, a form and a form of a project are taken, and the lead is there', async () => {
  for (const [email, data, options] of [
    ['one@analytical-engines.com', (pairs) => pairs],
    ['two@analytical-engines.com', formData],
    ['three@analytical-engines.com', formData, { project: '1234567' }],
  ]) {
    const result = await send('guide', data(guide(email)), options);
    assert.equal(result.kind, 'success', JSON.stringify(result));
    assert.equal(new URL(result.next).pathname, '/thanks');
    await server.settle();
    assert.equal((await server.lead(email)).lead.profile.company.value.text, 'Analytical Engines');
  }
});

test('what is wrong with a field is told under its name and code', async () => {
  const { email, ...rest } = guide('x@analytical-engines.com');
  const cases = [
    ['guide', rest, 'email', 'REQUIRED_FIELD_MISSING'],
    ['guide', { ...rest, email: '' }, 'email', 'REQUIRED_FIELD_EMPTY'],
    ['guide', { ...rest, email: 'nobody' }, 'email', 'TYPE_EMAIL'],
    ['guide', { ...rest, email, first_name: 'a'.repeat(200) }, 'first_name', 'TYPE_TEXT'],
    ['demo', { ...rest, email, employees: 'many' }, 'employees', 'TYPE_NUMERIC'],
  ];
  for (const [form, data, field, code] of cases) {
    const result = await send(form, data);
    assert.ok(isSubmissionError(result), JSON.stringify(result));
    assert.deepEqual(result.getFormErrors(), []);
    assert.deepEqual(result.getFieldErrors(field).map((e) => e.code), [code]);
    assert.ok(result.getFieldErrors(field)[0].message.length > 5);
  }
});

test('all that is wrong is told at once', async () => {
  const result = await send('guide', { email: 'nobody' });
  assert.deepEqual(
    result.getAllFieldErrors().map(([name, errors]) => [name, errors[0].code]),
    [
      ['email', 'TYPE_EMAIL'],
      ['first_name', 'REQUIRED_FIELD_MISSING'],
      ['last_name', 'REQUIRED_FIELD_MISSING'],
      ['company', 'REQUIRED_FIELD_MISSING'],
    ],
  );
});

test('what is wrong with the whole form is told by its code', async () => {
  const file = formData(guide('f@analytical-engines.com'));
  file.append('cv', new Blob(['%PDF']), 'cv.pdf');
  for (const [form, data, code] of [
    ['guide', {}, 'EMPTY'],
    ['nothing', guide('n@analytical-engines.com'), 'FORM_NOT_FOUND'],
    ['guide', file, 'NO_FILE_UPLOADS'],
    ['guide', { ...guide('l@analytical-engines.com'), message: 'x'.repeat(70_000) }, 'UNSPECIFIED'],
  ]) {
    const result = await send(form, data);
    assert.ok(isSubmissionError(result), JSON.stringify(result));
    assert.deepEqual(result.getFormErrors().map((e) => e.code), [code]);
    assert.deepEqual(result.getAllFieldErrors(), []);
  }
});

test('a network over its limit is told so', async () => {
  for (let n = 0; n < 40; n++) {
    const result = await send('guide', guide(`many${n}@analytical-engines.com`));
    if (result.kind === 'success') continue;
    assert.deepEqual(result.getFormErrors().map((e) => e.code), ['BLOCKED']);
    return;
  }
  assert.fail('forty posts in a row were taken');
});
