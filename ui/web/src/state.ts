// What is looked at and what is known of it, as signals. The address follows the view, and the view
// follows the browser's back and forward.

import { computed, effect, signal } from '@preact/signals';
import { visibleLines } from './format';
import type { Change, Column, Histogram, Incidents, ServiceMap, Status, Update } from './openapi';
import { DEFAULT_SORT, decode, encode, type Unit, type View } from './url';
import { utc } from './zone';

export const view = signal<View>(decode(location.search));

effect(() => {
  utc.value = view.value.utc;
});

/** What the stream said last. */
export const update = signal<Update | null>(null);
export const histogram = signal<Histogram | null>(null);
export const map = signal<ServiceMap | null>(null);
export const status = signal<Status | null>(null);
export const incidents = signal<Incidents | null>(null);
/** What changed in the cluster's state, the oldest first; none of a server that doesn't say. */
export const changes = signal<readonly Change[]>([]);
export const columns = signal<Column[]>([]);
/** Names of those of connections that are shown if nothing is said, in their order. */
export const connectionColumns = signal<string[]>([]);

/** A row of the table, with its number. */
export const noun = computed(() => (view.value.unit === 'connections' ? 'connection' : 'flow'));

/** The connection between this page and its server. */
export type Stream =
  | { state: 'connecting' }
  | { state: 'open' }
  /** `full`: it answers, and has no place. */
  | { state: 'lost'; why: string; full: boolean; since: number }
  | { state: 'refused'; why: string };
export const stream = signal<Stream>({ state: 'connecting' });

/**
 * Whether nobody sees the page. Browsers open six connections to a server at most, all tabs together:
 * one that nobody looks at must not keep the seventh from being shown.
 */
export const hidden = signal(document.hidden);
addEventListener('visibilitychange', () => (hidden.value = document.hidden));

/** Since when nobody tells how the cluster is, in ms of Unix time; `null` while somebody does. */
export const unknownSince = computed<number | null>(() => {
  if (stream.value.state === 'lost') return stream.value.since;
  const link = status.value?.link;
  return link?.state === 'lost' || link?.state === 'failed' ? (link.since ?? Date.now()) : null;
});

export const paused = computed(() => view.value.at !== null);

/** Flows that came since the pause. */
export const arrived = computed(() => (paused.value ? (update.value?.newer ?? 0) : 0));

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

/** Holds what the screen shows; the stream then tells of that moment. */
export function pause(): void {
  const now = update.value;
  if (now && !paused.value) go({ at: now.at, run: String(status.value?.started ?? '') });
}

/** Another kind of rows: what was chosen of the other kind is not of this one. */
export function setUnit(unit: Unit, replace = false): void {
  go({ unit, columns: [], sort: DEFAULT_SORT, flow: null, connection: null }, replace);
}

export function resume(): void {
  go({ at: null, run: '', ...(view.value.sort === DEFAULT_SORT ? {} : { sort: DEFAULT_SORT }) });
}

/** Columns of the table as they are chosen. */
export const chosenColumns = computed(() => {
  const all = columns.value;
  const chosen = view.value.columns
    .map((name) => all.find((column) => column.name === name))
    .filter((column): column is Column => column !== undefined);
  if (chosen.length) return chosen;
  if (view.value.unit === 'events') return all.filter((column) => column.default);
  const named = connectionColumns.value.map((name) => all.find((column) => column.name === name));
  return named.filter((column): column is Column => column !== undefined);
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
    // Somebody will paste it into a terminal.
    await navigator.clipboard.writeText(visibleLines(text));
    tell(`${what} copied`);
  } catch {
    tell('The browser did not allow copying');
  }
}
