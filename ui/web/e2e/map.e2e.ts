// The service map.

import { expect, it } from 'vitest';
import { picture } from './browser';
import { Fixture, ROWS } from './fixture';

const fixture = new Fixture();

it('shows the three tiers, and in red what is dropped', async () => {
  const { page } = fixture;
  const card = (name: string) => page.locator(`.card[data-card$="production/${name}"]`);
  for (const name of ['frontend', 'api-backend', 'database', 'auth-service', 'user-service', 'auth-database']) await card(name).waitFor();
  const edges = page.locator('.edge.dropped');
  await edges.first().waitFor({ state: 'attached' });
  const place = async (name: string) => (await card(name).boundingBox())?.x ?? NaN;
  expect(await place('frontend')).toBeLessThan(await place('api-backend'));
  expect(await place('api-backend')).toBeLessThan(await place('database'));
  const ids = await edges.evaluateAll((edges) => edges.map((edge) => edge.getAttribute('data-edge')));
  expect(ids).toHaveLength(1);
  expect(ids[0]).toMatch(/user-service .*auth-database/);
  expect(await edges.locator('.line.bad').evaluate((line) => getComputedStyle(line).strokeDasharray)).not.toBe('none');
  expect(await page.locator('ul[aria-label="Dropped connections on the map"]').innerText()).toContain('Policy denied');
  await picture(page, 'map');

  // What was there stays where it was, however many flows come.
  const where = () => card('database').evaluate((card) => (card as HTMLElement).style.transform);
  const before = await where();
  const count = () => page.locator('.card .amount').allInnerTexts();
  const amounts = JSON.stringify(await count());
  await page.waitForFunction(
    (amounts) => JSON.stringify([...document.querySelectorAll<HTMLElement>('.card .amount')].map((each) => each.innerText)) !== amounts,
    amounts,
  );
  expect(await where()).toBe(before);
  await card('auth-service').click();
  await page.locator('.chip').getByText('production/auth-service').waitFor();
  await page.waitForFunction((rows) => {
    const all = [...document.querySelectorAll(rows)];
    return all.length > 0 && all.every((row) => row.textContent?.includes('auth-service'));
  }, ROWS);
});

it('a namespace can be collapsed and expanded', async () => {
  const { page } = fixture;
  await page.getByRole('button', { name: 'production', exact: true }).click();
  const closed = page.locator('.card.namespace[data-card="ns:production"]');
  await closed.waitFor();
  expect(await closed.innerText()).toContain('6');
  await closed.click();
  await page.locator('.card[data-card$="production/frontend"]').waitFor();
});
