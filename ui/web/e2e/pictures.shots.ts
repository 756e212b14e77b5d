// The documentation's pictures: of the page, and of `flows top` in a terminal.

import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { html } from './ansi';
import { launch, open, picture } from './browser';
import { Server, screens } from './server';

const server = new Server();
let browser: Browser;
beforeAll(async () => {
  await server.start();
  browser = await launch();
  // Enough for the time axis to say something.
  await new Promise((resolve) => setTimeout(resolve, 45_000));
});
afterAll(async () => {
  await browser?.close();
  await server.kill();
});

it('the page', async () => {
  const { page } = await open(browser, server.url, { width: 1440, height: 880 });
  await page.locator('.edge.dropped').first().waitFor({ state: 'attached' });
  await picture(page, 'page-overview');
  await page.goto(`${server.url}?show=denied`);
  await page.locator('.incident .cause', { hasText: 'recommender' }).click();
  await page.locator('.drawer .suggestion').waitFor();
  await picture(page, 'page-why-denied');
  await page.emulateMedia({ colorScheme: 'dark' });
  await picture(page, 'page-why-denied-dark');
});

/** What `flows top` shows after these keys. */
async function terminal(name: string, keys: readonly string[]): Promise<void> {
  const session = `flows-${process.pid}`;
  const tmux = (...words: string[]) => execFileSync('tmux', ['-L', session, ...words], { encoding: 'utf8', env: { ...process.env, TERM: 'xterm-256color' } });
  tmux('new-session', '-d', '-x', '132', '-y', '36', process.env['FLOWS'] ?? '', '--lab', process.env['FLOWS_LAB'] ?? '', 'top');
  try {
    for (const key of ['', ...keys]) {
      if (key) tmux('send-keys', key);
      await new Promise((resolve) => setTimeout(resolve, 6000));
    }
    const text = tmux('capture-pane', '-e', '-p');
    const page = await browser.newPage({ viewport: { width: 1180, height: 700 } });
    await page.setContent(`<body style="margin:0;background:#12161a"><pre style="margin:0;padding:18px 22px;display:inline-block;font:14px/1.28 'DejaVu Sans Mono',monospace">${html(text)}</pre></body>`);
    await page.locator('pre').screenshot({ path: `${screens}/${name}.png` });
  } finally {
    tmux('kill-server');
  }
}

it.runIf(process.env['FLOWS'])('connections in a terminal', () => terminal('top', []));

it.runIf(process.env['FLOWS'])('an incident in a terminal', () => terminal('top-incidents', ['d', 'Enter']));
