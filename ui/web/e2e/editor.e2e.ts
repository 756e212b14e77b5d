// The editor: from a denied connection to what its fix would change.

import { expect, it } from 'vitest';
import { serious } from './axe';
import { launch, open, picture } from './browser';
import { Fixture } from './fixture';
import { Server } from './server';

const fixture = new Fixture();
const AREA = '.yamlfield textarea';

async function headline(text: RegExp): Promise<void> {
  await fixture.page.locator('.answer .headline', { hasText: text }).waitFor();
}

it('tries the smallest fix of a denied connection, and says what it would change', async () => {
  const { page } = fixture;
  await fixture.show('Denied');
  await page.locator('.cause', { hasText: 'auth-database' }).first().click();
  const drawer = page.locator('.drawer');
  await drawer.getByRole('button', { name: 'Try in editor' }).first().click();
  await page.waitForURL(/show=editor/);
  const text = await page.locator(AREA).inputValue();
  // The whole policy, with the rule in its place.
  expect(text).toContain('name: auth-database-policy');
  expect(text).toMatch(/ingress:\n(\s+)- fromEndpoints:\n\s+- matchLabels:\n\s+app: user-service/);
  expect(text).toContain('app: auth-service');
  await headline(/No errors/);
  const answer = page.locator('.answer');
  await answer.getByText('Become denied: 0 pairs; become allowed: 1 pair.').first().waitFor();
  expect(await answer.locator('.meanings').innerText()).toMatch(/selects 1 pod of production \(auth-database\); allows ingress only from/);
  expect(await answer.locator('.becomes.allowed').first().innerText()).toMatch(/production\/user-service → production\/auth-database 5432\/TCP/);
  // Those that the lab's clients really tried.
  expect(await answer.innerText()).toMatch(/of which 0 would be denied and [1-9]/);
  await page.getByRole('button', { name: 'Markdown' }).click();
  await page.locator('.notice.on').getByText('copied').waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/^### Policy diff\n/);
  for (const [name, width, height] of [['editor', 1440, 900], ['editor-narrow', 390, 844]] as const) {
    await page.setViewportSize({ width, height });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `${name}-${colorScheme}`);
      expect(await serious(page)).toEqual([]);
    }
  }
});

it('marks what is wrong where it is, and keeps the text over a reload', async () => {
  const { page } = fixture;
  await page.keyboard.press('y');
  await page.waitForURL(/show=editor/);
  await page.getByRole('button', { name: 'Insert an example' }).click();
  await headline(/No errors, 2 warnings/);
  const area = page.locator(AREA);
  const example = await area.inputValue();
  await area.fill(example.replace('"8080"', '"80x80!"'));
  await headline(/1 error/);
  const line = example.split('\n').findIndex((line) => line.includes('8080')) + 1;
  const mark = page.locator('.gutter .mark.error');
  expect(await mark.innerText()).toBe(String(line));
  await picture(page, 'editor-error');
  await page.locator('.findings .error button').click();
  expect(await area.evaluate((area: HTMLTextAreaElement) => area.value.slice(0, area.selectionStart).split('\n').length)).toBe(line);
  const wrong = await area.inputValue();
  await page.reload();
  expect(await page.locator(AREA).inputValue()).toBe(wrong);
  await headline(/1 error/);
});

it('can be written in and left with the keyboard alone', async () => {
  const { page } = fixture;
  await page.goto(`${fixture.server.url}?show=editor`);
  const area = page.locator(AREA);
  await area.focus();
  await page.keyboard.type('spec:\na: 1');
  // A line stands as the one before, a step to the right after a key.
  expect(await area.inputValue()).toBe('spec:\n  a: 1');
  await page.keyboard.press('Control+]');
  expect(await area.inputValue()).toBe('spec:\n    a: 1');
  await page.keyboard.press('Control+[');
  await page.keyboard.press('Control+[');
  expect(await area.inputValue()).toBe('spec:\na: 1');
  // Keys of the page are letters here.
  await page.keyboard.type('d1');
  expect(await area.inputValue()).toBe('spec:\na: 1d1');
  expect(page.url()).toContain('show=editor');
  await page.keyboard.press('Tab');
  expect(await area.evaluate((area) => document.activeElement === area)).toBe(false);
});

it('edits a copy of a policy, and brings back what was there', async () => {
  const { page } = fixture;
  await page.evaluate(() => sessionStorage.setItem('flows-editor', 'mine: 1\n'));
  await page.reload();
  await fixture.show('Denied');
  await page.locator('.cause', { hasText: 'auth-database' }).first().click();
  await page.locator('.drawer details.policy summary').first().click();
  await page.locator('.drawer').getByRole('button', { name: 'Edit a copy' }).first().click();
  await headline(/No connection becomes denied or allowed/);
  await page.getByText('Nothing in the text differs from what is enforced.').waitFor();
  await page.getByRole('button', { name: 'Bring it back' }).click();
  expect(await page.locator(AREA).inputValue()).toBe('mine: 1\n');
});

it('without a cluster it checks the text, and says what it needs for the rest', async () => {
  const server = new Server([], ['--input-file', new URL('../../../testdata/shop/flows.jsonl', import.meta.url).pathname]);
  await server.start();
  const browser = await launch();
  try {
    const { page, wrong } = await open(browser, `${server.url}?show=editor`);
    await page.getByRole('button', { name: 'Insert an example' }).click();
    const answer = page.locator('.answer');
    await answer.getByText('selects pods with app=backend').waitFor();
    await answer.getByText('Not known: the flows are from a file').waitFor();
    expect(wrong).toEqual([]);
  } finally {
    await browser.close();
    await server.kill();
  }
});
