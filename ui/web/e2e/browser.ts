// Chromium as the distribution has it.

import { chromium, type Browser, type Page } from 'playwright-core';
import { screens } from './server';

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    // Root has no sandbox, and nothing is asked of the network but the page.
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
}

export interface Sight {
  width?: number;
  height?: number;
  scheme?: 'light' | 'dark';
  /** The zone of the reader's clock; the machine's if it isn't said. */
  timezoneId?: string;
  /** Runs in the page before its own scripts. */
  init?: () => void;
}

/** A page, and what went wrong in it: errors, and requests to anybody but its own server. */
export async function open(browser: Browser, url: string, { width = 1440, height = 900, scheme = 'light', timezoneId, init }: Sight = {}): Promise<{ page: Page; wrong: string[] }> {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme: scheme, ...(timezoneId && { timezoneId }), permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await context.newPage();
  if (init) await page.addInitScript(init);
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('console', (message) => {
    // Chromium's own words on a request that failed say which, and tests break connections on purpose.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) wrong.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) wrong.push(`foreign request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, wrong };
}

/** For a person to look at. A browser that is starved may not manage to draw one in time: it tries again. */
export async function picture(page: Page, name: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await page.screenshot({ path: `${screens}/${name}.png` });
      return;
    } catch (error) {
      if (tries === 3 || !String(error).includes('Unable to capture screenshot')) throw error;
    }
  }
}
