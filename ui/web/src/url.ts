// What is looked at, and its form in the address: whoever opens the address sees the same.

import { DEFAULT_ORDER } from './policies/order';

export type Panel = 'split' | 'map' | 'flows' | 'denied' | 'status' | 'policies' | 'workload' | 'editor';

/** What a row of the table is. */
export type Unit = 'connections' | 'events';

/** All that decides what the page shows. */
export interface View {
  panel: Panel;
  /** Expressions; all must hold. */
  filters: string[];
  /** Milliseconds of Unix time, or a duration before now (`5m`). */
  since: string;
  until: string;
  /** Namespaces in the map; empty: all. */
  namespaces: string[];
  /** Namespaces of the map that somebody opened, or with `-` closed; `*` is all of them. */
  toggled: string[];
  /** The map is a matrix, in which these namespaces are open; `null`: it is a graph. */
  matrix: string[] | null;
  /** Columns of the table; empty: the default ones. */
  columns: string[];
  /** A column's name, with `-` from the greatest down. */
  sort: string;
  /** Held at this sequence number, which the run of flows-ui counted that began at `run`. */
  at: number | null;
  run: string;
  unit: Unit;
  /** The flow in the drawer: its id, or its sequence number. */
  flow: string | null;
  /** The connection in the drawer; behind the flow, if that is in it. */
  connection: string | null;
  /** The policy in the panel beside the list of them, `cnp shop/web`; words of those that are listed, and their order. */
  policy: string | null;
  words: string;
  order: string;
  /** The workload or pod of the workload page, `shop/web`. */
  workload: string | null;
  /** Incidents that somebody knows of are left out. */
  unacknowledged: boolean;
  /** Times in UTC, not in the reader's zone. */
  utc: boolean;
}

export const DEFAULT_SORT = '-timestamp';

export const FIRST_VIEW: View = {
  panel: 'split',
  filters: [],
  since: '',
  until: '',
  namespaces: [],
  toggled: [],
  matrix: null,
  columns: [],
  sort: DEFAULT_SORT,
  at: null,
  run: '',
  unit: 'connections',
  flow: null,
  connection: null,
  policy: null,
  words: '',
  order: DEFAULT_ORDER,
  workload: null,
  unacknowledged: false,
  utc: false,
};

const PANELS: readonly string[] = ['split', 'map', 'flows', 'denied', 'status', 'policies', 'workload', 'editor'];

/** The longest name that an address can have. */
const LONGEST = 600;

/** A view without the columns that there are not, and their names. */
export function known(view: View, names: readonly string[]): { view: View; unknown: string[] } {
  const sorted = view.sort.replace(/^-/, '');
  const unknown = [...new Set([...view.columns, sorted])].filter((name) => !names.includes(name));
  return {
    view: {
      ...view,
      columns: view.columns.filter((name) => names.includes(name)),
      sort: unknown.includes(sorted) ? DEFAULT_SORT : view.sort,
    },
    unknown,
  };
}

/** The query of an address, without `?`. */
export function encode(view: View): string {
  const query = new URLSearchParams();
  if (view.panel !== 'split') query.set('show', view.panel);
  for (const filter of view.filters) query.append('f', filter);
  if (view.since) query.set('since', view.since);
  if (view.until) query.set('until', view.until);
  if (view.namespaces.length) query.set('ns', view.namespaces.join(','));
  if (view.toggled.length) query.set('open', view.toggled.join(','));
  if (view.matrix) query.set('matrix', view.matrix.join(','));
  if (view.columns.length) query.set('cols', view.columns.join(','));
  if (view.sort !== DEFAULT_SORT) query.set('sort', view.sort);
  if (view.at !== null) {
    query.set('at', String(view.at));
    if (view.run) query.set('run', view.run);
  }
  if (view.unit !== 'connections') query.set('unit', view.unit);
  if (view.connection !== null) query.set('connection', view.connection);
  if (view.flow !== null) query.set('flow', view.flow);
  if (view.panel === 'policies') {
    if (view.policy !== null) query.set('policy', view.policy);
    if (view.words) query.set('words', view.words);
    if (view.order !== DEFAULT_ORDER) query.set('order', view.order);
  }
  if (view.panel === 'workload' && view.workload !== null) query.set('workload', view.workload);
  if (view.unacknowledged) query.set('acked', 'hide');
  if (view.utc) query.set('tz', 'utc');
  return query.toString();
}

/** Reads a query; what makes no sense counts as left out. */
export function decode(query: string): View {
  const params = new URLSearchParams(query);
  const panel = params.get('show') ?? '';
  return {
    panel: PANELS.includes(panel) ? (panel as Panel) : 'split',
    filters: params.getAll('f').filter((text) => text.trim() !== ''),
    since: params.get('since') ?? '',
    until: params.get('until') ?? '',
    namespaces: words(params.get('ns')),
    toggled: words(params.get('open')),
    matrix: params.has('matrix') ? words(params.get('matrix')) : null,
    columns: words(params.get('cols')),
    sort: params.get('sort') || DEFAULT_SORT,
    at: count(params.get('at')),
    run: count(params.get('at')) === null ? '' : (params.get('run') ?? ''),
    unit: params.get('unit') === 'events' ? 'events' : 'connections',
    flow: id(params.get('flow')),
    connection: id(params.get('connection')),
    policy: name(params.get('policy')),
    words: (params.get('words') ?? '').slice(0, LONGEST),
    order: /^-?[a-z_]{1,20}$/.exec(params.get('order') ?? '')?.[0] ?? DEFAULT_ORDER,
    workload: name(params.get('workload')),
    unacknowledged: params.get('acked') === 'hide',
    utc: params.get('tz') === 'utc',
  };
}

function id(text: string | null): string | null {
  return /^[\w-]{1,90}$/.exec(text ?? '')?.[0] ?? null;
}

/** A name with its namespace, or what holds its place. */
function name(text: string | null): string | null {
  return text !== null && text !== '' && text.length <= LONGEST ? text : null;
}

function words(text: string | null): string[] {
  return (text ?? '').split(',').filter((word) => word !== '');
}

function count(text: string | null): number | null {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
