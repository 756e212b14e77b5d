// Who may look, and from where.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { serious } from './axe';
import { launch, open, picture } from './browser';
import { ROWS } from './fixture';
import { Server } from './server';

let browser: Browser;
let directory: string;
beforeAll(async () => {
  browser = await launch();
  directory = await mkdtemp(join(tmpdir(), 'flows-page-'));
});
afterAll(async () => {
  await browser?.close();
  await rm(directory, { recursive: true });
});

/** Runs a server as long as something is done with it. */
async function serving(args: string[], run: (server: Server) => Promise<void>): Promise<void> {
  const server = new Server(args);
  await server.start();
  try {
    await run(server);
  } finally {
    await server.kill();
  }
}

describe('with a token', () => {
  const TOKEN = 'correct-horse-battery-staple';
  it('the page asks for it, reports a wrong one, and saves files with it', async () => {
    const path = join(directory, 'token');
    await writeFile(path, `${TOKEN}\n`);
    await serving(['--token-file', path], async (server) => {
      const { page, wrong } = await open(browser, server.url);
      const dialog = page.getByRole('dialog', { name: 'This server requires a token' });
      await dialog.waitFor();
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const [name, size] of [['', { width: 1440, height: 900 }], ['-phone', { width: 390, height: 844 }]] as const) {
          await page.setViewportSize(size);
          await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
          expect(await serious(page)).toEqual([]);
          await picture(page, `${colorScheme}-token${name}`);
        }
      }
      // It can't be dismissed: there is nothing behind it.
      await page.keyboard.press('Escape');
      await dialog.waitFor();
      await dialog.getByLabel('Token').fill('not the token at all');
      await dialog.getByRole('button', { name: 'Sign in' }).click();
      await dialog.getByRole('alert').getByText('Wrong token.').waitFor();
      expect(await serious(page)).toEqual([]);
      await page.setViewportSize({ width: 1440, height: 900 });
      expect(await page.locator(ROWS).count()).toBe(0);
      await dialog.getByLabel('Token').fill(TOKEN);
      await page.keyboard.press('Enter');
      await page.locator(ROWS).first().waitFor();
      expect(await page.getByRole('dialog').count()).toBe(0);
      // It isn't in the address, and this tab keeps it.
      expect(page.url()).not.toContain(TOKEN);
      await page.reload();
      await page.locator(ROWS).first().waitFor();
      await page.getByText('Export', { exact: true }).click();
      const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: /CSV/ }).click()]);
      expect(download.suggestedFilename()).toMatch(/^flows-.*\.csv$/);
      expect(wrong).toEqual([]);
      await page.context().close();
    });
  });
});

describe('behind a proxy', () => {
  it('the page shows the user that the proxy names, and tells others what is missing', async () => {
    await serving(['--trust-proxy-header', 'X-Forwarded-User', '--base-path', '/tools/flows'], async (server) => {
      expect(new URL(server.url).pathname).toBe('/tools/flows/');
      const context = await browser.newContext({ extraHTTPHeaders: { 'X-Forwarded-User': 'ann@example.com' } });
      const page = await context.newPage();
      await page.goto(new URL('/tools/flows', server.url).href);
      await page.locator(ROWS).first().waitFor();
      expect(new URL(page.url()).pathname).toBe('/tools/flows/');
      // Views and links stay below the path.
      await page.getByRole('navigation').getByRole('button', { name: 'Nodes', exact: true }).click();
      await page.getByText('ann@example.com').waitFor();
      expect(new URL(page.url()).pathname).toBe('/tools/flows/');
      await page.reload();
      await page.getByText('ann@example.com').waitFor();
      await context.close();

      const stranger = await open(browser, server.url);
      await stranger.page.locator('.link.bad').getByText('Refused').waitFor();
      await stranger.page.getByText('must set x-forwarded-user to the user').first().waitFor();
      // Whom the proxy didn't let through can't help it with a token.
      expect(await stranger.page.getByRole('dialog').count()).toBe(0);
      await stranger.page.context().close();
    });
  });
});
