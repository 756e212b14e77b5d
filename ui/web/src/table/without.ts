// Which of the filters leaves nothing: how many rows there would be without each of them.

import { ask, type Params } from '../api';

/** What narrows a table; it is shown as `name`, and `rest` is what is asked for without it. */
export interface Narrowing {
  name: string;
  /** What becomes of the view. */
  rest: { filters?: string[]; since?: string; until?: string; namespaces?: string[] };
}

export interface Narrowed {
  filters: readonly string[];
  since: string;
  until: string;
  namespaces: readonly string[];
}

/** Of more it isn't asked: each is a look through everything. */
const MOST = 5;

/** What narrows, each for itself. */
export function narrowings({ filters, since, until, namespaces }: Narrowed): Narrowing[] {
  const all: Narrowing[] = filters.map((filter) => ({ name: filter, rest: { filters: filters.filter((each) => each !== filter) } }));
  if (since || until) all.push({ name: 'the time range', rest: { since: '', until: '' } });
  if (namespaces.length) all.push({ name: `ns in {${namespaces.join(', ')}}`, rest: { namespaces: [] } });
  return all.slice(0, MOST);
}

export interface Counts {
  /** With nothing that narrows. */
  all: number;
  /** Without one of them, in the order of [`narrowings`]. */
  without: number[];
}

/** Counts the rows of a table without what narrows it. */
export async function counts(path: '/api/flows' | '/api/connections', view: Narrowed, at: number | null, signal: AbortSignal): Promise<Counts> {
  const count = async ({ filters, since, until, namespaces }: Narrowed) => {
    const params: Params = { filter: [...filters], since, until, namespaces: namespaces.join(','), at, limit: 1, columns: 'verdict' };
    return (await ask(path, params, signal)).flows;
  };
  const each = narrowings(view);
  const all = count({ filters: [], since: '', until: '', namespaces: [] });
  // The only one: without it there is nothing that narrows.
  const without = each.length === 1 ? [all] : each.map(({ rest }) => count({ ...view, ...rest }));
  return { all: await all, without: await Promise.all(without) };
}
