// What somebody does who is called because "it can't connect".

import { createRequire } from 'node:module';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { launch, open, picture } from './browser';
import { Server } from './server';

const axe = createRequire(import.meta.url).resolve('axe-core');
const server = new Server();
let browser: Browser;
let page: Page;
let wrong: string[];

beforeAll(async () => {
  await server.start();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await server.kill();
});
beforeEach(async () => {
  ({ page, wrong } = await open(browser, server.url));
});
afterEach(async () => {
  await page.context().close();
  expect(wrong).toEqual([]);
});

const ROWS = '.window .row[data-seq]';

async function newestSeq(): Promise<number> {
  return Number(await page.locator(ROWS).first().getAttribute('data-seq'));
}

/** What serious things axe-core has to say. */
async function serious(): Promise<string[]> {
  // The content security policy lets no script in but the page's own: axe comes by the debugger.
  await page.evaluate(await (await import('node:fs/promises')).readFile(axe, 'utf8'));
  return page.evaluate(async () => {
    const { violations } = await (window as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[] }> } }).axe.run();
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html, failureSummary }) => `${html.slice(0, 160)} ${failureSummary}`).join(' | ')}`);
  });
}

describe('a denied connection', () => {
  it('appears live, and says which policy denied it, why, and what would allow it', async () => {
    await page.locator(ROWS).first().waitFor();
    const before = await newestSeq();
    await page.getByRole('button', { name: 'Dropped', exact: true }).click();
    // One that happens now: the client of the lab tries every two seconds.
    await page.waitForFunction((before) => {
      const row = document.querySelector<HTMLElement>('.window .row.bad[data-seq]');
      return row !== null && Number(row.dataset['seq']) > before;
    }, before);
    expect(await page.locator('.window .row.good').count()).toBe(0);
    await page.locator('.window .row.bad').first().click();

    const drawer = page.locator('.drawer');
    await drawer.getByText('Why denied').waitFor();
    await drawer.getByText('What would allow it').waitFor();
    const text = await drawer.innerText();
    expect(text).toContain('production/user-service may not reach production/auth-database on 5432/TCP');
    expect(text).toContain('cnp production/auth-database-policy selects it');
    expect(text).toContain('app=auth-service, have app=user-service');
    expect(text).toMatch(/matchLabels:\s+app: user-service/);
    expect(text).toContain('flows policy trace --src-pod production/user-service --dst-pod production/auth-database');
    await picture(page, 'why-denied');

    await drawer.getByRole('button', { name: 'Copy: the rule' }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('app: user-service');
    await drawer.locator('details.policy summary').first().click();
    expect(await drawer.locator('details.policy pre').first().innerText()).toContain('kind: CiliumNetworkPolicy');
  });

  it('is the same for whoever opens the address', async () => {
    await page.locator(ROWS).first().waitFor();
    await page.keyboard.press('d');
    await page.locator('.window .row.bad').first().click();
    await page.locator('.drawer .headline').waitFor();
    await page.getByRole('button', { name: 'Flows', exact: true }).click();
    const [headline, ends] = [await page.locator('.headline').innerText(), await page.locator('.ends').innerText()];
    const other = await open(browser, page.url());
    await other.page.locator('.drawer .headline').waitFor();
    expect(await other.page.locator('.headline').innerText()).toBe(headline);
    expect(await other.page.locator('.ends').innerText()).toBe(ends);
    expect(await other.page.locator('.chip').innerText()).toContain('verdict == DROPPED');
    expect(await other.page.locator('.map').count()).toBe(0);
    expect(other.wrong).toEqual([]);
    await other.page.context().close();
    // And back, by the browser's own button.
    await page.goBack();
    await page.locator('.map').waitFor();
  });
});

it('pause and resume lose nothing', async () => {
  await page.locator(ROWS).first().waitFor();
  const total = async () => Number((await page.locator('.flows .tablehead p').innerText()).replace(/\D/g, ''));
  const at = () => Number(new URL(page.url()).searchParams.get('at'));
  await page.keyboard.press(' ');
  await page.waitForURL(/at=\d+/);
  const [first, shown] = [at(), await newestSeq()];
  await page.waitForFunction(() => /(\d\d|k|M) new/.test(document.querySelector('.pause')?.textContent ?? ''));
  expect(await newestSeq()).toBe(shown);
  await picture(page, 'paused');
  const before = await server.ask<{ total: number }>('flows', { at: String(first), limit: '1' });
  expect(await total()).toBe(before.total);

  await page.keyboard.press(' ');
  await page.waitForFunction((shown) => Number(document.querySelector<HTMLElement>('.window .row[data-seq]')?.dataset['seq']) > shown, shown);
  await page.keyboard.press(' ');
  await page.waitForURL(/at=\d+/);
  const second = at();
  const after = await server.ask<{ total: number }>('flows', { at: String(second), limit: '1' });
  const between = await server.ask<{ total: number }>('flows', { after: String(first), at: String(second), limit: '1' });
  expect(after.total - before.total).toBe(between.total);
  await page.waitForFunction((total) => document.querySelector('.flows .tablehead p')?.textContent?.replace(/\D/g, '') === String(total), after.total);
  // Every one of them can be scrolled to.
  await page.locator('#flows').focus();
  await page.keyboard.press('End');
  const oldest = await server.ask<{ rows: { seq: number }[] }>('flows', { at: String(second), sort: 'timestamp', limit: '1' });
  const { seq } = oldest.rows[0] ?? { seq: -1 };
  await page.locator(`.window [data-seq="${seq}"], .window [data-mark="${seq}"]`).waitFor();
});

it('the map shows the three tiers, and in red what is dropped', async () => {
  for (const name of ['frontend', 'api-backend', 'database', 'auth-service', 'user-service', 'auth-database']) {
    await page.locator(`.card[data-card$="production/${name}"]`).waitFor();
  }
  const place = async (name: string) => (await page.locator(`.card[data-card$="production/${name}"]`).boundingBox())?.x ?? NaN;
  expect(await place('frontend')).toBeLessThan(await place('api-backend'));
  expect(await place('api-backend')).toBeLessThan(await place('database'));
  const edges = page.locator('.edge.dropped');
  await edges.first().waitFor({ state: 'attached' });
  const ids = await edges.evaluateAll((edges) => edges.map((edge) => edge.getAttribute('data-edge')));
  expect(ids).toHaveLength(1);
  expect(ids[0]).toMatch(/user-service .*auth-database/);
  expect(await edges.locator('.line.bad').evaluate((line) => getComputedStyle(line).strokeDasharray)).not.toBe('none');
  expect(await page.locator('ul[aria-label="Dropped on the map"]').innerText()).toContain('Policy denied');
  await picture(page, 'map');

  // What was there stays where it was.
  const before = await place('database');
  await page.waitForTimeout(3000);
  expect(await place('database')).toBe(before);
  await page.locator('.card[data-card$="production/auth-service"]').click();
  await page.locator('.chip').getByText('production/auth-service').waitFor();
  await page.waitForFunction(() => [...document.querySelectorAll('.window .row[data-seq]')].every((row) => row.textContent?.includes('auth-service')));
});

it('a wrong filter is said under its place, and not taken', async () => {
  await page.locator(ROWS).first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('reply and verdict == DROPED');
  await page.keyboard.press('Enter');
  const alert = page.getByRole('alert');
  await alert.waitFor();
  expect(await alert.innerText()).toContain('DROPPED');
  expect((await page.locator('.under').textContent())?.indexOf('^')).toBe('reply and verdict == '.length);
  await picture(page, 'wrong-filter');
  expect(await page.locator('.chip').count()).toBe(0);
  for (let times = 0; times < 'DROPED'.length; times++) await page.keyboard.press('Backspace');
  await page.keyboard.type('FORWARDED');
  await page.keyboard.press('Enter');
  await page.locator('.chip').waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.window .row[data-seq]').length > 0);
  // The address can be wrong as well.
  await page.goto(`${server.url}?f=nonsense`);
  await page.locator('.chip.wrong').waitFor();
});

it('a click on a cell filters by it', async () => {
  await page.getByRole('button', { name: 'Flows', exact: true }).click();
  const cell = page.locator('.window .row [data-column=destination]', { hasText: 'production/database' }).first();
  // Held still: rows that move away from under the pointer can't be clicked. By its button, as a space
  // would press the one that was clicked before.
  await page.locator('.pause').click();
  await page.waitForURL(/at=\d+/);
  await cell.hover();
  await cell.locator('.pick').click();
  await page.getByRole('menuitem', { name: /^Exclude pod == "production\/database"$/ }).click();
  await page.locator('.chip.excludes').waitFor();
  await page.waitForFunction(() => {
    const rows = [...document.querySelectorAll('.window .row[data-seq]')];
    return rows.length > 0 && rows.every((row) => !row.textContent?.includes('production/database'));
  });
});

it('a server that was killed and comes back is followed again', async () => {
  await page.locator(ROWS).first().waitFor();
  await page.locator('.link.good').waitFor();
  await server.kill();
  await page.locator('.link.bad').getByText('Reconnecting').waitFor();
  expect(await page.locator(ROWS).count()).toBeGreaterThan(0);
  await picture(page, 'server-gone');
  await server.start();
  await page.locator('.link.good').getByText('Live').waitFor();
  const before = await newestSeq();
  await page.waitForFunction((before) => Number(document.querySelector<HTMLElement>('.window .row[data-seq]')?.dataset['seq']) > before, before);
});

describe('for everybody', () => {
  it.each(['light', 'dark'] as const)('axe-core finds nothing serious (%s)', async (scheme) => {
    await page.emulateMedia({ colorScheme: scheme });
    for (const query of ['', '?show=status', '?show=flows&f=verdict+%3D%3D+DROPPED']) {
      await page.goto(`${server.url}${query}`);
      await page.locator(query.includes('status') ? '.cards' : ROWS).first().waitFor();
      if (query.includes('flows')) {
        await page.locator(ROWS).first().click();
        await page.locator('.drawer .headline').waitFor();
      }
      expect(await serious(), `${query} ${scheme}`).toEqual([]);
      await picture(page, `${scheme}-${query.includes('status') ? 'nodes' : query ? 'flow' : 'overview'}`);
    }
  });

  it('keys alone lead from the table to the explanation and back', async () => {
    await page.locator(ROWS).first().waitFor();
    await page.keyboard.press('d');
    await page.locator('.window .row.bad').first().waitFor();
    await page.locator('#flows').focus();
    await page.keyboard.press('ArrowDown');
    await page.locator('.drawer .headline').waitFor();
    await page.keyboard.press('j');
    await page.keyboard.press('Escape');
    await page.locator('.drawer').waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('Type a filter').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  it('on a phone nothing is wider than the screen', async () => {
    const phone = await open(browser, server.url, { width: 390, height: 844 });
    await phone.page.locator(ROWS).first().waitFor();
    await phone.page.waitForFunction(() => document.documentElement.scrollWidth <= 390);
    await picture(phone.page, 'phone');
    await phone.page.locator(ROWS).first().click();
    await phone.page.locator('.drawer .body').waitFor();
    await phone.page.waitForFunction(() => document.documentElement.scrollWidth <= 390);
    await picture(phone.page, 'phone-flow');
    expect(phone.wrong).toEqual([]);
    await phone.page.context().close();
  });
});
