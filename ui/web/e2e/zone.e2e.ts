// One clock on the whole page, where it isn't that of Greenwich.

import { expect, it } from 'vitest';
import { open, picture } from './browser';
import { Fixture, ROWS } from './fixture';

// Half an hour off, so that nothing in UTC looks right by chance.
const ZONE = 'Asia/Kolkata';
const fixture = new Fixture(['--history', '1000'], { timezoneId: ZONE });

function clock(time: number, timeZone: string): string {
  const text = new Intl.DateTimeFormat('en-GB', { timeZone, hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(time);
  return `${text}.${String(Math.floor(time) % 1000).padStart(3, '0')}`;
}

/** Hours and minutes that the page shows anywhere, with all that is said on pointing. */
async function shown(): Promise<string> {
  return fixture.page.evaluate(() => {
    const titles = [...document.querySelectorAll('[title], [aria-valuetext]')].map((each) => `${each.getAttribute('title')} ${each.getAttribute('aria-valuetext')}`);
    return `${document.body.innerText} ${titles.join(' ')}`;
  });
}

type Row = { seq: number; time: number; kind: string };

/** A flow, and the mark of a node that was connected, which may be far back. */
async function both(at: number): Promise<{ flow: Row | undefined; mark: Row | undefined }> {
  let flow: Row | undefined;
  let mark: Row | undefined;
  for (let offset = 0; offset < 50_000 && !mark; offset += 1000) {
    const { rows } = await fixture.server.ask<{ rows: Row[] }>('flows', { at: String(at), limit: '1000', offset: String(offset) });
    flow ??= rows.find(({ kind }) => kind === 'flow');
    mark = rows.find(({ kind, time }) => kind === 'loss' && time > 0);
    if (rows.length < 1000) break;
  }
  return { flow, mark };
}

it('axis, filter, rows, marks and drawer use one time zone, which is named', async () => {
  const { page, server } = fixture;
  await fixture.events();
  // The newest row is one of the times that the API has, in the reader's zone.
  let at = await fixture.hold();
  let found = await both(at);
  // A node is connected at some time after the first flows are there.
  for (let tries = 0; !found.mark && tries < 20; tries += 1) {
    await fixture.resume();
    await page.waitForTimeout(500);
    at = await fixture.hold();
    found = await both(at);
  }
  const { flow, mark } = found;
  if (!flow || !mark) throw new Error('there are no flows, or no node was ever connected');
  const first = page.locator(`${ROWS}[data-seq="${flow.seq}"]`);
  for (const [zone, name, query] of [
    [ZONE, 'IST', ''],
    ['UTC', 'UTC', 'tz=utc'],
  ] as const) {
    if (zone === 'UTC') await page.keyboard.press('u');
    await page.waitForURL((url) => url.search.includes(query));
    await page.locator('.headings [data-column=timestamp]').getByText(`time (${name})`).waitFor();
    await first.locator('time').getByText(clock(flow.time, zone)).waitFor();
    await page.locator('.days').getByText(name).waitFor();
    await page.goto(`${server.url}?unit=events&${query}&flow=${flow.seq}&since=${Math.floor(flow.time) - 60_000}`);
    await page.locator('.drawer header time').getByText(`${clock(flow.time, zone)} ${name}`).waitFor();
    await page.locator('.chip.time').getByText(clock(flow.time - 60_000, zone).slice(0, 8)).waitFor();
    await picture(page, `zone-${name}`);
    // Every hour and minute is one that was there in that zone.
    const all = await shown();
    const [hour] = clock(flow.time, zone).split(':');
    const [before] = clock(flow.time - 3_600_000, zone).split(':');
    const hours = [...all.matchAll(/\b(\d\d):\d\d(?::\d\d)/g)].map(([, hour]) => hour);
    expect(hours.length).toBeGreaterThan(10);
    expect(hours.filter((each) => each !== hour && each !== before)).toEqual([]);
    await page.goto(`${server.url}?unit=events&${query}&at=${at}`);
    await fixture.flows();
  }
  // Marks are rows, too.
  const near = Math.floor(mark.time);
  await page.goto(`${server.url}?show=flows&since=${near - 300}&until=${near + 300}`);
  await page.locator(`[data-mark="${mark.seq}"] time`).getByText(clock(mark.time, ZONE)).waitFor();
});

it('a link shows the same moment in another time zone', async () => {
  const { page, server, browser } = fixture;
  await fixture.flows();
  await page.keyboard.press('u');
  await page.waitForURL(/tz=utc/);
  const other = await open(browser, page.url(), { timezoneId: 'America/New_York' });
  await other.page.locator('.headings').getByText('time (UTC)').waitFor();
  await other.page.getByRole('button', { name: 'Times in UTC' }).click();
  await other.page.waitForURL((url) => !url.search.includes('tz='));
  await other.page.locator('.headings').getByText(/time \(E[SD]T\)/).waitFor();
  await other.page.context().close();
  expect(other.wrong).toEqual([]);
  expect(server.url).not.toBe('');
});
