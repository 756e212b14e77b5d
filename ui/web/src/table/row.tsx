// One row of the table.

import { memo } from '../memo';
import { clock, whole } from '../format';
import { VerdictMark } from '../icons';
import type { Column, Row } from '../types';
import { look } from '../verdict';
import { cellMenu } from './cellmenu';

/** Widths: what most texts need, and of what is left more for the long ones. */
export function template(columns: readonly Column[]): string {
  return columns
    .map(({ name, width }) => {
      if (name === 'timestamp') return '7.6em';
      if (name === 'verdict') return '8.2em';
      if (name === 'policy') return 'minmax(11em, 14fr)';
      const em = Math.min(width * 0.58, 19);
      return width >= 13 ? `minmax(${Math.max(6, em * 0.62).toFixed(1)}em, ${em.toFixed(1)}fr)` : `${(em + 1.8).toFixed(1)}em`;
    })
    .join(' ');
}

interface Props {
  row: Row | undefined;
  index: number;
  columns: readonly Column[];
  chosen: boolean;
  onOpen: () => void;
}

function Cell({ column, text, row }: { column: Column; text: string; row: Row }) {
  if (column.name === 'verdict') return <VerdictMark verdict={row.verdict} />;
  // The day is in the title.
  if (column.name === 'timestamp') return <>{text.replace(/^\w{3} [ \d]\d /, '')}</>;
  if (column.name === 'source') {
    const arrow = /^(.*) (->|<-|<>)$/.exec(text);
    if (arrow) {
      return (
        <>
          <span class="host">{arrow[1]}</span>
          <span class="arrow" title={arrow[2] === '<-' ? 'Reply' : undefined}>
            {arrow[2] === '->' ? '→' : arrow[2] === '<-' ? '←' : '↔'}
          </span>
        </>
      );
    }
  }
  return <>{text}</>;
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
            <time>{clock(row.time)}</time> {row.lost ? `${whole(row.lost)} events lost here` : ''} {row.cells.join(' ')}
          </div>
        </div>
      );
    }
    return (
      <div class={`row ${look(row.verdict).tone}`} role="row" aria-rowindex={index + 2} aria-selected={chosen} data-seq={row.seq} style={style} onClick={onOpen}>
        {columns.map((column, at) => {
          const text = row.cells[at] ?? '';
          return (
            <div
              key={column.name}
              role="gridcell"
              class={column.number ? 'number' : ''}
              data-column={column.name}
              title={text}
              onContextMenu={(event) => {
                event.preventDefault();
                cellMenu.value = { seq: row.seq, column: column.name, text, x: event.clientX, y: event.clientY };
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
                  cellMenu.value = { seq: row.seq, column: column.name, text, x: area.left, y: area.bottom + 2 };
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
  // A flow never changes; how it is opened is the same for the same place.
  (before, after) =>
    before.row?.seq === after.row?.seq &&
    before.row?.cells.length === after.row?.cells.length &&
    before.index === after.index &&
    before.columns === after.columns &&
    before.chosen === after.chosen,
);
