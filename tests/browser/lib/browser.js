// One headless Chromium for a test file, and a fresh profile for each visitor in it.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { chromium } from 'playwright-core';

import { ROOT } from './server.js';

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const SCREENSHOTS = path.resolve(ROOT, process.env.LODESTONE_SCREENSHOTS ?? 'target/screenshots');
// Headless Chromium says that it is one, and Lodestone then takes it for a machine: the visitors here are people.
const PERSON =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36';
export const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

/** Longest wait for anything on a page. */
const PAGE_MS = 10_000;

export function launch() {
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

let visitors = 0;

/**
 * A visitor with a profile and a network of their own, so that no limit is met by accident. What the browser complains about
 * (broken policies, errors) is kept in `complaints`, what the pages fetched from elsewhere in `strangers`.
 */
export async function visitor(browser, server, options = {}) {
  visitors += 1;
  const context = await browser.newContext({
    baseURL: server.url,
    userAgent: PERSON,
    locale: 'en-GB',
    extraHTTPHeaders: { 'x-local-client-ip': `198.51.${visitors >> 8}.${visitors & 255}` },
    reducedMotion: 'reduce',
    ...options,
  });
  context.setDefaultTimeout(PAGE_MS);
  const complaints = [];
  const strangers = [];
  context.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type())) return;
    // A page that answers 404 or 422 on purpose is no complaint, nor is a stranger's page that is not there.
    const loading = message.text().startsWith('Failed to load resource');
    const { url } = message.location();
    if (loading && (url === message.page()?.url() || !url.startsWith(server.url))) return;
    complaints.push(`${message.page()?.url()}: ${message.text()} (${url})`);
  });
  context.on('weberror', (error) => complaints.push(String(error.error())));
  // Nothing outside this machine is there; a page that asks for it is told at once.
  await context.route(
    (url) => url.protocol.startsWith('http') && url.hostname !== '127.0.0.1',
    (route) => {
      if (!route.request().isNavigationRequest()) strangers.push(route.request().url());
      return route.abort();
    },
  );
  const page = await context.newPage();
  return { context, page, complaints, strangers };
}

/** Saves what the page shows, whole, under `target/screenshots/`. */
export async function photograph(page, name) {
  await mkdir(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: path.join(SCREENSHOTS, `${name}.png`), fullPage: true, animations: 'disabled' });
}
