// What is looked at and what is known of it, as signals. The address follows the view, and the view
// follows the browser's back and forward.

import { computed, signal } from '@preact/signals';
import type { Column, Histogram, ServiceMap, Status, Update } from './types';
import { DEFAULT_SORT, decode, encode, type View } from './url';

export const view = signal<View>(decode(location.search));

/** What the stream said last. */
export const update = signal<Update | null>(null);
export const histogram = signal<Histogram | null>(null);
export const map = signal<ServiceMap | null>(null);
export const status = signal<Status | null>(null);
export const columns = signal<Column[]>([]);

/** The connection between this page and its server. */
export type Stream =
  | { state: 'connecting' }
  | { state: 'open' }
  | { state: 'lost'; why: string; retryAt: number }
  | { state: 'refused'; why: string };
export const stream = signal<Stream>({ state: 'connecting' });

/** What the screen showed when it was paused. */
export interface Held {
  at: number;
  update: Update;
  histogram: Histogram | null;
  map: ServiceMap | null;
}
export const held = signal<Held | null>(null);
export const paused = computed(() => view.value.at !== null);

/** What is on the screen: of now, or as it was when paused. */
export const shown = computed(() => (paused.value && held.value ? held.value.update : update.value));
export const shownHistogram = computed(() => (paused.value && held.value ? held.value.histogram : histogram.value));
export const shownMap = computed(() => (paused.value && held.value ? held.value.map : map.value));

/** Flows that came since the pause. */
export const arrived = computed(() => {
  const [now, then] = [update.value, held.value];
  return paused.value && now && then ? Math.max(0, now.matched - then.update.matched) : 0;
});

/** Changes the view. `replace`: without a step for the browser's back. */
export function go(change: Partial<View>, replace = false): void {
  const next = { ...view.value, ...change };
  const query = encode(next);
  if (query === encode(view.value)) return;
  view.value = next;
  const url = `${location.pathname}${query && `?${query}`}`;
  if (replace) history.replaceState(null, '', url);
  else history.pushState(null, '', url);
}

addEventListener('popstate', () => {
  view.value = decode(location.search);
});

export function pause(): void {
  const now = update.value;
  if (!now || paused.value) return;
  held.value = { at: now.at, update: now, histogram: histogram.value, map: map.value };
  go({ at: now.at });
}

export function resume(): void {
  held.value = null;
  go({ at: null, ...(view.value.sort === DEFAULT_SORT ? {} : { sort: DEFAULT_SORT }) });
}

/** Columns of the table as they are chosen. */
export const chosenColumns = computed(() => {
  const all = columns.value;
  const chosen = view.value.columns
    .map((name) => all.find((column) => column.name === name))
    .filter((column): column is Column => column !== undefined);
  return chosen.length ? chosen : all.filter((column) => column.default);
});

/** A word to screen readers, and a short note on the screen. */
export const notice = signal('');
let noticeTimer: ReturnType<typeof setTimeout> | undefined;
export function tell(text: string): void {
  notice.value = text;
  clearTimeout(noticeTimer);
  noticeTimer = setTimeout(() => (notice.value = ''), 4000);
}

export async function copy(text: string, what: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    tell(`${what} copied`);
  } catch {
    tell('The browser did not allow copying');
  }
}
