// A loss that really happens: an agent is stopped while more comes than its rings hold.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { serious } from './axe';
import { launch, open, picture } from './browser';
import { ROWS } from './fixture';
import { Server, variable } from './server';

/** Datagrams, each of them an event; the smallest rings have room for a tenth of them. */
const SENT = 4000;
const LAB = `${variable('FLOWS_LAB')}-l`;
const MANIFESTS = fileURLToPath(new URL('../../../testdata/three-tier', import.meta.url));

/** What the lab says of a node's agent, and of a pod. */
interface Known {
  processes: { role: { agent?: { node: string } }; pid: number }[];
  plan: { pods: { name: string; node: string; ipv4: string }[] };
}

function lab(...words: string[]): string {
  const [verb = '', ...rest] = words;
  return execFileSync(variable('FLOWS_LAB_PROGRAM'), [verb, '--name', LAB, ...rest], { encoding: 'utf8' });
}

const server = new Server([], ['--lab', LAB]);
let browser: Browser;
beforeAll(async () => {
  lab('up', '--relay-listen', 'none', '--agent-arg=--ring-bytes=16384', '--agent-arg=--drop-events=0', MANIFESTS);
  await server.start();
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await server.kill();
  lab('down');
});

it('a loss is a mark on the time axis and in the table, and is counted for its node', async () => {
  const { page, wrong } = await open(browser, server.url);
  await page.locator(ROWS).first().waitFor();
  await page.locator('.link.good').waitFor();
  expect(await page.locator('.plot .loss').count()).toBe(0);
  expect(await page.locator('.facts > div', { hasText: 'Lost' }).locator('dd').innerText()).toBe('0');

  const { processes, plan } = JSON.parse(lab('status', '--json')) as Known;
  const target = plan.pods.find(({ name }) => name === 'auth-database');
  const agent = processes.find(({ role }) => role.agent?.node === target?.node);
  if (!target || !agent) throw new Error('the lab has no auth-database or no agent on its node');
  process.kill(agent.pid, 'SIGSTOP');
  try {
    // One that has no port there is refused: that is no failure.
    const flood = `for ((port = 1; port <= ${SENT}; port++)); do echo x > /dev/udp/${target.ipv4}/$port; done 2> /dev/null; true`;
    lab('exec', 'production/user-service', '--', 'bash', '-c', flood);
  } finally {
    process.kill(agent.pid, 'SIGCONT');
  }

  // The mark on the axis says how many; so does the row in the table, and the count where it happened.
  await page.locator('.plot .loss').first().waitFor();
  const lost = async () => {
    const { nodes } = await server.ask<{ nodes: { name: string; lost: number }[] }>('status');
    return nodes.find(({ name }) => name.endsWith(target.node))?.lost ?? 0;
  };
  const told = async () => {
    const { lost } = await server.ask<{ lost: number[] }>('histogram');
    return lost.reduce((a, b) => a + b, 0);
  };
  // What the node counted has all come as marks.
  let count = 0;
  while (count === 0 || count !== (await lost())) {
    count = await told();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect(count).toBeLessThanOrEqual(SENT + 1000);
  const whole = count.toLocaleString('en-US');
  const head = page.locator('.facts > div', { hasText: 'Lost' });
  await head.locator('dd.bad').waitFor();
  const marks = await page.locator('.plot .loss').evaluateAll((marks) => marks.map((mark) => (mark as HTMLElement).title));
  expect(marks.length).toBeGreaterThan(0);
  for (const mark of marks) expect(mark).toMatch(/^[\d,]+ events? lost here$/);

  // Held, so that it isn't pushed away by what comes.
  await page.locator('.pause').click();
  await page.locator('.pause.on').waitFor();
  await page.keyboard.press('3');
  await page.locator('#flows').focus();
  const row = page.locator('.window .row.lost:not(.note)').first();
  while ((await row.count()) === 0) {
    await page.keyboard.press('PageDown');
    await page.waitForTimeout(100);
  }
  expect(await row.innerText()).toMatch(/[\d,]+ events lost here/);
  await picture(page, 'losses-table');
  expect(await serious(page)).toEqual([]);

  await page.keyboard.press('5');
  await page.locator('.status article.bad').getByText('Lost').waitFor();
  const cell = page.locator('.status tbody tr', { hasText: target.node }).locator('td.number.bad').first();
  expect(await cell.innerText()).toBe(whole);
  // Counted once, though both the servers and the marks tell of it.
  expect(await head.getAttribute('title')).toContain(`${whole} events missing`);
  expect(await serious(page)).toEqual([]);
  await picture(page, 'losses-nodes');
  expect(wrong).toEqual([]);
  await page.context().close();
});

it('the time in which a node was away is hatched, not shown as silence', async () => {
  const { page, wrong } = await open(browser, server.url, { timezoneId: 'Europe/Berlin' });
  await page.locator(ROWS).first().waitFor();
  await page.locator('.link', { hasText: 'Live' }).waitFor();
  const hatched = page.locator('.plot .outage-span');
  const before = await hatched.count();

  const { processes, plan } = JSON.parse(lab('status', '--json')) as Known;
  const node = plan.pods.find(({ name }) => name === 'auth-database')?.node;
  const agent = processes.find(({ role }) => role.agent?.node === node);
  if (!node || !agent) throw new Error('the lab has no agent on the node of auth-database');
  process.kill(agent.pid, 'SIGKILL');
  try {
    await page.locator('.link', { hasText: 'Degraded' }).waitFor();
    await page.locator('.facts > div', { hasText: 'Nodes' }).locator('dd.bad', { hasText: '1/2' }).waitFor();
    await page.waitForFunction((before) => document.querySelectorAll('.plot .outage-span').length > before, before);
    expect(await hatched.last().getAttribute('aria-label')).toContain(`no data from ${LAB}/${node}`);
    // Under a filter that little matches, too.
    await page.goto(`${server.url}?f=dst.port+%3D%3D+8080`);
    await hatched.first().waitFor();
    await picture(page, 'away');
  } finally {
    lab('restart');
  }
  await page.locator('.link', { hasText: 'Live' }).waitFor();
  // What is missing stays so.
  expect(await hatched.last().getAttribute('aria-label')).toContain(`no data from ${LAB}/${node}`);
  await page.context().close();
  expect(wrong).toEqual([]);
});
