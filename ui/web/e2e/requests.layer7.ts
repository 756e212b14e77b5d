// Requests that a proxy judges, in a lab of `testdata/layer7`: as rows, with why one was denied, by cause, and on
// the map.

import { expect, it } from 'vitest';
import { picture } from './browser';
import { CONNECTIONS, Fixture } from './fixture';

const fixture = new Fixture();
const REQUESTS = '.window .row[data-request]';
const POST = 'POST /admin/delete';

function filtered(show: string, filter: string): string {
  return `${fixture.server.url}?${new URLSearchParams({ show, f: filter })}`;
}

it('tells what a resolver makes of a name in one row, and a denied request with its rule and its fix', async () => {
  const { page } = fixture;
  await page.goto(filtered('flows', 'dst.port == 53 and verdict != DROPPED and src.pod == production/payment-service'));
  const lookup = page.locator(CONNECTIONS).filter({ hasText: 'A api.stripe.com: 203.0.113.10' }).filter({ hasText: /x\d+, \d+ requests/ });
  await lookup.first().waitFor();
  await fixture.hold();
  await lookup.first().click();
  const drawer = page.locator('.drawer');
  await drawer.getByText(/Latest requests of \d+ connections alike/).waitFor();
  const asked = await drawer.locator('.carried').innerText();
  expect(asked).toContain('api.stripe.com.production.svc.cluster.local');
  expect(asked).toContain('no such name');
  await picture(page, 'requests-lookup');

  await page.goto(filtered('flows', `request == "${POST}"`));
  await page.locator(REQUESTS).first().waitFor();
  await fixture.hold();
  await page.locator(REQUESTS).first().click();
  await drawer.getByText('What would allow it').waitFor();
  const text = await drawer.innerText();
  expect(text).toContain('POST http://api-backend:8080/admin/delete');
  expect(text).toContain('Why denied');
  expect(text).toContain('spec.ingress[0].toPorts[0].rules.http[0]');
  expect(text).toContain('method POST is not GET');
  expect(text).toMatch(/method: POST/);
  expect(text).toMatch(/path: \/admin\/delete/);
  expect(text).toContain('policy trace');
  await picture(page, 'requests-why-denied');

  await drawer.getByRole('button', { name: 'Its connection' }).click();
  // It may be the first of several in a row.
  await drawer.getByText(/Requests of this connection|Latest requests of/).waitFor();
  const carried = drawer.locator('.carried li.bad');
  expect(await carried.first().innerText()).toContain(POST.replace(' ', ' http://api-backend:8080'));
  // And back to it.
  await carried.first().getByRole('button').click();
  await drawer.getByText('Denied request').waitFor();
});

it('shows the requests of one cause, and no others between the same ends', async () => {
  const { page } = fixture;
  await page.goto(`${fixture.server.url}?show=denied`);
  const cause = page.locator('.incident', { hasText: POST });
  await cause.waitFor();
  await cause.getByRole('button', { name: /requests? of production\/metrics-scraper/ }).click();
  await page.locator('.chip').getByText(`request == "${POST}"`).waitFor();
  await page.waitForFunction(
    ([all, post]) => {
      const rows = [...document.querySelectorAll<HTMLElement>(all)];
      return rows.length > 0 && rows.every((row) => row.dataset['request'] !== undefined && row.textContent?.includes(post));
    },
    ['.window .row[data-seq]', POST] as const,
  );
});

it('draws denied requests beside the connections that carried them', async () => {
  const { page } = fixture;
  await page.goto(filtered('map', 'src.pod == production/metrics-scraper and dst.port == 8080'));
  const edge = page.locator('.edge.dropped[data-edge*="metrics-scraper"][data-edge*="api-backend"]');
  await edge.waitFor({ state: 'attached' });
  expect(await edge.locator('.line').count()).toBe(2);
  expect(await edge.locator('title').textContent()).toMatch(/\d+ requests, \d+ denied/);
  await picture(page, 'requests-map');
});
