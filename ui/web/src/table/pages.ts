// Rows of a table that stands still (paused, scrolled, sorted), fetched from the server in pages.

import { signal } from '@preact/signals';
import { ask, said, type Params } from '../api';
import type { Row } from '../openapi';

export const PAGE = 200;
/** Pages that are kept; the farthest from the screen go first. */
const KEPT = 30;

/** Of one question: the same filters, order, columns, and the same newest flow. */
export class Pages {
  readonly total = signal<number | null>(null);
  /** How many of them are flows or connections. */
  readonly flows = signal<number | null>(null);
  readonly error = signal('');
  /** Counts up with every page that comes. */
  readonly version = signal(0);
  #pages = new Map<number, Row[]>();
  #asked = new Map<number, AbortController>();

  /** `known`: what is there of the beginning already. */
  constructor(
    readonly path: '/api/flows' | '/api/connections',
    readonly params: Params,
    readonly known: readonly Row[] = [],
  ) {}

  row(index: number): Row | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.[index % PAGE] ?? this.known[index];
  }

  /** Older rows have come: at the end of the table if that is where the oldest are, else anywhere. */
  grown(atEnd: boolean): void {
    const last = Math.floor(((this.total.value ?? 0) - 1) / PAGE);
    for (const page of [...this.#pages.keys()]) if (!atEnd || page >= last) this.#pages.delete(page);
    this.version.value++;
  }

  /** Makes rows come; what is not wanted any more is called off. */
  want(first: number, last: number): void {
    const [from, to] = [Math.floor(first / PAGE), Math.floor(Math.max(first, last - 1) / PAGE)];
    for (const [page, abort] of this.#asked) {
      if (page < from || page > to) {
        abort.abort();
        this.#asked.delete(page);
      }
    }
    for (let page = from; page <= to; page++) {
      if (!this.#pages.has(page) && !this.#asked.has(page)) void this.#fetch(page);
    }
  }

  close(): void {
    for (const abort of this.#asked.values()) abort.abort();
  }

  async #fetch(page: number): Promise<void> {
    const abort = new AbortController();
    this.#asked.set(page, abort);
    try {
      const { rows, total, flows } = await ask(this.path, { ...this.params, offset: page * PAGE, limit: PAGE }, abort.signal);
      this.#pages.set(page, rows);
      this.#forget(page);
      this.total.value = total;
      this.flows.value = flows;
      this.error.value = '';
      this.version.value++;
    } catch (error) {
      if (!abort.signal.aborted) this.error.value = said(error);
    } finally {
      if (this.#asked.get(page) === abort) this.#asked.delete(page);
    }
  }

  #forget(near: number): void {
    while (this.#pages.size > KEPT) {
      const far = [...this.#pages.keys()].sort((a, b) => Math.abs(b - near) - Math.abs(a - near))[0];
      if (far === undefined) return;
      this.#pages.delete(far);
    }
  }
}
