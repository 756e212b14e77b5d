// A server and a browser for the tests of a file, and a fresh page for each of them.

import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import type { Browser, Page } from 'playwright-core';
import { launch, open, type Sight } from './browser';
import { Server } from './server';

export const ROWS = '.window .row[data-seq]';
export const CONNECTIONS = '.window .row[data-connection]';
export const EVENTS = '.window .row[data-seq]:not([data-connection])';

export class Fixture {
  readonly server: Server;
  browser!: Browser;
  page!: Page;
  #wrong: string[] = [];

  constructor(args: readonly string[] = [], sight: Sight = {}, source?: readonly string[]) {
    this.server = new Server(args, source);
    beforeAll(async () => {
      await this.server.start();
      this.browser = await launch();
    });
    afterAll(async () => {
      await this.browser?.close();
      await this.server.kill();
    });
    beforeEach(async () => {
      ({ page: this.page, wrong: this.#wrong } = await open(this.browser, this.server.url, sight));
    });
    afterEach(async () => {
      await this.page.context().close();
      expect(this.#wrong).toEqual([]);
    });
  }

  /** Goes to the table of events. */
  async events(): Promise<void> {
    await this.page.goto(`${this.server.url}?unit=events`);
    await this.page.locator(EVENTS).first().waitFor();
  }

  /** Waits for the first rows. */
  async flows(): Promise<void> {
    await this.page.locator(ROWS).first().waitFor();
  }

  async newest(): Promise<number> {
    return Number(await this.page.locator(ROWS).first().getAttribute('data-seq'));
  }

  /** Waits for a flow that is newer. */
  async newer(than: number, rows = ROWS): Promise<void> {
    await this.page.waitForFunction(([rows, than]) => Number(document.querySelector<HTMLElement>(rows)?.dataset['seq'] ?? 0) > than, [rows, than] as const);
  }

  /**
   * Holds the page still, as rows that move away from under the pointer can't be clicked; returns the
   * moment. By the button, as a space would press what was clicked before.
   */
  async hold(): Promise<number> {
    await this.page.locator('.pause').click();
    await this.page.waitForURL(/[?&]at=\d+/);
    await this.page.locator('.pause.on').waitFor();
    return Number(new URL(this.page.url()).searchParams.get('at'));
  }

  async resume(): Promise<void> {
    await this.page.locator('.pause.on').click();
    await this.page.waitForURL((url) => !url.searchParams.has('at'));
  }

  /** The rows that the table says it has. */
  async total(): Promise<number> {
    return Number((await this.page.locator('.flows .tablehead > p').innerText()).replace(/\D/g, ''));
  }

  /** Waits until the table says that it has so many of them. */
  async totals(total: number): Promise<void> {
    await this.page.waitForFunction((total) => document.querySelector('.flows .tablehead > p')?.textContent?.replace(/\D/g, '') === String(total), total);
  }

  /** Goes to a view by its button. */
  async show(name: 'Overview' | 'Map' | 'Flows' | 'Denied' | 'Nodes' | 'Policies' | 'Editor'): Promise<void> {
    await this.page.getByRole('navigation').getByRole('button', { name, exact: true }).click();
    await this.page.locator('.views [aria-current]', { hasText: name }).waitFor();
  }

  /** Only what was dropped. */
  async dropped(): Promise<void> {
    await this.page.getByRole('button', { name: 'Dropped', exact: true }).click();
    await this.page.locator('.chip').first().waitFor();
    await this.page.waitForFunction((rows) => {
      const all = [...document.querySelectorAll(rows)];
      return all.length > 0 && all.every((row) => row.classList.contains('bad'));
    }, ROWS);
  }
}
