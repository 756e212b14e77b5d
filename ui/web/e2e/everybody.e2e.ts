// For everybody: with any eyes, with keys alone, on any screen.

import { describe, expect, it } from 'vitest';
import type { Page } from 'playwright-core';
import { serious } from './axe';
import { open, picture } from './browser';
import { Fixture, ROWS } from './fixture';

const fixture = new Fixture();

/** Each view, and how to come to it once the page is there. */
const SIGHTS: { name: string; query: string; come: (page: Page) => Promise<unknown> }[] = [
  { name: 'overview', query: '', come: (page) => page.locator('.card').first().waitFor() },
  { name: 'map', query: '?show=map', come: (page) => page.locator('.card').first().waitFor() },
  { name: 'nodes', query: '?show=status', come: (page) => page.locator('.cards').waitFor() },
  { name: 'denied', query: '?show=denied', come: (page) => page.locator('.incident').first().waitFor() },
  { name: 'editor', query: '?show=editor', come: (page) => page.locator('.yamlfield textarea').waitFor() },
  { name: 'events', query: '?show=flows&unit=events', come: (page) => page.locator(ROWS).first().waitFor() },
  ...['DROPPED', 'FORWARDED'].map((verdict) => ({
    name: verdict === 'DROPPED' ? 'why-denied' : 'flow',
    query: `?show=flows&f=verdict+%3D%3D+${verdict}`,
    come: async (page: Page) => {
      await page.locator(ROWS).first().waitFor();
      await fixture.hold();
      await page.locator(ROWS).first().click();
      await page.locator('.drawer').getByText(verdict === 'DROPPED' ? 'What would allow it' : 'Connection').first().waitFor();
    },
  })),
  { name: 'missing-flow', query: '?flow=1000000000-0123456789abcdef', come: (page) => page.locator('.drawer [role=alert]').waitFor() },
  {
    name: 'keys',
    query: '',
    come: async (page) => {
      await page.locator(ROWS).first().waitFor();
      await page.keyboard.press('?');
      await page.getByRole('dialog').waitFor();
    },
  },
  ...['All times', 'All namespaces', 'Export', 'Columns'].map((menu) => ({
    name: `menu-${menu.toLowerCase().replace(' ', '-')}`,
    query: '',
    come: async (page: Page) => {
      await page.locator(ROWS).first().waitFor();
      await page.locator('summary', { hasText: menu }).click();
      await page.locator('.menu[open]').waitFor();
    },
  })),
  {
    name: 'cell-menu',
    query: '?show=flows',
    come: async (page) => {
      await page.locator(ROWS).first().waitFor();
      await fixture.hold();
      await page.locator('.window .row [data-column=source]').first().click({ button: 'right' });
      await page.getByRole('menuitem').nth(2).waitFor();
    },
  },
];

/** Screens in each of the two colour schemes. */
const SCREENS = (['light', 'dark'] as const).flatMap((scheme) => [
  { scheme, screen: 'desktop', size: { width: 1440, height: 900 } },
  { scheme, screen: 'phone', size: { width: 390, height: 844 } },
]);

describe('axe-core finds nothing serious', () => {
  it.each(SIGHTS.flatMap((sight) => SCREENS.map((on) => [sight.name, on.scheme, on.screen, sight, on] as const)))('%s, %s, %s', async (name, scheme, screen, { query, come }, { size }) => {
    const { page, server } = fixture;
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.goto(`${server.url}${query}`);
    await come(page);
    expect(await serious(page)).toEqual([]);
    await picture(page, `${scheme}-${name}${screen === 'phone' ? '-phone' : ''}`);
  });
});

describe('with keys alone', () => {
  it('the explanation can be reached from the table, and left again', async () => {
    const { page } = fixture;
    await fixture.flows();
    await page.keyboard.press('d');
    await page.locator('.window .row.bad').first().waitFor();
    await page.keyboard.press(' ');
    await page.locator('.pause.on').waitFor();
    await page.locator('#flows').focus();
    await page.keyboard.press('ArrowDown');
    await page.locator('.drawer .headline').waitFor();
    const first = new URL(page.url()).searchParams.get('connection');
    await page.keyboard.press('j');
    await page.waitForURL((url) => ![null, first].includes(url.searchParams.get('connection')));
    await page.keyboard.press('Escape');
    await page.locator('.drawer').waitFor({ state: 'detached' });
    await page.keyboard.press('?');
    await page.getByRole('dialog').getByText('Type a filter').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
  });

  it('Tab reaches every control, and the focus is visible', async () => {
    const { page } = fixture;
    await fixture.flows();
    await page.locator('.card').first().waitFor();
    await fixture.hold();
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    const reached = new Set<string>();
    for (let times = 0; times < 90; times++) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => {
        const element = document.activeElement as HTMLElement | null;
        if (!element || element === document.body) return null;
        const style = getComputedStyle(element);
        const around = element.closest('.entry') ? getComputedStyle(element.closest('.entry')!) : style;
        return { name: element.getAttribute('aria-label') || element.textContent?.trim() || element.tagName, seen: around.outlineStyle !== 'none' };
      });
      if (!at || reached.has(at.name)) continue;
      expect(at.seen, at.name).toBe(true);
      reached.add(at.name);
    }
    const names = [...reached].join('\n');
    for (const name of ['Skip to the flows', 'Nodes', 'Keyboard shortcuts', 'Filter expression', 'All times', 'All namespaces', 'Dropped', 'Time', 'Re-layout', 'production', 'frontend', 'Connections', 'Events', 'Denied', 'Flows', 'Export', 'Columns']) {
      expect(names).toContain(name);
    }
  });
});

it('on a phone nothing is ever wider than the screen', async () => {
  // Every frame, from the first one on: what is too wide for a moment only is seen, too.
  const init = () => {
    const page = window as unknown as { widest?: number };
    const look = () => {
      page.widest = Math.max(page.widest ?? 0, document.documentElement?.scrollWidth ?? 0);
      requestAnimationFrame(look);
    };
    look();
  };
  const phone = await open(fixture.browser, fixture.server.url, { width: 390, height: 844, init });
  await phone.page.locator(ROWS).first().waitFor();
  await phone.page.locator('.card').first().waitFor();
  const widest = () => phone.page.evaluate(() => (window as unknown as { widest: number }).widest);
  expect(await widest()).toBeLessThanOrEqual(390);
  await picture(phone.page, 'phone');
  // What stands in a row has room there: times below the axis, and what narrows.
  const overlapping = await phone.page.locator('.ticks span').evaluateAll((ticks) => {
    const boxes = ticks.map((tick) => tick.getBoundingClientRect()).sort((a, b) => a.left - b.left);
    return boxes.filter((box, at) => box.left < (boxes[at - 1]?.right ?? -Infinity)).length;
  });
  expect(overlapping).toBe(0);
  const rows = await phone.page.locator('.filterbar .toggle').evaluateAll((toggles) => toggles.map((toggle) => Math.round(toggle.getBoundingClientRect().top)));
  expect(new Set(rows).size).toBe(1);
  // The axis' marks move with time.
  await phone.page.locator('.plot').hover();
  const bars = await phone.page.locator('.bars .passed').getAttribute('d');
  await phone.page.waitForFunction((bars) => document.querySelector('.bars .passed')?.getAttribute('d') !== bars, bars);
  await phone.page.locator('.pause').click();
  await phone.page.waitForURL(/at=/);
  await phone.page.locator('.pause.on').waitFor();
  const heads = await phone.page.locator('.tablehead').evaluateAll((heads) => heads.map((head) => head.scrollWidth - head.clientWidth));
  expect(heads.filter((beyond) => beyond > 0)).toEqual([]);
  await phone.page.locator(ROWS).first().click();
  await phone.page.locator('.drawer .body').waitFor();
  expect(await widest()).toBeLessThanOrEqual(390);
  await picture(phone.page, 'phone-flow');
  expect(phone.wrong).toEqual([]);
  await phone.page.context().close();
});

it('on a small screen the details of a flow cover neither filters nor navigation', async () => {
  const { page } = fixture;
  await page.setViewportSize({ width: 1024, height: 700 });
  await fixture.flows();
  await fixture.hold();
  const cell = (name: string) => page.locator(`.window .row [data-column=${name}]`).first();
  await cell('verdict').click({ button: 'right' });
  await page.getByRole('menuitem').nth(2).waitFor();
  const menu = await page.getByRole('menu').boundingBox();
  expect((menu?.x ?? 0) + (menu?.width ?? Infinity)).toBeLessThanOrEqual(1024);
  expect((menu?.y ?? 0) + (menu?.height ?? Infinity)).toBeLessThanOrEqual(700);
  await page.keyboard.press('Escape');
  // Beside the buttons that a cell shows in its middle.
  await cell('timestamp').click({ position: { x: 5, y: 8 } });
  await page.locator('.drawer .body').waitFor();
  await picture(page, 'small-flow');
  // A click that something else would get fails.
  await page.getByText('All times').click();
  await page.getByLabel('Last 5 minutes').check();
  await page.waitForURL(/since=5m/);
  await fixture.resume();
});
