// Every page there is, on a desk and on a phone, by day and by night: nothing sticks out to the side, axe-core finds no serious
// violation, the console stays silent. A picture of each is left in target/screenshots/ for people to look at.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import test from 'node:test';

import { photograph, PHONE } from './lib/browser.js';
import { cast, guideForm } from './lib/people.js';
import { linkOf } from './lib/server.js';
import { stage } from './lib/stage.js';

const AXE = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DESK = { viewport: { width: 1280, height: 900 } };
/** What axe-core calls worse than an annoyance. */
const SERIOUS = ['serious', 'critical'];
/** Fewer letters than this on each of several lines are no way to set a text. */
const LETTERS_A_LINE = 8;
/** Longer than a Download link lives. */
const EIGHT_DAYS_SECONDS = 8 * 86_400;

const set = stage({ prepare });
const links = {};

/** Brings about one of everything that there is to see. */
async function prepare() {
  const { page, context } = await set.visitor();
  const { ready, unread, unconfirmed } = await cast(set.server, page, 'shown');
  await set.server.settle();
  const mails = await set.server.mails();
  const of = (kind) => mails.find((mail) => mail.tags.kind === kind);
  const about = (email) => mails.find((mail) => mail.to.includes(email));
  Object.assign(links, {
    lead: `/local/leads?email=${encodeURIComponent(ready.email)}`,
    download: linkOf(about(unread.email), '/d/'),
    'download-confirmed': linkOf(about(ready.email), '/d/'),
    unsubscribe: linkOf(about(unread.email), '/u/'),
    confirm: linkOf(about(unconfirmed.email), '/c/'),
    handoff: linkOf(of('alert'), '/h/'),
    'handoff-reject': of('alert').links.find((url) => url.includes('answer=reject')),
    'handoff-later': of('alert').links.find((url) => url.includes('answer=snooze')),
    'handoff-pass': of('alert').links.find((url) => url.includes('answer=pass')),
    'mail-magnet': `/local/mail/${about(unread.email).id}`,
    'mail-confirm': `/local/mail/${about(unconfirmed.email).id}`,
    'mail-alert': `/local/mail/${of('alert').id}`,
    'mail-notice': `/local/mail/${of('notice').id}`,
  });
  await context.close();
}

/** Pages that a GET shows, in the order in which a visitor meets them. */
const SHOWN = {
  landing: () => '/',
  'form-guide': () => '/f/guide',
  'form-demo': () => '/f/demo',
  'thanks-guide': () => '/thanks?form=guide',
  'thanks-demo': () => '/thanks?form=demo',
  download: () => links.download,
  'download-confirmed': () => links['download-confirmed'],
  confirm: () => links.confirm,
  unsubscribe: () => links.unsubscribe,
  'not-ours': () => '/d/v1.never.was',
  'no-such-form': () => '/f/nothing',
  handoff: () => links.handoff,
  'handoff-reject': () => links['handoff-reject'],
  'handoff-later': () => links['handoff-later'],
  'handoff-pass': () => links['handoff-pass'],
  leads: () => '/local/leads',
  lead: () => links.lead,
  inbox: () => '/local/mail',
  'mail-magnet': () => links['mail-magnet'],
  'mail-alert': () => links['mail-alert'],
  'mail-magnet-alone': () => `${links['mail-magnet']}/html`,
  'mail-confirm-alone': () => `${links['mail-confirm']}/html`,
  'mail-alert-alone': () => `${links['mail-alert']}/html`,
  'mail-notice-alone': () => `${links['mail-notice']}/html`,
};
/** Pages with one look, whatever the visitor's system prefers. */
const LIGHT_ONLY = new Set(['landing']);

for (const [name, url] of Object.entries(SHOWN)) {
  test(`the page “${name}” fits a phone, is accessible, and breaks no policy of its own`, async () => {
    await inspect(name, (page) => page.goto(url()));
  });
}

test('a form that comes back with errors fits a phone, is accessible, and breaks no policy of its own', async () => {
  await inspect('form-errors', async (page) => {
    await page.goto('/f/guide');
    await guideForm(page).evaluate((form) => (form.noValidate = true));
    await guideForm(page).getByLabel('First name').fill('Ada');
    await guideForm(page).getByLabel('Work email').fill('ada at home');
    await guideForm(page).getByRole('button', { name: 'Mail me the guide' }).click();
    await page.getByRole('alert').waitFor();
  });
});

test('a refused post is answered with a page that fits a phone and is accessible', async () => {
  await inspect('refused', async (page) => {
    await page.goto('/f/guide');
    await guideForm(page).evaluate((form) => {
      form.noValidate = true;
      form.enctype = 'text/plain';
    });
    await guideForm(page).getByRole('button', { name: 'Mail me the guide' }).click();
    await page.getByRole('heading', { name: 'That did not work' }).waitFor();
  });
});

test('a handoff that was answered and a link that has run out fit a phone and are accessible', async () => {
  const { page } = await set.visitor();
  await page.goto(links.handoff);
  await set.server.advance(5);
  await page.getByRole('button', { name: 'I take it' }).click();
  await page.getByText('took this lead').waitFor();
  await set.server.settle();
  await inspect('handoff-answered', (one) => one.goto(links.handoff));

  await set.server.advance(EIGHT_DAYS_SECONDS);
  await inspect('expired', (one) => one.goto(links.download));
});

/** Looks at a page in every way in which people see it. `open` brings a fresh visitor's page there. */
async function inspect(name, open) {
  const schemes = LIGHT_ONLY.has(name) ? ['light'] : ['light', 'dark'];
  const views = [DESK, PHONE].flatMap((size) => schemes.map((colorScheme) => ({ ...size, colorScheme })));
  const outcomes = await Promise.allSettled(views.map((options) => view(name, open, options)));
  assert.deepEqual(
    outcomes.filter((one) => one.status === 'rejected').map((one) => one.reason.message),
    [],
  );
}

async function view(name, open, options) {
  const { page } = await set.visitor(options);
  await open(page);
  const view = [name, options.viewport.width, ...(LIGHT_ONLY.has(name) ? [] : [options.colorScheme])].join('-');
  await photograph(page, view);
  assert.notEqual(await page.title(), '', `${view} has a title`);
  await fits(page, view);
  if (!name.endsWith('-alone')) {
    await accessible(page, view);
    return;
  }
  // The HTML of a mail is shown in a sandbox where no timer runs; axe-core needs some.
  const outside = await set.visitor({ ...options, bypassCSP: true });
  await open(outside.page);
  await accessible(outside.page, view);
}

/** Nothing is wider than the screen, and no text is squeezed into a column of a few letters. */
async function fits(page, view) {
  const { wide, screen, culprits, squeezed } = await page.evaluate((letters) => {
    const screen = document.documentElement.clientWidth;
    const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const squeezed = [];
    while (words.nextNode()) {
      if (words.currentNode.parentElement.closest('[aria-hidden="true"]')) continue;
      const text = words.currentNode.textContent.trim();
      const range = document.createRange();
      range.selectNodeContents(words.currentNode);
      const lines = new Set([...range.getClientRects()].filter((box) => box.width > 1).map((box) => Math.round(box.top)));
      if (lines.size >= 3 && text.length / lines.size < letters) squeezed.push(text);
    }
    return {
      wide: document.documentElement.scrollWidth,
      screen,
      culprits: [...document.querySelectorAll('body *')]
        .filter((one) => one.getBoundingClientRect().right > screen + 1)
        .map((one) => one.outerHTML.slice(0, 120)),
      squeezed,
    };
  }, LETTERS_A_LINE);
  assert.ok(wide <= screen, `${view}: ${wide} px on a screen of ${screen}: ${culprits.slice(0, 3)}`);
  assert.deepEqual(squeezed, [], `${view}: squeezed`);
}

/** axe-core finds nothing serious. */
async function accessible(page, view) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => window.axe.run(document, { iframes: false }));
  const found = violations
    .filter((one) => SERIOUS.includes(one.impact))
    .map((one) => `${one.id}: ${one.help}\n  ${one.nodes.map((node) => `${node.html}\n    ${node.failureSummary}`).join('\n  ')}`);
  assert.deepEqual(found, [], view);
}
