// The table of connections, or of events. At its top and running it shows what the stream brings; otherwise (paused,
// scrolled away, sorted by something else) it stands still at one newest flow, and asks the server for
// the rows that are seen.

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { short, whole } from '../format';
import { Icon } from '../icons';
import { typing } from '../keys';
import { fetchOlder, fetching, olderError } from '../older';
import { arrived, chosenColumns, go, noun, resume, setUnit, status, stream, update, view } from '../state';
import type { Row } from '../openapi';
import { DEFAULT_SORT } from '../url';
import { utc, zoneName } from '../zone';
import { CellMenu, cellMenu } from './cellmenu';
import { ColumnChooser } from './columns';
import { Empty } from './empty';
import { Export } from './export';
import { Pages } from './pages';
import { FlowRow, changing, connectionOf, least, template } from './row';
import { Tail } from './tail';
import { reveal, scrollHeight, seen, type Geometry } from './window';

/** Height of a row, px; on a phone a row has three lines. */
const narrow = matchMedia('(max-width: 640px)');
const rowHeight = signal(narrow.matches ? 72 : 26);
narrow.addEventListener('change', () => (rowHeight.value = narrow.matches ? 72 : 26));

/** Where the table stands still because somebody reads it. */
interface Anchor {
  at: number;
  matched: number;
}

function nextSort(sort: string, name: string): string {
  if (sort === name) return `-${name}`;
  if (sort === `-${name}`) return name === 'timestamp' ? name : DEFAULT_SORT;
  return name === 'timestamp' ? DEFAULT_SORT : name;
}

/** The keys of the table that also work where nothing else is meant by them. */
export const tableKeys: { current: ((event: KeyboardEvent) => void) | null } = { current: null };

/** The first rows of a table that is held at the moment which the stream told of last. */
function begun(still: number, sort: string, names: string): readonly Row[] {
  const now = update.peek();
  return now && now.at === still && sort === DEFAULT_SORT && now.columns.join(',') === names ? now.rows : [];
}

export function FlowTable() {
  const box = useRef<HTMLDivElement>(null);
  const ROW = rowHeight.value;
  const [top, setTop] = useState(0);
  const [height, setHeight] = useState(400);
  const [anchor, setAnchor] = useState<Anchor | null>(null);
  const columns = chosenColumns.value;
  const { filters, since, until, namespaces, sort, at, flow, unit, connection } = view.value;
  // A denied request among connections is a flow.
  const open = unit === 'connections' ? (connection ?? flow) : flow;
  const sorted = sort !== DEFAULT_SORT;
  const now = update.value;
  const question = JSON.stringify([filters, since, until, namespaces, sort, unit]);

  // Another question begins at the top, with the newest.
  useEffect(() => {
    setAnchor(null);
    if (box.current) box.current.scrollTop = 0;
  }, [question]);
  // A sorted table stands still from its beginning on.
  const latest = update.value;
  useEffect(() => {
    if (sorted && !anchor && latest) setAnchor({ at: latest.at, matched: latest.matched });
  }, [sorted, anchor, latest === null]);

  const still = at ?? anchor?.at ?? null;
  const names = columns.map(({ name }) => name).join(',');
  const pages = useMemo(
    () => (still === null ? null : new Pages(unit === 'connections' ? '/api/connections' : '/api/flows', { filter: filters, since, until, namespaces: namespaces.join(','), at: still, sort, columns: names, ...(unit === 'connections' && { fold: true }) }, begun(still, sort, names))),
    [still, question, names],
  );
  useEffect(() => () => pages?.close(), [pages]);
  pages?.version.value;

  // Older flows that were put before the others are rows of this table, too.
  const first = status.value?.held.first;
  const before = useRef(first);
  useEffect(() => {
    if (first !== undefined && before.current !== undefined && first < before.current) pages?.grown(sort === DEFAULT_SORT);
    before.current = first;
  }, [first, pages]);

  const live = now && !pages ? now : null;
  const known = live ? live.rows : null;
  const total = pages ? (pages.total.value ?? now?.total ?? 0) : (now?.total ?? 0);
  const flows = pages ? (pages.flows.value ?? now?.flows ?? 0) : (now?.flows ?? 0);
  const geometry: Geometry = { total, row: ROW, view: height };
  const part = seen(geometry, pages ? top : 0);
  useEffect(() => pages?.want(part.first, part.last), [pages, part.first, part.last, pages?.version.value]);
  // Whoever has scrolled to the oldest row wants to see what was before.
  const atEnd = pages !== null && top > 0 && sort === DEFAULT_SORT && part.last >= total && !since;
  const older = status.value?.held.older;
  useEffect(() => {
    if (atEnd && older === 'more' && !fetching.value && !olderError.value) void fetchOlder();
  }, [atEnd, older, total, fetching.value]);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setHeight(element.clientHeight - (element.querySelector<HTMLElement>('.headings')?.offsetHeight ?? 0)));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  // While somebody reads rows stay where they are; what becomes of a connection is still told.
  const goesOn = at === null && !sorted && unit === 'connections' && now?.columns.join(',') === names;
  const fresh = useMemo(() => new Map((goesOn ? (now?.rows ?? []) : []).map((row) => [changing(row), row])), [now, goesOn]);
  const rowAt = (index: number): Row | undefined => {
    const row = pages ? pages.row(index) : known?.[index];
    return (row && changing(row) !== null ? fresh.get(changing(row)) : undefined) ?? row;
  };
  const rows: { index: number; row: Row | undefined }[] = [];
  for (let index = part.first; index < part.last; index++) rows.push({ index, row: rowAt(index) });
  const chosen = open === null ? -1 : (rows.find(({ row }) => row?.id === open)?.index ?? -1);
  const newer = anchor && at === null && latest ? Math.max(0, latest.matched - anchor.matched) : 0;

  const freeze = () => {
    if (!anchor && at === null && latest) setAnchor({ at: latest.at, matched: latest.matched });
  };
  const release = () => {
    if (sorted && latest) return setAnchor({ at: latest.at, matched: latest.matched });
    setAnchor(null);
    if (box.current) box.current.scrollTop = 0;
  };
  const onScroll = () => {
    const element = box.current;
    if (!element) return;
    setTop(element.scrollTop);
    if (element.scrollTop > 0) freeze();
    else if (anchor && !sorted) setAnchor(null);
  };
  const select = (from: number, step = 0) => {
    let index = from;
    // What is no flow has no details.
    while (step && rowAt(index)?.kind === 'loss') index += step;
    const row = rowAt(index);
    if (!row?.id || !box.current) return;
    freeze();
    go(connectionOf(row) ? { connection: row.id, flow: null } : { flow: row.id, connection: null }, flow !== null || connection !== null);
    box.current.scrollTop = reveal(geometry, box.current.scrollTop, index);
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event)) return;
    const page = Math.max(1, Math.floor(height / ROW) - 1);
    if (event.key === 'ArrowDown' || event.key === 'j') select(chosen < 0 ? part.first : chosen + 1, 1);
    else if (event.key === 'ArrowUp' || event.key === 'k') select(chosen < 0 ? part.first : chosen - 1, -1);
    else if (event.key === 'PageDown' || event.key === 'PageUp') {
      const step = event.key === 'PageDown' ? page : -page;
      const element = box.current;
      if (element) element.scrollTop = reveal(geometry, element.scrollTop, Math.max(0, Math.min(total - 1, (step > 0 ? part.last : part.first) + step)));
    } else if (event.key === 'Home') release();
    else if (event.key === 'End' && box.current) box.current.scrollTop = box.current.scrollHeight;
    else if (event.key === 'i' && chosen >= 0) {
      const cell = box.current?.querySelector('[aria-selected=true] [data-column]');
      const row = rowAt(chosen);
      if (!(cell instanceof HTMLElement) || !row) return;
      const area = cell.getBoundingClientRect();
      cellMenu.value = { seq: row.seq, connection: connectionOf(row), column: cell.dataset['column'] ?? '', text: cell.textContent ?? '', x: area.left, y: area.bottom };
    } else return;
    event.preventDefault();
  };

  useEffect(() => {
    tableKeys.current = onKey;
    return () => (tableKeys.current = null);
  });
  const narrowed = filters.length > 0 || since !== '' || until !== '' || namespaces.length > 0;
  const page = stream.value;
  const wrong = page.state === 'refused' ? page.why : pages?.error.value || (!now && page.state === 'lost' ? page.why : '');
  const waiting = !now && !wrong;
  const none = wrong !== '' ? wrong : waiting ? 'Waiting for flows…' : flows > 0 ? '' : narrowed ? `No matching ${noun.value}s.` : `No ${noun.value}s yet.`;
  const bare = none !== '' && (total === 0 || wrong !== '');
  return (
    <section class={`flows${bare ? ' bare' : ''}`} aria-label="Flows">
      <div class="tablehead">
        <h2 class="hidden">Flows</h2>
        <div class="switch" role="group" aria-label="Rows of the table">
          <button aria-pressed={unit === 'connections'} onClick={() => setUnit('connections')} title="A row for each connection, with what both ends' nodes say">
            Connections
          </button>
          <button aria-pressed={unit === 'events'} onClick={() => setUnit('events')} title="A row for each packet that a node reported">
            Events
          </button>
        </div>
        <p class="quiet-text" aria-live="off">
          {now && !wrong ? `${whole(flows)}${narrowed ? ' match' : ''}` : ''}
        </p>
        {at !== null && (
          <button class="pill" onClick={() => (setAnchor(null), resume())}>
            Paused, <b>{whole(arrived.value)}</b> new: resume
          </button>
        )}
        {at === null && anchor && (
          <button class="pill" onClick={release}>
            {sorted ? 'Sorted snapshot' : 'Paused while you read'}, <b>{short(newer)}</b> new
            <Icon name="up" />
          </button>
        )}
        <span class="stretch" />
        <Export flows={flows} params={{ filter: filters, since, until, namespaces: namespaces.join(','), at: still ?? now?.at, columns: names, unit }} />
        <ColumnChooser />
      </div>
      {/* Above the rows: there may be places where events were lost. */}
      {none && (
        <div class="nothing" role={wrong ? 'alert' : undefined}>
          {narrowed && !waiting && !wrong ? <Empty at={still} /> : <p class={wrong ? 'error-text' : ''}>{none}</p>}
          {narrowed && wrong && (
            <button class="small" onClick={() => go({ filters: [], since: '', until: '', namespaces: [] })}>
              Clear filters
            </button>
          )}
        </div>
      )}
      <div
        class="grid"
        style={{ '--least': least(columns) }}
        id="flows"
        ref={box}
        role="grid"
        aria-label={unit === 'connections' ? 'Connections' : 'Flows'}
        aria-rowcount={total + 1}
        aria-colcount={columns.length}
        tabIndex={0}
        onScroll={onScroll}
        onKeyDown={onKey}
      >
        <div class="row headings" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template(columns) }}>
          {columns.map(({ name, heading, help, number }) => {
            const order = sort === name ? 'ascending' : sort === `-${name}` ? 'descending' : 'none';
            return (
              <div key={name} role="columnheader" aria-sort={order} class={number ? 'number' : ''} data-column={name}>
                <button title={`${help}: click to sort`} onClick={() => go({ sort: nextSort(sort, name) })}>
                  {name === 'timestamp' ? `time (${zoneName(rowAt(part.first)?.time || Date.now())})` : heading.toLowerCase()}
                  {order !== 'none' && <Icon name={order === 'ascending' ? 'up' : 'down'} />}
                </button>
              </div>
            );
          })}
        </div>
        <div class="space" role="presentation" style={{ height: bare ? '0' : `${scrollHeight(geometry)}px` }}>
          <div class="window" role="rowgroup" style={{ transform: `translateY(${(pages ? top : 0) + part.shift}px)` }}>
            {rows.map(({ index, row }) => (
              <FlowRow key={(row && (connectionOf(row) ?? row.seq)) ?? `at ${index}`} row={row} index={index} columns={columns} chosen={row?.id !== undefined && row.id === open} onOpen={() => select(index)} inUtc={utc.value} />
            ))}
          </div>
        </div>
        {total > 0 && !wrong && sort === DEFAULT_SORT && !since && <Tail />}
      </div>
      <CellMenu />
    </section>
  );
}

