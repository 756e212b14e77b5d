// Where a table has no rows: what there would be without each of the filters.

import { useEffect, useState } from 'preact/hooks';
import { counted, whole } from '../format';
import { go, noun, view } from '../state';
import { counts, narrowings, type Counts, type Narrowed } from './without';

/** `at`: the moment that is looked at. */
export function Empty({ at }: { at: number | null }) {
  const { filters, since, until, namespaces, unit } = view.value;
  const narrowed: Narrowed = { filters, since, until, namespaces };
  const [known, setKnown] = useState<{ of: string; counts: Counts } | null>(null);
  const question = JSON.stringify([narrowed, unit, at]);
  useEffect(() => {
    const abort = new AbortController();
    counts(unit === 'connections' ? '/api/connections' : '/api/flows', narrowed, at, abort.signal).then(
      (counts) => setKnown({ of: question, counts }),
      () => {
        // That nothing matches is true without it.
      },
    );
    return () => abort.abort();
  }, [question]);
  const found = known?.of === question ? known.counts : null;
  return (
    <>
      <p>{`No matching ${noun.value}s${found ? `: 0 of ${counted(found.all, noun.value)}` : ''}.`}</p>
      {found && (
        <ul class="without">
          {narrowings(narrowed).map(({ name, rest }, at) => (
            <li key={name}>
              without <code>{name}</code>: <b>{whole(found.without[at] ?? 0)}</b>{' '}
              <button class="small" onClick={() => go(rest)} aria-label={`Remove ${name}`}>
                Remove
              </button>
            </li>
          ))}
        </ul>
      )}
      <button class="small" onClick={() => go({ filters: [], since: '', until: '', namespaces: [] })}>
        Clear filters
      </button>
    </>
  );
}
