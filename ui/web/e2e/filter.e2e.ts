// Writing filters.

import { expect, it } from 'vitest';
import { picture } from './browser';
import { Fixture, ROWS } from './fixture';

const fixture = new Fixture();

it('an invalid filter is explained below the mistake, and not applied', async () => {
  const { page, server } = fixture;
  await fixture.flows();
  await page.keyboard.press('/');
  const field = page.getByRole('combobox');
  await page.waitForFunction(() => document.activeElement?.getAttribute('role') === 'combobox');
  await page.keyboard.type('reply and verdict == DROPED');
  await page.keyboard.press('Enter');
  const alert = page.getByRole('alert');
  await alert.waitFor();
  expect(await alert.innerText()).toContain('DROPPED');
  expect((await page.locator('.under').textContent())?.indexOf('^')).toBe('reply and verdict == '.length);
  await picture(page, 'wrong-filter');
  expect(await page.locator('.chip').count()).toBe(0);
  await field.fill('reply and verdict == FORWARDED');
  await page.keyboard.press('Enter');
  await page.locator('.chip').getByText('reply and verdict == FORWARDED').waitFor();
  await page.waitForFunction((rows) => document.querySelectorAll(rows).length > 0, ROWS);
  // The address can be wrong as well.
  await page.goto(`${server.url}?f=nonsense+==+5`);
  await page.locator('.chip.wrong').waitFor();
});

it('completions are offered, and accepted by keys', async () => {
  const { page } = fixture;
  await fixture.flows();
  await page.keyboard.press('/');
  const field = page.getByRole('combobox');
  const offered = (text: string) => page.getByRole('option').filter({ has: page.locator('code', { hasText: new RegExp(`^${text}$`) }) });
  await page.keyboard.type('verd');
  await offered('verdict').waitFor();
  await page.keyboard.press('Tab');
  await page.waitForFunction(() => document.querySelector<HTMLInputElement>('[role=combobox]')?.value.startsWith('verdict'));
  await page.keyboard.type('== DROP');
  await offered('DROPPED').waitFor();
  await picture(page, 'completion');
  // By the arrow and Enter; the first Enter takes the offer, the second the filter.
  await page.keyboard.press('ArrowDown');
  await page.locator('[role=option][aria-selected=true]').waitFor();
  expect(await field.getAttribute('aria-activedescendant')).toBe('offer-0');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => /== DROPPED\s*$/.test(document.querySelector<HTMLInputElement>('[role=combobox]')?.value ?? ''));
  await page.keyboard.press('Enter');
  await page.locator('.chip').getByText(/^verdict\s*== DROPPED$/).waitFor();
  // Values come from the flows that are held.
  await page.keyboard.type('src.pod == production/us');
  await offered('production/user-service').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('option').first().waitFor({ state: 'detached' });
});
