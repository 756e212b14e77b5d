// Pausing, going back in time, and taking what is shown along.

import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { picture } from './browser';
import { Fixture } from './fixture';
import { variable } from './server';

// Little of the history at first, so that there is more.
const fixture = new Fixture(['--history', '300']);

it('pause and resume lose nothing', async () => {
  const { page, server } = fixture;
  await fixture.events();
  const first = await fixture.hold();
  const shown = await fixture.newest();
  await page.waitForFunction(() => /(\d\d|k|M) new/.test(document.querySelector('.pause')?.textContent ?? ''));
  expect(await fixture.newest()).toBe(shown);
  await picture(page, 'paused');
  const before = await server.ask<{ flows: number }>('flows', { at: String(first), limit: '1' });
  await fixture.totals(before.flows);

  await fixture.resume();
  await fixture.newer(shown);
  const second = await fixture.hold();
  const after = await server.ask<{ flows: number }>('flows', { at: String(second), limit: '1' });
  const between = await server.ask<{ flows: number }>('flows', { after: String(first), at: String(second), limit: '1' });
  expect(after.flows - before.flows).toBe(between.flows);
  await fixture.totals(after.flows);
});

it('a filter set while paused applies to the paused moment everywhere', async () => {
  const { page, server } = fixture;
  await fixture.events();
  const at = await fixture.hold();
  await fixture.dropped();
  const question = { at: String(at), filter: 'verdict == DROPPED' };
  const [rows, histogram, map] = await Promise.all([
    server.ask<{ flows: number }>('flows', { ...question, limit: '1' }),
    server.ask<{ dropped: number[] }>('histogram', question),
    server.ask<{ edges: { dropped: number }[] }>('map', question),
  ]);
  await fixture.totals(rows.flows);
  const sum = (counts: number[]) => counts.reduce((a, b) => a + b, 0);
  const drops = sum(map.edges.map(({ dropped }) => dropped));
  // Marks in the table (a node connected) are no flows.
  expect([sum(histogram.dropped), drops]).toEqual([rows.flows, rows.flows]);
  const said = page.locator('ul[aria-label="Dropped connections on the map"] li');
  await said.getByText(`${drops} drop`).waitFor({ state: 'attached' });
  // Alone in the chart, the highest of them fills it: the filter has come to the bars, too.
  await page.waitForFunction(() => document.querySelector('.bars .dropped')?.getAttribute('d')?.includes('V0H'));
  const bars = await page.locator('.bars .dropped').getAttribute('d');
  // More were dropped since: they are counted, and nothing else shows them.
  await page.waitForFunction(() => Number(/(\d+) new/.exec(document.querySelector('.pause')?.textContent ?? '')?.[1] ?? 0) >= 2);
  expect(await page.locator('.bars .dropped').getAttribute('d')).toBe(bars);
  expect(await said.allInnerTexts()).toHaveLength(1);
  expect((await said.first().textContent())?.includes(`${drops} drop`)).toBe(true);
  expect(await fixture.total()).toBe(rows.flows);
});

it('scrolling to the oldest flow loads older ones, up to the start of history', async () => {
  const { page, server } = fixture;
  // The pages before may have fetched some already.
  await server.kill();
  await server.start();
  await fixture.events();
  await fixture.show('Flows');
  const { held } = await server.ask<{ held: { first: number; older: string } }>('status');
  expect(held.older).toBe('more');
  const at = await fixture.hold();
  const before = await fixture.total();
  await page.locator('#flows').focus();
  // A portion each time that the end is come to.
  const begins = page.locator('.tail').getByText('History begins here');
  while (!(await begins.isVisible())) {
    await page.keyboard.press('End');
    await page.waitForTimeout(100);
  }
  await page.waitForFunction((before) => Number(document.querySelector('.flows .tablehead > p')?.textContent?.replace(/\D/g, '')) > before, before);
  await page.getByRole('button', { name: 'History begins here' }).waitFor();
  const oldest = await server.ask<{ flows: number; rows: { seq: number }[] }>('flows', { sort: 'timestamp', limit: '1', at: String(at) });
  await fixture.totals(oldest.flows);
  await page.keyboard.press('End');
  expect(oldest.rows[0]?.seq).toBeLessThan(held.first);
  // Every one of them can be scrolled to.
  await page.locator(`.window [data-seq="${oldest.rows[0]?.seq}"], .window [data-mark="${oldest.rows[0]?.seq}"]`).waitFor();
  await picture(page, 'history-begins');
});

it('a time before the oldest flow in memory is fetched', async () => {
  const { page, server } = fixture;
  await server.kill();
  await server.start();
  await page.goto(server.url);
  await fixture.flows();
  await page.getByText('All times').click();
  await page.getByLabel('Last 6 hours').check();
  await page.waitForURL(/since=6h/);
  await page.getByText('Last 6 hours').first().waitFor();
  for (;;) {
    const { held } = await server.ask<{ held: { older: string } }>('status');
    if (held.older === 'begins') break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

it('the flows shown are saved as a file that the other programs can read', async () => {
  const { page, server } = fixture;
  await fixture.events();
  await fixture.dropped();
  const at = await fixture.hold();
  const { flows: dropped } = await server.ask<{ flows: number }>('flows', { at: String(at), filter: 'verdict == DROPPED', limit: '1' });
  await fixture.totals(dropped);
  const save = async (name: RegExp) => {
    await page.getByText('Export', { exact: true }).click();
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name }).click()]);
    return { name: download.suggestedFilename(), path: await download.path() };
  };
  const json = await save(/JSON lines/);
  expect(json.name).toMatch(/^flows-.*\.json$/);
  const flows = (text: string) => text.split('\n').filter((line) => line.includes('"flow":'));
  const saved = flows(await readFile(json.path, 'utf8'));
  const read = execFileSync(variable('FLOWS'), ['observe', '--input-file', json.path, '--verdict', 'DROPPED', '-o', 'json'], { encoding: 'utf8', maxBuffer: 2 ** 28 });
  const uuids = (lines: string[]) => lines.map((line) => /"uuid":"([^"]+)"/.exec(line)?.[1]);
  expect(uuids(flows(read))).toEqual(uuids(saved));
  expect(saved.length).toBe(dropped);

  const csv = await save(/CSV/);
  const lines = (await readFile(csv.path, 'utf8')).trimEnd().split('\n');
  expect(lines[0]).toMatch(/^timestamp,source,reply,destination/);
  expect(lines).toHaveLength(saved.length + 1);
});
