// What somebody does who is called because "it can't connect".

import { describe, expect, it } from 'vitest';
import { open, picture } from './browser';
import { Fixture, ROWS } from './fixture';
import { variable } from './server';

const fixture = new Fixture();
const BAD = '.window .row.bad[data-seq]';

/** Holds the table and opens the newest drop. */
async function openDrop(): Promise<void> {
  await fixture.hold();
  await fixture.page.locator(BAD).first().click();
  await fixture.page.locator('.drawer .headline').waitFor();
}

describe('a denied connection', () => {
  it('appears live, with the policy that denied it, why, and what would allow it', async () => {
    const { page } = fixture;
    await fixture.flows();
    const before = await fixture.newest();
    await fixture.dropped();
    // One that happens now: the client of the lab tries every two seconds.
    await fixture.newer(before, BAD);
    expect(await page.locator('.window .row.good').count()).toBe(0);
    await fixture.hold();
    await page.locator(BAD).first().click();

    const drawer = page.locator('.drawer');
    await drawer.getByText('Why denied').waitFor();
    await drawer.getByText('What would allow it').waitFor();
    const text = await drawer.innerText();
    expect(text).toContain('production/user-service may not reach production/auth-database on 5432/TCP');
    expect(text).toContain('cnp production/auth-database-policy selects it');
    expect(text).toContain('app=auth-service, have app=user-service');
    expect(text).toMatch(/matchLabels:\s+app: user-service/);
    expect(text).toContain(`flows --lab ${variable('FLOWS_LAB')} policy trace --src-pod production/user-service --dst-pod production/auth-database`);
    await picture(page, 'why-denied');

    await drawer.getByRole('button', { name: 'Copy: the rule' }).click();
    await page.locator('.notice.on').getByText('copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('app: user-service');
    await drawer.locator('details.policy summary').first().click();
    await drawer.locator('details.policy pre').first().waitFor();
    expect(await drawer.locator('details.policy pre').first().innerText()).toContain('kind: CiliumNetworkPolicy');
  });

  it('looks the same to everyone who opens the link', async () => {
    const { page, browser } = fixture;
    await fixture.flows();
    await fixture.dropped();
    await openDrop();
    await fixture.show('Flows');
    const [headline, ends] = [await page.locator('.headline').innerText(), await page.locator('.ends').innerText()];
    const total = await fixture.total();
    const other = await open(browser, page.url());
    await other.page.locator('.drawer .headline').waitFor();
    expect(await other.page.locator('.headline').innerText()).toBe(headline);
    expect(await other.page.locator('.ends').innerText()).toBe(ends);
    expect(await other.page.locator('.chip').innerText()).toContain('verdict == DROPPED');
    expect(await other.page.locator('.map').count()).toBe(0);
    await other.page.locator('.pause.on').waitFor();
    await other.page.waitForFunction((total) => document.querySelector('.flows .tablehead > p')?.textContent?.replace(/\D/g, '') === String(total), total);
    expect(other.wrong).toEqual([]);
    await other.page.context().close();
    // And back, by the browser's own button.
    await page.goBack();
    await page.locator('.map').waitFor();
  });

  it('is found by its link after flows-ui is restarted', async () => {
    const { page, server } = fixture;
    await fixture.flows();
    await fixture.dropped();
    await openDrop();
    const ends = await page.locator('.ends').innerText();
    const address = page.url();
    await server.kill();
    await server.start();
    await page.goto(address);
    await page.locator('.drawer .headline').waitFor();
    expect(await page.locator('.ends').innerText()).toBe(ends);
    // The moment that was held was of the other run: that is said, and the present is shown.
    await page.waitForURL((url) => !url.searchParams.has('at'));
    await page.locator('.pause:not(.on)').waitFor();

    await page.goto(`${server.url}?flow=1500000000000000000-0123456789abcdef`);
    await page.locator('.drawer').getByText('is no longer in memory: it happened at 2017-07-14').waitFor();
    await page.locator('.drawer').getByRole('button', { name: "Search the servers' history" }).click();
    await page.locator('.drawer').getByText('The servers have no older flows either.').waitFor();
  });
});

it('a click on a cell filters by its value', async () => {
  const { page } = fixture;
  await fixture.show('Flows');
  await fixture.flows();
  await fixture.hold();
  const cell = page.locator('.window .row [data-column=destination]', { hasText: 'production/database' }).first();
  await cell.hover();
  await cell.locator('.pick').click();
  await page.getByRole('menuitem', { name: /^Exclude pod == production\/database$/ }).click();
  await page.locator('.chip.excludes').waitFor();
  await page.waitForFunction((rows) => {
    const all = [...document.querySelectorAll(rows)];
    return all.length > 0 && all.every((row) => !row.textContent?.includes('production/database'));
  }, ROWS);
});

it('flows continue after the server is killed and started again', async () => {
  const { page, server } = fixture;
  await fixture.flows();
  await page.locator('.link.good').waitFor();
  await server.kill();
  await page.locator('.link.bad').getByText('Reconnecting').waitFor();
  expect(await page.locator(ROWS).count()).toBeGreaterThan(0);
  const alert = page.getByRole('alert');
  await alert.getByText('No new flows: flows-ui is unreachable').waitFor();
  await alert.getByText('Showing flows up to').waitFor();
  await picture(page, 'server-gone');
  await server.start();
  await page.locator('.link.good').getByText('Live').waitFor();
  await alert.waitFor({ state: 'detached' });
  await fixture.newer(await fixture.newest());
});
