// What the page says and does beside the flows themselves: addresses that make no sense, keys, places.

import { expect, it } from 'vitest';
import type { Locator } from 'playwright-core';
import { open, picture } from './browser';
import { CONNECTIONS, Fixture, ROWS } from './fixture';

const fixture = new Fixture();

/** Whether a person sees all of it: within the screen, and nothing in front of it. */
async function seen(locator: Locator): Promise<boolean> {
  return locator.evaluate((element) => {
    const { left, top, right, bottom } = element.getBoundingClientRect();
    const inside = left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight;
    const at = document.elementFromPoint((left + right) / 2, (top + bottom) / 2);
    return inside && at !== null && (element.contains(at) || at.contains(element));
  });
}

it('an empty table says why it is empty', async () => {
  const { page, server } = fixture;
  for (const [query, text, word] of [
    ['?f=bad((', 'unknown field', 'Refused'],
    ['?since=yesterday', 'is not a time', 'Refused'],
    ['?ns=nosuch', 'No matching connections', 'Live'],
    ['?sort=source&f=dst.port+%3D%3D+1', 'No matching connections', 'Live'],
    ['?unit=events&ns=nosuch', 'No matching flows', 'Live'],
  ] as const) {
    await page.goto(`${server.url}${query}`);
    const said = page.locator('.flows .nothing').getByText(text);
    await said.waitFor();
    await page.locator('.link').getByText(word).waitFor();
    expect(await seen(said), query).toBe(true);
    expect(await page.locator('.window .row.absent').count()).toBe(0);
    const clear = page.getByRole('button', { name: 'Clear filters' });
    expect(await seen(clear), query).toBe(true);
    // Places where nodes were connected are rows, and no flows.
    if (word === 'Live') expect(await fixture.total()).toBe(0);
    await clear.click();
    await fixture.flows();
  }
});

it('unknown columns are left out and reported', async () => {
  const { page, server } = fixture;
  for (const query of ['?cols=timestamp,foo', '?sort=foo', '?cols=foo&sort=-foo']) {
    await page.goto(`${server.url}${query}`);
    await page.locator('.notice.on').getByText('Unknown column: foo').waitFor();
    await fixture.flows();
    await page.waitForURL((url) => !url.search.includes('foo'));
    await page.locator('.bars .passed').waitFor({ state: 'attached' });
  }
});

it('keys move through the flows without focus in the table', async () => {
  const { page } = fixture;
  await fixture.flows();
  // While flows come, one may come between two others.
  await fixture.hold();
  await page.keyboard.press('j');
  await page.locator('.drawer .headline').waitFor();
  await page.waitForURL((url) => url.searchParams.has('connection'));
  const first = new URL(page.url()).searchParams.get('connection');
  await page.keyboard.press('ArrowDown');
  await page.waitForURL((url) => ![null, first].includes(url.searchParams.get('connection')));
  // One that came late may stand between the two.
  const flow = () => new URL(page.url()).searchParams.get('connection');
  for (let steps = 0; flow() !== first; steps += 1) {
    expect(steps).toBeLessThan(10);
    const before = flow();
    // While a late one makes the table ask for its rows again, a key finds none to go to.
    const moved = () => page.waitForURL((url) => url.searchParams.get('connection') !== before, { timeout: 5_000 });
    await page.keyboard.press('k');
    await moved().catch(() => page.keyboard.press('k').then(moved));
  }
});

it('a click anywhere on a heading sorts', async () => {
  const { page } = fixture;
  await fixture.flows();
  const heading = page.locator('.headings [data-column=source]');
  const { width = 0, height = 0 } = (await heading.boundingBox()) ?? {};
  await heading.click({ position: { x: width - 6, y: height / 2 } });
  await page.waitForURL(/sort=source/);
});

it('the completions disappear once a filter is applied', async () => {
  const { page } = fixture;
  await fixture.flows();
  await page.keyboard.press('/');
  await page.getByRole('option').first().waitFor();
  const places = await page.locator('.offers code').evaluateAll((all) => all.map((each) => Math.round(each.getBoundingClientRect().left)));
  expect(new Set(places).size).toBe(1);
  await picture(page, 'offers');
  await page.keyboard.type('reply');
  await page.keyboard.press('Enter');
  await page.locator('.chip').getByText('reply').waitFor();
  await fixture.flows();
  // As long as the list would have taken to come again.
  await page.waitForTimeout(600);
  expect(await page.getByRole('option').count()).toBe(0);
  await page.keyboard.press('ArrowDown');
  await page.getByRole('option').first().waitFor();
});

it('Esc leaves the field, and keys act again', async () => {
  const { page } = fixture;
  await fixture.flows();
  await page.keyboard.press('/');
  await page.getByRole('option').first().waitFor();
  await page.keyboard.press('Escape');
  await page.waitForFunction(() => document.activeElement === document.body);
  await page.keyboard.press('4');
  await page.locator('.incident').first().waitFor();
  await page.keyboard.press('d');
  await page.locator('.chip').getByText('verdict == DROPPED').waitFor();
});

it('on a small screen an open flow covers no controls', async () => {
  const small = await open(fixture.browser, fixture.server.url, { width: 1024, height: 700 });
  const { page } = small;
  await page.locator(ROWS).first().waitFor();
  await page.locator('.pause').click();
  await page.waitForURL(/at=/);
  // The middle of the row is where a cell has its button.
  await page.locator(`${ROWS} [data-column=source]`).first().click({ position: { x: 10, y: 8 } });
  await page.locator('.drawer .body').waitFor();
  for (const name of ['Dropped', /^Resume/, 'Export', 'Columns']) {
    const button = page.getByRole('button', { name }).or(page.locator('summary', { hasText: name })).first();
    expect(await seen(button), String(name)).toBe(true);
  }
  const [table, drawer] = [await page.locator('.flows').boundingBox(), await page.locator('.drawer').boundingBox()];
  expect((table?.x ?? 0) + (table?.width ?? 0)).toBeLessThanOrEqual(drawer?.x ?? 0);
  await picture(page, 'small-flow');
  expect(small.wrong).toEqual([]);
  await page.context().close();
});

it('a row on a phone shows the reason', async () => {
  const phone = await open(fixture.browser, `${fixture.server.url}?show=flows&unit=events&f=verdict+%3D%3D+DROPPED`, { width: 390, height: 844 });
  const row = phone.page.locator(ROWS).first();
  await row.waitFor();
  const text = await row.innerText();
  expect(text).toContain('Policy denied');
  expect(text).toContain('auth-database-policy');
  await picture(phone.page, 'phone-flows');
  await phone.page.goto(`${fixture.server.url}?show=flows&f=verdict+%3D%3D+DROPPED`);
  await phone.page.locator(CONNECTIONS).first().waitFor();
  expect(await phone.page.locator(CONNECTIONS).first().innerText()).toContain('cnp production/auth-database-policy');
  await picture(phone.page, 'phone-connections');
  expect(phone.wrong).toEqual([]);
  await phone.page.context().close();
});

it('while flows-ui is unreachable the page claims nothing about the present', async () => {
  const { page, server } = fixture;
  await fixture.flows();
  const nodes = page.locator('.facts div', { hasText: 'Nodes' });
  await nodes.getByText('2/2').waitFor();
  await server.kill();
  await nodes.getByText('?/2').waitFor();
  await page.locator('.facts div', { hasText: 'Rate' }).getByText('unknown').waitFor();
  await fixture.show('Nodes');
  await page.locator('tbody').getByText(/unknown since \d\d:\d\d:\d\d/).first().waitFor();
  await picture(page, 'nodes-unknown');
  await server.start();
  await nodes.getByText('2/2').waitFor();
});
