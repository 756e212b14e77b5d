// What somebody does who is asked which policies do anything, who has none, and what a workload may do.

import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { serious } from './axe';
import { launch, open, picture } from './browser';
import { CONNECTIONS, Fixture } from './fixture';
import { Server, variable } from './server';

const POLICY = 'cnp production/auth-database-policy';
const WORKLOAD = 'production/auth-database';

/** Screens in each of the two colour schemes. */
const SCREENS = (['light', 'dark'] as const).flatMap((scheme) => [
  { scheme, screen: 'desktop', size: { width: 1440, height: 900 } },
  { scheme, screen: 'phone', size: { width: 390, height: 844 } },
]);

/** Looks of both pages, and how to come to them. */
const SIGHTS: { name: string; query: string; come: (page: Page) => Promise<unknown> }[] = [
  { name: 'policies', query: '?show=policies', come: (page) => page.locator('.coverage').waitFor() },
  { name: 'policy', query: `?show=policies&policy=${encodeURIComponent(POLICY)}`, come: (page) => page.locator('.drawer .numbered').waitFor() },
  { name: 'workload', query: `?show=workload&workload=${encodeURIComponent(WORKLOAD)}`, come: (page) => page.locator('.reach').first().waitFor() },
];

describe('of a cluster', () => {
  const fixture = new Fixture();
  const line = () => fixture.page.locator(`[data-policy="${POLICY}"]`);

  it('lists policies with what they decided, and pods that have none', async () => {
    const { page } = fixture;
    await fixture.flows();
    await page.keyboard.press('6');
    await line().waitFor();
    await page.waitForURL(/show=policies/);
    const text = await line().innerText();
    expect(text).toContain('Enforced');
    expect(text).toContain('1 pod');
    // The client of the lab tries again and again: it is counted by the kernel.
    const decisions = async () => Number((await line().locator('[data-title=Decisions]').innerText()).replace(/\D/g, ''));
    const before = await decisions();
    await expect.poll(decisions, { timeout: 30_000 }).toBeGreaterThan(before);
    await expect.poll(() => line().locator('[data-title=Rate]').innerText(), { timeout: 30_000 }).toMatch(/\/(s|min)$/);
    await page.locator('.coverage').getByText('without a policy for egress').click();
    await page.locator('.coverage').getByRole('link', { name: 'production/frontend' }).last().waitFor();
    await page.getByRole('button', { name: 'Decisions' }).click();
    await page.waitForURL(/order=-decisions/);
    await page.locator('[aria-sort=descending]').waitFor();
    await page.getByLabel('Only policies with these words').fill('auth-data');
    await page.waitForURL(/words=auth-data/);
    await page.locator('.policies .tablehead').getByText(/1 of \d/).waitFor();
    expect(await page.locator('.policy-line').count()).toBe(1);
  });

  it('shows all about a policy, and leads to what it decided and whom it selects', async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}?show=policies`);
    await line().locator('.name').click();
    const panel = page.locator('.drawer');
    await panel.locator('.numbered').waitFor();
    const text = await panel.innerText();
    expect(text).toContain('spec.ingress[0] allows ingress app=auth-service on 5432/TCP');
    expect(await panel.locator('.numbered [data-line="1"]').count()).toBe(1);
    await panel.getByRole('link', { name: 'Show its connections' }).click();
    await page.waitForURL(/show=flows/);
    await page.locator('.chip', { hasText: 'policy == production/auth-database-policy' }).waitFor();
    await page.locator(CONNECTIONS).first().waitFor();
    await page.goBack();
    await panel.getByRole('link', { name: /^Denied by it/ }).click();
    await page.locator('.incident', { hasText: 'production/auth-database' }).first().waitFor();
    await page.goBack();
    await panel.getByRole('link', { name: WORKLOAD, exact: true }).click();
    await page.locator('.workload-page h2', { hasText: WORKLOAD }).waitFor();
    await page.goBack();
    await panel.waitFor();
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
  });

  it('shows a workload: its pods, who connects, what is denied, and who may', async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}?show=workload&workload=${encodeURIComponent(WORKLOAD)}`);
    const of = (name: string) => page.getByRole('region', { name, exact: true });
    await of('Pods').getByText(/10\.\d+\.\d+\.\d+/).waitFor();
    await of('Policies that select it').getByText('default deny by').waitFor();
    expect(await of('Policies that select it').innerText()).toMatch(/Egress:\s*not restricted/);
    // Its client may, another pod's client may not.
    const inbound = of('Who connects to it');
    await inbound.locator('tr.bad', { hasText: 'production/user-service' }).waitFor();
    await of('Denied').getByText('Ongoing').waitFor();
    const allowed = of('Who may reach it').locator('tr', { hasText: 'auth-service' });
    await allowed.getByText(/\d connections?$/).waitFor();
    expect(await allowed.innerText()).toContain('5432/TCP');
    await inbound.getByRole('button', { name: /^Trace… production\/user-service/ }).click();
    await page.locator('.notice.on').getByText('copied').waitFor();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toMatch(/policy trace --src-pod production\/user-service --dst-pod production\/auth-database --dport 5432$/);
    await inbound.locator('tr.bad .newest').click();
    await page.locator('.drawer').getByText('What would allow it').waitFor();
    await page.keyboard.press('Escape');
    await inbound.getByRole('link', { name: 'production/user-service' }).first().click();
    await page.locator('.workload-page h2', { hasText: 'production/user-service' }).waitFor();
    await of('Whom it connects to').getByRole('link', { name: WORKLOAD }).first().waitFor();
  });

  it('is led to from a row, from its drawer and from the map', async () => {
    const { page, server } = fixture;
    await fixture.show('Flows');
    await fixture.flows();
    await fixture.hold();
    await page.locator('.window .row [data-column=source]').first().click({ button: 'right' });
    await page.getByRole('menuitem', { name: /^Page of production\// }).click();
    await page.locator('.workload-page .page-body').waitFor();
    await page.goBack();
    await page.locator(CONNECTIONS).first().click({ position: { x: 5, y: 8 } });
    await page.locator('.drawer .fields').getByRole('link').first().click();
    await page.locator('.workload-page .page-body, .policies .scroll').first().waitFor();
    await page.goto(`${server.url}?show=map`);
    await page.locator('.card.pod, .card.workload').first().focus();
    await page.keyboard.press('w');
    await page.locator('.workload-page .page-body').waitFor();
  });

  it('asks for nothing that nobody sees', async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}?show=policies`);
    await line().waitFor();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await fixture.show('Flows');
    await page.locator(CONNECTIONS).first().waitFor();
    const newest = await page.locator(CONNECTIONS).first().getAttribute('data-connection');
    // Long enough for another look, were there one: connections come every two seconds.
    for (let others = 0; others < 4; others++) {
      const shown = await page.locator(CONNECTIONS).first().getAttribute('data-connection');
      await page.waitForFunction(([rows, shown]) => document.querySelector<HTMLElement>(rows)?.dataset['connection'] !== shown, [CONNECTIONS, shown] as const);
    }
    expect(await page.locator(CONNECTIONS).first().getAttribute('data-connection')).not.toBe(newest);
    expect(asked.filter((path) => /\/api\/(policies|policy|workload|reach)$/.test(path))).toEqual([]);
  });

  it.each(SIGHTS.flatMap((sight) => SCREENS.map((on) => [sight.name, on.scheme, on.screen, sight, on] as const)))('axe-core finds nothing serious: %s, %s, %s', async (name, scheme, screen, { query, come }, { size }) => {
    const { page, server } = fixture;
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' });
    await page.goto(`${server.url}${query}`);
    await come(page);
    expect(await serious(page)).toEqual([]);
    await picture(page, `${scheme}-${name}${screen === 'phone' ? '-phone' : ''}`);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(size.width);
  });
});

describe('of a policy that changes', () => {
  const lab = `${variable('FLOWS_LAB')}-p`;
  const manifests = fileURLToPath(new URL('../../../testdata/three-tier', import.meta.url));
  const server = new Server([], ['--lab', lab]);
  let browser: Browser;
  let directory: string;
  const run = (verb: string, ...rest: string[]) => execFileSync(variable('FLOWS_LAB_PROGRAM'), [verb, '--name', lab, ...rest], { encoding: 'utf8', stdio: 'pipe' });
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'flows-policies-'));
    run('up', '--relay-listen', 'none', manifests);
    await server.start();
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await server.kill();
    run('down');
    await rm(directory, { recursive: true });
  });

  it('shows its versions, and that and where a version is refused', async () => {
    const { page, wrong } = await open(browser, `${server.url}?show=policies&policy=${encodeURIComponent(POLICY)}`);
    const panel = page.locator('.drawer');
    await panel.getByText('allows ingress app=auth-service').waitFor();
    const file = join(directory, 'auth-database-policy.yaml');
    const manifest = await readFile(join(manifests, 'auth-database-policy.yaml'), 'utf8');
    await writeFile(file, manifest.replace('app: auth-service', 'app: audit'));
    run('apply', '-f', file);
    await panel.locator('.versions .came').getByText('app=audit on 5432/TCP').first().waitFor();
    await panel.locator('.versions summary').first().click();
    expect(await panel.locator('.diff .removed').first().innerText()).toContain('app: auth-service');
    expect(await panel.locator('.diff .added').first().innerText()).toContain('app: audit');
    await picture(page, 'policy-versions');

    await writeFile(file, manifest.replace('endpointSelector', 'endpointSelectr'));
    try {
      run('apply', '-f', file);
    } catch {
      // It says that it was refused.
    }
    const line = page.locator(`[data-policy="${POLICY}"]`);
    await line.getByText('Last good version in force').first().waitFor();
    expect(await line.locator('.refusal').innerText()).toMatch(/auth-database-policy\.yaml:\d+:\d+ .*endpointSelectr/s);
    await panel.locator('.refusal').waitFor();
    await writeFile(join(directory, 'other.yaml'), manifest.replace('auth-database-policy', 'never-good').replace('endpointSelector', 'endpointSelectr'));
    try {
      run('apply', '-f', join(directory, 'other.yaml'));
    } catch {
      // As above.
    }
    await page.locator('[data-policy="cnp production/never-good"]').getByText('NOT ENFORCED').first().waitFor();
    await picture(page, 'policies-refused');
    expect(wrong).toEqual([]);
    await page.context().close();
  });
});

describe('of a file', () => {
  const fixture = new Fixture([], {}, ['--input-file', fileURLToPath(new URL('../../../testdata/shop/flows.jsonl', import.meta.url))]);

  it('says what can not be shown, and shows what flows tell', async () => {
    const { page, server } = fixture;
    await page.goto(`${server.url}?show=policies&order=-decisions`);
    await page.locator('.instead').getByText('from a file').waitFor();
    const first = page.locator('.policy-line.seen').first();
    await first.getByText(/\d connections?/).first().waitFor();
    await picture(page, 'policies-file');
    await first.locator('.name').click();
    await page.locator('.drawer').getByRole('link', { name: 'Show its connections' }).click();
    await page.locator(CONNECTIONS).first().waitFor();
  });
});
