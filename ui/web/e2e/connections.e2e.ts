// The table of connections, and of events; a page that nobody sees.

import { expect, it } from 'vitest';
import { picture } from './browser';
import { CONNECTIONS, EVENTS, Fixture } from './fixture';

const fixture = new Fixture();

/** What the API says of a question. */
function count(path: string, at: number): Promise<{ flows: number }> {
  return fixture.server.ask<{ flows: number }>(path, { at: String(at), limit: '1' });
}

it('a row is a connection, and a switch away an event', async () => {
  const { page } = fixture;
  await fixture.flows();
  expect(await page.locator(EVENTS).count()).toBe(0);
  const headings = await page.locator('.headings > div').evaluateAll((all) => all.map((each) => (each as HTMLElement).dataset['column']));
  expect(headings).toEqual(['timestamp', 'source', 'destination', 'verdict', 'why', 'state', 'bytes', 'rtt', 'age']);
  const at = await fixture.hold();
  await fixture.totals((await count('connections', at)).flows);
  await picture(page, 'connections');
  await page.getByRole('button', { name: 'Events', exact: true }).click();
  await page.waitForURL(/unit=events/);
  await page.locator(EVENTS).first().waitFor();
  await fixture.totals((await count('flows', at)).flows);
  expect(await page.locator(CONNECTIONS).count()).toBe(0);
  await page.goBack();
  await page.locator(CONNECTIONS).first().waitFor();
  await page.keyboard.press('e');
  await page.locator(EVENTS).first().waitFor();
});

it('a filter about single packets switches to events, and says so', async () => {
  const { page, server } = fixture;
  await page.goto(`${server.url}?f=tcp.flags.syn`);
  await page.locator('.notice.on').getByText('This filter is about single packets: showing events').waitFor();
  await page.waitForURL(/unit=events/);
  await page.locator(EVENTS).first().waitFor();
  await page.locator('.link').getByText('Live').waitFor();
});

it('a connection stays the same row while it becomes another', async () => {
  const { page, server } = fixture;
  // Of the history what is old is read first: one that happens now.
  type Row = { id?: string; time: number };
  const newest = async () => (await server.ask<{ rows: Row[] }>('connections', { filter: 'state == denied', limit: '1' })).rows[0];
  let row: Row | undefined;
  while (!row?.id || Date.now() - row.time > 10_000) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    row = await newest();
  }
  const { id } = row;
  await page.goto(`${server.url}?show=flows&f=state+%3D%3D+denied`);
  const own = page.locator(`${CONNECTIONS}[data-connection="${id}"]`);
  await own.waitFor();
  const before = await own.innerText();
  // The drawer is about it, while the table goes on.
  await page.goto(`${page.url()}&connection=${id}`);
  await page.locator('.drawer .ends').waitFor();
  await page.locator(`${CONNECTIONS}[data-connection="${id}"][aria-selected=true]`).waitFor();
  // The client of the lab tries again: its packets are drops of the same connection, or another one comes.
  await page.waitForFunction(
    ([rows, id, before]) => {
      const own = document.querySelector<HTMLElement>(`${rows}[data-connection="${id}"]`);
      const first = document.querySelector<HTMLElement>(rows);
      return own?.getAttribute('aria-selected') === 'true' && (own.innerText !== before || first?.dataset['connection'] !== id);
    },
    [CONNECTIONS, id, before] as const,
  );
  expect(new URL(page.url()).searchParams.get('connection')).toBe(id);
  await picture(page, 'connection-open');
});

it('the drawer shows both ends, and leads to an event and back', async () => {
  const { page, server } = fixture;
  await page.goto(`${server.url}?show=flows&f=verdict+%3D%3D+FORWARDED+and+dst.port+%3D%3D+8080`);
  await fixture.flows();
  await fixture.hold();
  await page.locator(CONNECTIONS).first().click({ position: { x: 5, y: 8 } });
  const drawer = page.locator('.drawer');
  await drawer.locator('.sides li').nth(1).waitFor();
  expect(await drawer.locator('.sides').first().innerText()).toMatch(/Egress at .*frontend[^]*Ingress at .*api-backend/);
  await drawer.locator('.connection button').first().click();
  await page.waitForURL(/flow=/);
  await drawer.getByText('Flows of this connection').waitFor();
  await drawer.getByRole('button', { name: 'Connection', exact: true }).click();
  await page.waitForURL((url) => !url.searchParams.has('flow'));
  await drawer.getByText('Events of this connection').waitFor();
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'detached' });
});

it('what is denied is a cause with its reason and its fix', async () => {
  const { page } = fixture;
  await fixture.flows();
  await fixture.show('Denied');
  const incident = page.locator('.incident');
  await incident.first().waitFor();
  expect(await incident.count()).toBe(1);
  expect(await incident.innerText()).toContain('Ongoing');
  expect(await incident.innerText()).toContain('production/auth-database');
  await incident.locator('.cause').click();
  const drawer = page.locator('.drawer');
  await drawer.getByText('What would allow it').waitFor();
  expect(await drawer.locator('.headline').innerText()).toContain('may not reach production/auth-database on 5432/TCP');
  await picture(page, 'denied-open');
});

it('a page that nobody sees gives its stream back, and misses nothing', async () => {
  const { page, server } = fixture;
  await fixture.flows();
  const see = (hidden: boolean) =>
    page.evaluate((hidden) => {
      Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));
    }, hidden);
  const [closed] = await Promise.all([page.waitForEvent('requestfailed', (request) => request.url().includes('/api/events')), see(true)]);
  expect(closed.url()).toContain('/api/events');
  const shown = await page.locator(CONNECTIONS).first().getAttribute('data-connection');
  // Connections come meanwhile, and none of them is shown.
  const newest = async () => (await server.ask<{ rows: { id?: string }[] }>('connections', { limit: '1' })).rows[0]?.id;
  while ((await newest()) === shown) await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await page.locator(CONNECTIONS).first().getAttribute('data-connection')).toBe(shown);
  await Promise.all([page.waitForRequest((request) => request.url().includes('/api/events')), see(false)]);
  await page.waitForFunction(([rows, shown]) => document.querySelector<HTMLElement>(rows)?.dataset['connection'] !== shown, [CONNECTIONS, shown] as const);
  const at = await fixture.hold();
  await fixture.totals((await count('connections', at)).flows);
});
