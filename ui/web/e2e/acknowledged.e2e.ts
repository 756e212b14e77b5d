// Somebody knows of an incident: that is said to everybody who looks, and taken back.

import { expect, it } from 'vitest';
import { serious } from './axe';
import { open, picture } from './browser';
import { Fixture } from './fixture';
import { Server } from './server';

const fixture = new Fixture();

it('is said in the panel of an incident, seen by others, hidden, and withdrawn', async () => {
  const { page, browser, server } = fixture;
  await fixture.show('Denied');
  const row = page.locator('.incident', { hasText: 'user-service' }).first();
  await row.locator('.cause').click();
  const panel = page.locator('.known-panel');
  await panel.getByText('By nobody.').waitFor();
  await panel.getByRole('button', { name: 'Acknowledge…' }).click();
  await panel.getByLabel('Another time').check();
  await panel.getByLabel(/^Until/).fill('never');
  await panel.getByLabel('Your name').fill('ann');
  await panel.getByLabel('Note').fill('moves on Monday');
  await panel.getByRole('button', { name: 'Acknowledge', exact: true }).click();
  await panel.getByRole('alert').getByText('not a time').waitFor();
  await panel.getByLabel('Tomorrow 09:00').check();
  await picture(page, 'acknowledge');
  expect(await serious(page)).toEqual([]);
  await panel.getByRole('button', { name: 'Acknowledge', exact: true }).click();
  await panel.getByText(/Acknowledged by ann until .*09:00.*: moves on Monday/).waitFor();
  await row.locator('.known').getByText('moves on Monday').waitFor();

  const other = await open(browser, `${server.url}?show=denied`);
  const known = other.page.locator('.incident.acknowledged');
  await known.getByText('Acknowledged by ann').waitFor();
  for (const [name, width, height] of [['acknowledged', 1440, 900], ['acknowledged-narrow', 390, 844]] as const) {
    await other.page.setViewportSize({ width, height });
    for (const colorScheme of ['light', 'dark'] as const) {
      await other.page.emulateMedia({ colorScheme });
      await picture(other.page, `${name}-${colorScheme}`);
      expect(await serious(other.page)).toEqual([]);
    }
  }
  await other.page.getByRole('button', { name: 'Hide 1 acknowledged' }).click();
  await known.waitFor({ state: 'detached' });
  expect(new URL(other.page.url()).searchParams.get('acked')).toBe('hide');
  await other.page.getByRole('button', { name: 'Show 1 acknowledged' }).click();
  await known.waitFor();
  expect(other.wrong).toEqual([]);
  await other.page.context().close();

  await panel.getByRole('button', { name: 'Withdraw…' }).click();
  // The name is remembered.
  expect(await panel.getByLabel('Your name').inputValue()).toBe('ann');
  await panel.getByRole('button', { name: 'Withdraw', exact: true }).click();
  await panel.getByText('By nobody.').waitFor();
  await page.locator('.incident.acknowledged').waitFor({ state: 'detached' });
});

it('where it is switched off there is no button, and why is said', async () => {
  const server = new Server(['--read-only']);
  await server.start();
  try {
    const { page, wrong } = await open(fixture.browser, `${server.url}?show=denied`);
    await page.locator('.cause').first().click();
    const panel = page.locator('.known-panel');
    await panel.getByText('started with --read-only').waitFor();
    expect(await panel.getByRole('button').count()).toBe(0);
    expect(wrong).toEqual([]);
    await page.context().close();
  } finally {
    await server.kill();
  }
});
