// A picture of everything that people see: every mail, every page a visitor meets, every answer of sales, the local pages and the
// reports, on a desk, on a phone and by night. Nothing is judged here; look at them. `gallery.sh` runs it.
//
//   node gallery.js [what ...]      mails visitors sales local reports; all of them without a word

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { launch, photograph, PHONE, visitor } from './lib/browser.js';
import { cast, download, guideForm, READING_SECONDS } from './lib/people.js';
import { BINARY, linkOf, ROOT, Server } from './lib/server.js';

const run = promisify(execFile);
const DAY_SECONDS = 86_400;
const VIEWS = {
  desk: { viewport: { width: 1200, height: 900 }, colorScheme: 'light' },
  phone: { ...PHONE, colorScheme: 'light' },
  dark: { viewport: { width: 1200, height: 900 }, colorScheme: 'dark' },
};
const wanted = process.argv.slice(2);
const asked = (what) => wanted.length === 0 || wanted.includes(what);

const browser = await launch();
let taken = 0;

/** A page in every view. `open` brings a fresh visitor's page there, or is its address. */
async function shoot(server, name, open) {
  await Promise.all(
    Object.entries(VIEWS).map(async ([view, options]) => {
      const { page, context } = await visitor(browser, server, options);
      try {
        if (typeof open === 'string') await page.goto(open);
        else await open(page);
        await photograph(page, path.join('gallery', `${name}-${view}`));
        taken += 1;
      } catch (error) {
        console.error(`${name}, ${view}: ${error.message.split('\n')[0]}`);
        process.exitCode = 1;
      } finally {
        await context.close();
      }
    }),
  );
}

/** Somebody asks for one of the two checklists on its own page. */
async function askForChecklist(server, page, form, email, button) {
  await page.goto(`/f/${form}`);
  await server.advance(READING_SECONDS);
  await page.locator('[name=email]').fill(email);
  await page.locator('[name=first_name]').fill('Ada');
  await page.locator('[name=newsletter]').check();
  await page.getByRole('button', { name: button }).click();
  await page.waitForURL('**/thanks?**');
  await server.settle();
}

async function people(server) {
  const { page, context } = await visitor(browser, server);
  const { ready: person, unread } = await cast(server, page, 'gallery');
  await askForChecklist(server, page, 'checkliste', 'ada@rechenwerk.de', 'Checkliste schicken');
  await askForChecklist(server, page, 'checklist', 'reminded@flow-matic.org', 'Mail me the checklist');
  // Another one, who leaves.
  const leaver = 'leaver@flow-matic.org';
  await askForChecklist(server, page, 'checklist', leaver, 'Mail me the checklist');
  const follower = 'follower@flow-matic.org';
  await askForChecklist(server, page, 'checklist', follower, 'Mail me the checklist');
  await download(server, page, await server.lastMailTo(follower));
  await server.settle();
  await context.close();
  return { person, unread, follower, leaver };
}

async function mails(server) {
  const seen = new Map();
  for (const mail of await server.mails()) {
    const german = /checkliste|Checkliste/.test(mail.subject) ? '-de' : '';
    const name = `mail-${mail.tags.kind ?? 'mail'}${german}-${mail.subject.replace(/[^A-Za-z]+/g, '-').slice(0, 28).toLowerCase()}`;
    if (!seen.has(name)) seen.set(name, mail);
  }
  for (const [name, mail] of seen) await shoot(server, name, `/local/mail/${mail.id}/html`);
}

async function visitors(server, { person, unread, follower, leaver }) {
  const about = async (email) => (await server.mailsTo(email)).find((mail) => mail.tags.kind !== 'notice');
  const [mine, theirs, german] = [await about(person.email), await about(unread.email), await about('ada@rechenwerk.de')];
  const confirm = await about('jean@eniac.org');
  const shown = {
    landing: '/',
    'form-guide': '/f/guide',
    'form-demo': '/f/demo',
    'form-checkliste-de': '/f/checkliste',
    thanks: '/thanks?form=guide',
    'thanks-de': '/thanks?form=checkliste',
    download: linkOf(theirs, '/d/'),
    'download-confirmed': linkOf(mine, '/d/'),
    'download-de': linkOf(german, '/d/'),
    confirm: linkOf(confirm, '/c/'),
    unsubscribe: linkOf(theirs, '/u/'),
    'unsubscribe-de': linkOf(german, '/u/'),
    preferences: linkOf(await about(follower), '/p/'),
    'preferences-de': linkOf(german, '/p/'),
    'not-ours': '/d/v1.never.was',
    'no-such-form': '/f/nothing',
    'no-such-page': '/nothing',
  };
  for (const [name, url] of Object.entries(shown)) await shoot(server, `page-${name}`, url);
  await shoot(server, 'page-form-errors', async (page) => {
    await page.goto('/f/guide');
    await guideForm(page).evaluate((form) => (form.noValidate = true));
    await guideForm(page).getByLabel('Work email').fill('ada at home');
    await guideForm(page).getByRole('button', { name: 'Mail me the guide' }).click();
    await page.getByRole('alert').waitFor();
  });
  await shoot(server, 'page-form-errors-de', async (page) => {
    await page.goto('/f/checkliste');
    await page.locator('form').evaluate((form) => (form.noValidate = true));
    await page.locator('[name=email]').fill('ada zu Hause');
    await page.getByRole('button', { name: 'Checkliste schicken' }).click();
    await page.getByRole('alert').waitFor();
  });
  await shoot(server, 'page-refused', async (page) => {
    await page.goto('/f/guide');
    await guideForm(page).evaluate((form) => {
      form.noValidate = true;
      form.enctype = 'text/plain';
    });
    await guideForm(page).getByRole('button', { name: 'Mail me the guide' }).click();
    await page.getByRole('heading', { name: 'That did not work' }).waitFor();
  });
  const { page, context } = await visitor(browser, server);
  await page.goto(linkOf(await about(follower), '/p/'));
  await server.advance(READING_SECONDS);
  await page.getByRole('button', { name: 'Save' }).click();
  await photograph(page, 'gallery/page-preferences-saved-desk');
  await page.goto(linkOf(await about(leaver), '/u/'));
  await page.getByRole('button').click();
  await photograph(page, 'gallery/page-unsubscribed-desk');
  await context.close();
  await shoot(server, 'page-preferences-left', linkOf(await about(leaver), '/p/'));
}

/** After a month: links that have run out. */
async function expired(server, { unread }) {
  await server.advance(31 * DAY_SECONDS);
  const about = async (email) => (await server.mailsTo(email))[0];
  await shoot(server, 'page-expired', linkOf(await about(unread.email), '/d/'));
  await shoot(server, 'page-expired-de', linkOf(await about('ada@rechenwerk.de'), '/d/'));
  await shoot(server, 'page-expired-confirm', linkOf(await about('jean@eniac.org'), '/c/'));
}

/** The mails that come of something special: an alert that somebody asked for again, and the word that mails are paused. */
async function rareMails(server, { person }) {
  await run(BINARY, ['resend', person.email, '--data', server.data], { cwd: ROOT });
  await server.settle();
  await shoot(server, 'mail-alert-again', `/local/mail/${(await server.mails()).at(-1).id}/html`);
  for (const { id } of (await server.mails()).filter((mail) => mail.tags.kind === 'mail').slice(0, 3)) {
    const event = { event: 'complaint', mail: id };
    await fetch(`${server.url}/local/ses`, { method: 'POST', body: JSON.stringify(event), headers: { 'content-type': 'application/json' } });
  }
  await server.settle();
  await shoot(server, 'mail-paused', `/local/mail/${(await server.mails()).at(-1).id}/html`);
}

async function sales(server, { person }) {
  const alert = (await server.mails()).find((mail) => mail.tags.kind === 'alert');
  const link = (answer) => alert.links.find((url) => url.includes(`answer=${answer}`));
  await shoot(server, 'answer-open', linkOf(alert, '/h/').split('?')[0]);
  for (const answer of ['accept', 'reject', 'snooze', 'pass']) await shoot(server, `answer-${answer}`, link(answer));
  const { page, context } = await visitor(browser, server);
  const press = async (url, button, first = async () => {}) => {
    await page.goto(url);
    await first();
    await server.advance(READING_SECONDS);
    await page.getByRole('button', { name: button }).first().click();
    await page.waitForLoadState();
    await server.settle();
  };
  await page.goto(link('accept'));
  await page.getByRole('button', { name: 'I take it' }).click();
  await photograph(page, 'gallery/answer-too-soon-desk');
  await press(link('snooze'), 'Remind me then');
  await photograph(page, 'gallery/answer-snoozed-desk');
  await press(link('pass'), 'Pass it on', async () => {
    await page.getByLabel('Whose is it?').selectOption({ index: 1 });
    await page.getByLabel('A word to them').fill('Your region.');
  });
  await photograph(page, 'gallery/answer-passed-desk');
  await press(link('accept'), 'I take it');
  await photograph(page, 'gallery/answer-taken-desk');
  await shoot(server, 'answer-second-click', link('reject'));
  await press(link('accept'), 'There is something to sell');
  await shoot(server, 'answer-qualified', link('accept'));
  await shoot(server, 'local-lead-with-sales', `/local/leads?email=${encodeURIComponent(person.email)}`);
  await context.close();
}

async function local(server) {
  const spam = { first_name: 'Win', last_name: 'Big', company: 'Casino' };
  const posts = [
    // What is set aside: a filled trap, a forged ticket.
    ['guide', { ...spam, email: 'win@casino.example', _gotcha: 'http://casino.example' }],
    ['guide', { ...spam, email: 'big@casino.example', _nonce: 'v1.forged.ticket' }],
    // What is worth a remark: an address of a function, and a number as people write it.
    ['demo', { first_name: 'Front', last_name: 'Desk', company: 'Vogt', email: 'info@vogt-textil.at', phone: '+43 (5572) 000 06' }],
  ];
  for (const [form, fields] of posts) {
    await fetch(`${server.url}/f/${form}`, { method: 'POST', body: new URLSearchParams(fields), headers: { accept: 'application/json' } });
  }
  await server.settle();
  for (const name of ['leads', 'mail', 'quarantine']) {
    await shoot(server, `local-${name}`, `/local/${name}`);
  }
  const { page, context } = await visitor(browser, server);
  await page.goto('/local/leads');
  const links = await page.getByRole('rowheader').getByRole('link').evaluateAll((all) => all.map((one) => one.href));
  await context.close();
  for (const [n, href] of links.entries()) await shoot(server, `local-lead-${n + 1}`, href);
  const [newest] = (await server.mails()).slice(-1);
  await shoot(server, 'local-mail-one', `/local/mail/${newest.id}`);
}

async function reports(server) {
  const folder = await mkdtemp(path.join(tmpdir(), 'lodestone-reports-'));
  for (const kind of ['funnel', 'sources', 'rules', 'sales']) {
    const file = path.join(folder, `${kind}.html`);
    await run(BINARY, ['report', kind, '--html', file, '--data', server.data], { cwd: ROOT });
    await shoot(server, `report-${kind}`, pathToFileURL(file).href);
  }
  await rm(folder, { recursive: true });
}

/** Starts a server, has it looked at, stops it. */
async function on(args, look) {
  const server = await Server.start(...args);
  try {
    await look(server);
  } finally {
    await server.stop();
  }
}

try {
  if (['mails', 'visitors', 'sales'].some(asked)) {
    await on([], async (server) => {
      const known = await people(server);
      if (asked('visitors')) await visitors(server, known);
      if (asked('mails')) {
        // Reminder, what follows the download, and the alert that nobody answered.
        await server.advance(4 * 3600 + 300);
        await server.settle();
        await server.advance(11 * DAY_SECONDS);
        await server.settle();
        await mails(server);
      }
      if (asked('sales')) await sales(server, known);
      if (asked('visitors')) await expired(server, known);
      if (asked('mails')) await rareMails(server, known);
    });
  }
  if (['local', 'reports'].some(asked)) {
    await on(['--demo'], async (server) => {
      if (asked('local')) await local(server);
      if (asked('reports')) await reports(server);
    });
    if (asked('local')) {
      await on([], async (server) => {
        for (const name of ['leads', 'mail', 'quarantine']) await shoot(server, `empty-${name}`, `/local/${name}`);
      });
    }
  }
  console.log(`${taken} pictures in target/screenshots/gallery`);
} finally {
  await browser.close();
}
