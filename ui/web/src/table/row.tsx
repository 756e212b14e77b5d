// One row of the table.

import { memo } from '../memo';
import { askedFirst, clock, inZone, stamp, visible, whole } from '../format';
import { VerdictMark } from '../icons';
import type { Column, Row } from '../openapi';
import { judgedWord, look } from '../verdict';
import { cellMenu } from './cellmenu';

/** The least width of a column in em, and its part of what is left, if it takes one. */
function size({ name, width }: Column): [least: number, part?: number] {
  if (name === 'timestamp') return [7.6];
  if (name === 'verdict') return [8.2];
  if (name === 'policy') return [11, 14];
  if (name === 'why') return [14, 27];
  const em = Math.min(width * 0.58, 19);
  return width >= 13 ? [Math.max(6, em * 0.62), em] : [em + 1.8];
}

/** Widths: what most texts need, and of what is left more for the long ones. */
export function template(columns: readonly Column[]): string {
  const sizes = columns.map(size);
  return sizes.map(([least, part]) => (part ? `minmax(${least.toFixed(1)}em, ${part.toFixed(1)}fr)` : `${least.toFixed(1)}em`)).join(' ');
}

/** The width below which the table is scrolled: that of all columns, the gaps between and the margins. */
export function least(columns: readonly Column[]): string {
  const em = columns.reduce((sum, column) => sum + size(column)[0], 0);
  return `calc(${em.toFixed(1)}em + ${columns.length * 14 + 10}px)`;
}

interface Props {
  row: Row | undefined;
  index: number;
  columns: readonly Column[];
  chosen: boolean;
  onOpen: () => void;
  /** The zone of its times. */
  inUtc: boolean;
}

/** Of a pod of a Deployment the template's hash, which all of its pods have. */
const HASH = /-[bcdf-hj-np-tv-xz2456789]{8,10}(?=-[bcdf-hj-np-tv-xz2456789]{5}$)/;

/** Of a name that has no room its port stays; what tells nobody apart is left out. */
function Host({ text }: { text: string }) {
  const [, whole = '', port = ''] = /^(.*?)(:\d{1,5})?$/s.exec(text) ?? [];
  const [, space = '', name = ''] = /^([^/]+\/)?(.*)$/s.exec(whole.replace(HASH, '')) ?? [];
  return (
    <bdi class="host">
      {space && <span class="space-of">{visible(space)}</span>}
      <span>{visible(name)}</span>
      {port}
    </bdi>
  );
}

function Cell({ column, text, row }: { column: Column; text: string; row: Row }) {
  if (column.name === 'verdict') return <VerdictMark verdict={row.verdict} says={judgedWord(row.judged)} />;
  // The day is in the title.
  if (column.name === 'timestamp') return <time>{row.time > 0 ? clock(row.time) : ''}</time>;
  if (column.name === 'source') {
    const arrow = /^(.*) (->|<-|<>)$/.exec(text);
    if (arrow) {
      return (
        <>
          <Host text={arrow[1] ?? ''} />
          <span class="arrow" title={arrow[2] === '<-' ? 'Reply' : undefined}>
            {arrow[2] === '->' ? '→' : arrow[2] === '<-' ? '←' : '↔'}
          </span>
        </>
      );
    }
  }
  if (column.name === 'destination') return <Host text={text} />;
  if (column.name === 'why' && (row.kind === 'request' || row.requests)) return <bdi>{visible(askedFirst(text))}</bdi>;
  return <bdi>{visible(text)}</bdi>;
}

/** The id of a row that is a connection. */
export function connectionOf(row: Row): string | null {
  return row.kind === 'connection' ? (row.id ?? null) : null;
}

/** The id of a row that may change while it is shown: a connection, or requests that are one row. */
export function changing(row: Row): string | null {
  return row.kind === 'connection' || row.kind === 'request' ? (row.id ?? null) : null;
}

function sameCells(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  return a === b || (a?.length === b?.length && (a?.every((cell, at) => cell === b?.[at]) ?? true));
}

export const FlowRow = memo(
  function FlowRow({ row, index, columns, chosen, onOpen }: Props) {
    const style = { gridTemplateColumns: template(columns) };
    if (!row) {
      return (
        <div class="row absent" role="row" aria-rowindex={index + 2} style={style}>
          <div role="gridcell">…</div>
        </div>
      );
    }
    if (row.kind === 'loss') {
      return (
        <div class={`row lost${row.lost ? '' : ' note'}`} role="row" aria-rowindex={index + 2} data-mark={row.seq}>
          <div role="gridcell">
            {row.lost ? <span class="mark" aria-hidden="true" /> : null}
            {/* A line that can't be read has no time. */}
            <time>{row.time > 0 ? clock(row.time) : ''}</time> {row.lost ? `${whole(row.lost)} events lost here` : ''} {visible(inZone(row.cells.join(' ')))}
          </div>
        </div>
      );
    }
    return (
      <div class={`row ${look(row.verdict).tone}`} role="row" aria-rowindex={index + 2} aria-selected={chosen} data-seq={row.seq} data-connection={row.kind === 'connection' ? row.id : undefined} data-request={row.kind === 'request' ? row.id : undefined} style={style} onClick={onOpen}>
        {columns.map((column, at) => {
          // The server writes it in UTC.
          const text = column.name === 'timestamp' ? (row.time > 0 ? stamp(row.time) : '') : (row.cells[at] ?? '');
          return (
            <div
              key={column.name}
              role="gridcell"
              class={column.number ? 'number' : ''}
              data-column={column.name}
              title={visible(text)}
              onContextMenu={(event) => {
                event.preventDefault();
                cellMenu.value = { seq: row.seq, connection: connectionOf(row), column: column.name, text, x: event.clientX, y: event.clientY };
              }}
            >
              <Cell column={column} text={text} row={row} />
              <button
                class="pick"
                tabIndex={-1}
                aria-label={`Filter by ${column.name}`}
                title="Filter by this"
                onClick={(event) => {
                  event.stopPropagation();
                  const area = event.currentTarget.getBoundingClientRect();
                  cellMenu.value = { seq: row.seq, connection: connectionOf(row), column: column.name, text, x: area.left, y: area.bottom + 2 };
                }}
              >
                ⊂
              </button>
            </div>
          );
        })}
      </div>
    );
  },
  // A flow never changes; a connection does, and requests that are one row become more. How it is opened is the same for the same place.
  (before, after) =>
    before.row?.seq === after.row?.seq &&
    before.row?.id === after.row?.id &&
    before.row?.judged === after.row?.judged &&
    (after.row && changing(after.row) !== null ? sameCells(before.row?.cells, after.row.cells) : before.row?.cells.length === after.row?.cells.length) &&
    before.index === after.index &&
    before.columns === after.columns &&
    before.chosen === after.chosen &&
    before.inUtc === after.inUtc,
);
