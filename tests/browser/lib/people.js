// What people do on the pages, through labels and buttons as they see them.

import { linkOf } from './server.js';

/** Reading time: a button pressed sooner than two seconds after its page was shown was not pressed by a person. */
export const READING_SECONDS = 5;

export const ada = (name) => ({
  first: 'Ada',
  last: 'Lovelace',
  email: `${name}@analytical-engines.com`,
  company: 'Analytical Engines',
});

export const guideForm = (page) => page.getByRole('form', { name: 'Get the guide' });
export const visitForm = (page) => page.getByRole('form', { name: 'Ask for a site visit' });

/** Fills in the guide form of the landing page or the hosted one. */
export async function fillGuide(page, person) {
  const form = guideForm(page);
  await form.getByLabel('First name').fill(person.first);
  await form.getByLabel('Last name').fill(person.last);
  await form.getByLabel('Work email').fill(person.email);
  await form.getByLabel('Company').fill(person.company);
  await form.getByLabel('Job title').fill('Plant engineer');
  await form.getByLabel('field notes').check();
  return form.getByRole('button', { name: 'Mail me the guide' });
}

/** Fills in the demo form as somebody who is ready to buy. */
export async function fillVisit(page, person) {
  const form = visitForm(page);
  await form.getByLabel('First name').fill(person.first);
  await form.getByLabel('Last name').fill(person.last);
  await form.getByLabel('Work email').fill(person.email);
  await form.getByLabel('Phone').fill('+31 10 000 0000');
  await form.getByLabel('Company').fill(person.company);
  await form.getByLabel('Country of the plant').selectOption({ label: 'Netherlands' });
  await form.getByLabel('People at the site').fill('250');
  await form.getByLabel('Cut the energy bill').check();
  await chooseOne(form, 'Budget', 'Over €1 million');
  await chooseOne(form, 'When do you want to decide?', 'Within six months');
  await chooseOne(form, 'Your part in the decision', 'I decide');
  await form.getByLabel('What should we know').fill('Can it make steam at 120 degrees?\nWe run two shifts.');
  return form.getByRole('button', { name: 'Ask for a visit' });
}

/** Takes an answer by its words, from a menu or from radio buttons: the landing page and the hosted form may differ there. */
async function chooseOne(form, question, answer) {
  const radio = form.getByRole('radio', { name: answer });
  if ((await radio.count()) > 0) await radio.check();
  else await form.getByLabel(question).selectOption({ label: answer });
}

/** Posts the guide form from the landing page and waits for the thank-you page. */
export async function askForGuide(page, person) {
  await page.goto('/');
  await (await fillGuide(page, person)).click();
  await page.waitForURL('**/thanks?form=guide');
}

/** Posts the demo form from the landing page and waits for the thank-you page. */
export async function askForVisit(page, person) {
  await page.goto('/');
  await (await fillVisit(page, person)).click();
  await page.waitForURL('**/thanks?form=demo');
}

/** Opens a page with a button and reads it. */
export async function read(server, page, url) {
  await page.goto(url);
  await server.advance(READING_SECONDS);
}

/** Opens the page behind a Download link, reads it, presses the button, and answers the file. */
export async function download(server, page, mail) {
  await read(server, page, linkOf(mail, '/d/'));
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Download' }).click(),
  ]);
  return file;
}

/** Guide, download, demo: everything that makes somebody ready for sales. */
export async function becomeMql(server, page, person) {
  await askForGuide(page, person);
  await download(server, page, await server.lastMailTo(person.email));
  await askForVisit(page, person);
  await server.settle();
}

/** One person of each kind: somebody ready for sales, somebody who has not opened the mail yet, and an address to confirm. */
export async function cast(server, page, name) {
  const ready = ada(name);
  await becomeMql(server, page, ready);
  const unread = { first: 'Grace', last: 'Hopper', email: 'grace@flow-matic.org', company: 'Flow-Matic Dairies' };
  await askForGuide(page, unread);
  // Asks for a visit and ticks the newsletter.
  const unconfirmed = { ...unread, first: 'Jean', last: 'Bartik', email: 'jean@eniac.org' };
  await page.goto('/');
  const submit = await fillVisit(page, unconfirmed);
  await visitForm(page).getByLabel('field notes').check();
  await submit.click();
  await page.waitForURL('**/thanks?form=demo');
  return { ready, unread, unconfirmed };
}
