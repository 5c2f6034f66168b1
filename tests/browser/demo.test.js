// The first screen of somebody who tries it out: with made-up leads, and without any.

import assert from 'node:assert/strict';
import test from 'node:test';

import { photograph } from './lib/browser.js';
import { Server } from './lib/server.js';
import { stage } from './lib/stage.js';

const set = stage({ serve: ['--demo'] });

test('serve --demo begins with leads in the list, each with a page of its own, and mails in the inbox', async () => {
  const { page } = await set.visitor();
  await page.goto('/local/leads');
  const rows = page.getByRole('row').filter({ has: page.getByRole('rowheader') });
  const listed = await rows.count();
  assert.ok(listed > 1, `${listed} leads`);
  await photograph(page, 'demo-leads');
  await rows.first().getByRole('link').click();
  await page.getByRole('region', { name: 'Why this score' }).getByRole('table').waitFor();
  await photograph(page, 'demo-lead');
  await page.goto('/local/mail');
  assert.ok((await page.locator('.mails li').count()) > 0);
  await photograph(page, 'demo-inbox');
});

test('without it the list and the inbox say that they are empty and lead to the landing page', async () => {
  const empty = await Server.start();
  try {
    const { page } = await set.visitor({ baseURL: empty.url });
    for (const [path, says] of [['/local/leads', 'No leads yet'], ['/local/mail', 'No mail yet']]) {
      await page.goto(path);
      await page.getByText(says).waitFor();
      await photograph(page, `empty-${path.split('/').at(-1)}`);
      await page.getByRole('main').getByRole('link', { name: 'demo page' }).click();
      await page.getByRole('heading', { level: 1, name: 'Process heat without the boiler' }).waitFor();
    }
  } finally {
    await empty.stop();
  }
});
