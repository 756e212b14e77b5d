// A policy loses a rule: the mark of it on the time axis, and what the drawer says of who is denied since.

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { serious } from './axe';
import { launch, open, picture } from './browser';
import { CONNECTIONS } from './fixture';
import { Server, variable } from './server';

const LAB = `${variable('FLOWS_LAB')}-c`;
const MANIFESTS = fileURLToPath(new URL('../../../testdata/three-tier', import.meta.url));
const POLICY = 'auth-database-policy.yaml';

function lab(verb: string, ...rest: string[]): string {
  return execFileSync(variable('FLOWS_LAB_PROGRAM'), [verb, '--name', LAB, ...rest], { encoding: 'utf8' });
}

const server = new Server([], ['--lab', LAB]);
let browser: Browser;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'flows-changes-'));
  lab('up', '--relay-listen', 'none', MANIFESTS);
  await server.start();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await server.kill();
  lab('down');
  await rm(directory, { recursive: true });
});

it('is marked where it came into force, and named to whoever is denied since', async () => {
  const { page, wrong } = await open(browser, `${server.url}?show=flows`);
  const ends = 'src.pod == production/auth-service and dst.pod == production/auth-database';
  const asked = (state: string) => server.ask<{ flows: number; rows: { id?: string }[] }>('connections', { filter: `${ends} and ${state}`, limit: '1' });
  await page.locator(CONNECTIONS).first().waitFor();
  // It works, for now.
  while ((await asked('verdict == FORWARDED')).flows === 0) await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await page.locator('.change').count()).toBe(0);

  const manifest = await readFile(join(MANIFESTS, POLICY), 'utf8');
  await writeFile(join(directory, POLICY), manifest.replace('app: auth-service', 'app: audit'));
  lab('apply', '-f', join(directory, POLICY));
  const mark = page.locator('.change').first();
  await mark.waitFor();
  expect(await mark.getAttribute('aria-label')).toContain('cnp production/auth-database-policy');
  await mark.hover({ position: { x: 6, y: 5 } });
  await page.locator('.tip.told').getByText('cnp production/auth-database-policy').waitFor();
  await picture(page, 'changes');
  // A click tells of one by itself, with the nodes.
  await mark.click({ position: { x: 6, y: 5 } });
  await page.locator('.tip.told').getByText(/revision \d+, on /).waitFor();
  expect(await serious(page)).toEqual([]);

  // A new one is denied since.
  const denied = async () => (await asked('state == denied')).rows[0]?.id;
  while ((await denied()) === undefined) await new Promise((resolve) => setTimeout(resolve, 100));
  await page.goto(`${server.url}?show=flows&connection=${await denied()}`);
  const past = page.locator('.drawer .past');
  await past.getByText('Changed between').waitFor();
  expect(await past.innerText()).toMatch(/Worked until \d\d:\d\d:\d\d, denied since \d\d:\d\d:\d\d/);
  expect(await past.locator('li').first().innerText()).toMatch(/cnp production\/auth-database-policy .*\(revision \d+\)/);
  expect(await past.locator('code').innerText()).toMatch(new RegExp(`^flows --lab ${LAB} why production/auth-service production/auth-database:5432$`));
  await picture(page, 'changes-drawer');
  expect(wrong).toEqual([]);
  await page.context().close();
});
