// Keeps the state up to date: one stream of events for what is looked at, opened anew when that
// changes or when it breaks.

import { computed, effect, signal } from '@preact/signals';
import { ApiError, ask, events, said, tokenNeeded, type Params } from './api';
import { fetchOlder, olderError } from './older';
import { changes, columns, connectionColumns, go, hidden, histogram, incidents, map, resume, setUnit, status, stream, tell, update, view } from './state';
import { sameChanges } from './changes';
import { begin } from './times';
import type { ExpressionError, Histogram, Incidents, ServiceMap, Status, Update } from './openapi';
import { known } from './url';

/** What is wrong with the filters of the view. */
export const filterError = signal<ExpressionError | null>(null);

/** Waits between tries, in ms: quick at first, then calm. */
const WAITS = [300, 1000, 2000, 5000];

const params = computed<Params>(() => {
  const { filters, since, until, namespaces, columns, panel, at, unit } = view.value;
  return {
    filter: filters,
    since,
    until,
    at,
    columns: columns.join(','),
    namespaces: namespaces.join(','),
    unit,
    map: panel === 'split' || panel === 'map',
    incidents: panel === 'denied',
    rows: 100,
    fold: true,
    buckets: 240,
  };
});
const isOpen = computed(() => stream.value.state === 'open');
/** Same text, same stream. */
const key = computed(() => JSON.stringify(params.value));

function apply(name: string, data: string): void {
  const value: unknown = JSON.parse(data);
  if (name === 'update') update.value = value as Update;
  else if (name === 'histogram') histogram.value = value as Histogram;
  else if (name === 'map') map.value = value as ServiceMap;
  else if (name === 'incidents') incidents.value = value as Incidents;
  else if (name === 'status') status.value = value as Status;
  if (name === 'status') check(value as Status);
}

/** Sequence numbers of another run lead elsewhere: a moment that was held then can't be shown. */
function check({ started }: Status): void {
  const { at, run } = view.peek();
  if (at === null || !run || run === String(started)) return;
  resume();
  tell('flows-ui was restarted: the paused view is gone, these are the current flows');
}

async function follow(params: Params, signal: AbortSignal): Promise<void> {
  for (let tries = 0; !signal.aborted; tries++) {
    let why = 'the server ended the stream';
    let full = false;
    try {
      if (!columns.value.length) {
        const known = await ask('/api/columns', {}, signal);
        connectionColumns.value = known.connections;
        columns.value = known.columns;
      }
      for await (const event of events('/api/events', params, signal)) {
        if (signal.aborted) return;
        stream.value = { state: 'open' };
        filterError.value = null;
        tries = 0;
        apply(event.name, event.data);
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError) {
        filterError.value = error.problem.expression ?? null;
        // Asking once more does not help.
        // Of single packets connections know nothing: the events do.
        if (error.problem.parameter === 'unit' && params['unit'] === 'connections') {
          setUnit('events', true);
          tell('This filter is about single packets: showing events');
          return;
        }
        if (error.problem.status === 400 || error.problem.status === 401) {
          stream.value = { state: 'refused', why: error.message };
          return;
        }
        full = error.problem.status === 503;
      }
      why = error instanceof TypeError ? 'flows-ui is unreachable' : said(error);
    }
    if (signal.aborted) return;
    const wait = WAITS[Math.min(tries, WAITS.length - 1)] ?? 5000;
    const before = stream.value;
    stream.value = { state: 'lost', why, full, since: before.state === 'lost' ? before.since : Date.now() };
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait);
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()));
    });
  }
}

/** Between two looks at what changed, ms; and at whether a server knows it by now that didn't. */
const CHANGES = { every: 4000, none: 60_000 };

async function followChanges(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const known = await ask('/api/changes', {}, signal).catch(() => null);
    if (signal.aborted) return;
    if (known && !sameChanges(changes.peek(), known.changes)) changes.value = known.changes;
    // One of ours that doesn't say is away for a moment.
    const { kind } = status.peek()?.server ?? {};
    const wait = known?.available === false && (kind === 'file' || kind === 'hubble') ? CHANGES.none : CHANGES.every;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, wait);
      signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true });
    });
  }
}

/** Starts following; ends never. */
export function start(): void {
  effect(() => {
    key.value;
    if (tokenNeeded.value || hidden.value) return;
    const abort = new AbortController();
    // Typing and dragging change the view often.
    const timer = setTimeout(() => void follow(params.peek(), abort.signal), 30);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  });
  // What changed: asked for again and again while the page is seen, if the server knows it.
  effect(() => {
    if (tokenNeeded.value || hidden.value || !isOpen.value) return;
    const abort = new AbortController();
    void followChanges(abort.signal);
    return () => abort.abort();
  });
  // An address may name what another version had.
  effect(() => {
    if (!columns.value.length) return;
    const { view: better, unknown } = known(view.value, columns.value.map(({ name }) => name));
    if (!unknown.length) return;
    tell(`Unknown column: ${unknown.join(', ')}`);
    go(better, true);
  });
  // A time before all that is held is asked for of the servers' history.
  effect(() => {
    const { since } = view.value;
    const from = begin(since, Date.now());
    if (from === null || olderError.value) return;
    const oldest = status.value?.held.oldest;
    if (oldest !== undefined && from < oldest) void fetchOlder(since);
  });
}
