// The menu of a cell: filters that its flow suggests, to include or to exclude.

import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { signal } from '@preact/signals';
import { ask, said } from '../api';
import { negated, withFilter } from '../filter/terms';
import { policyPage, workloadPage } from '../link';
import { copy, go, view } from '../state';
import { policyIn, workloadAmong } from '../workload/name';

export interface CellAt {
  seq: number;
  /** The connection, if it is a cell of one. */
  connection: string | null;
  column: string;
  text: string;
  x: number;
  y: number;
}
export const cellMenu = signal<CellAt | null>(null);

export function CellMenu() {
  const at = cellMenu.value;
  return at && <Menu key={`${at.connection ?? at.seq} ${at.column}`} {...at} />;
}

function Menu({ seq, connection, column, text, x, y }: CellAt) {
  const box = useRef<HTMLDivElement>(null);
  const [terms, setTerms] = useState<string[] | null>(null);
  const [error, setError] = useState('');
  const [size, setSize] = useState({ w: 340, h: 220 });
  const close = () => (cellMenu.value = null);
  useEffect(() => {
    const asked = connection === null ? ask('/api/flows/{flow}', { flow: seq }) : ask('/api/connections/{connection}', { connection, at: view.peek().at });
    asked.then(
      ({ terms }) => setTerms(terms[column] ?? []),
      (error: unknown) => setError(said(error)),
    );
    const outside = (event: PointerEvent) => {
      if (event.target instanceof Node && !box.current?.contains(event.target)) close();
    };
    addEventListener('pointerdown', outside);
    return () => removeEventListener('pointerdown', outside);
  }, [connection ?? seq, column]);
  useEffect(() => box.current?.querySelector('button')?.focus(), [terms]);
  // All of it is on the screen, however long its filters are.
  useLayoutEffect(() => {
    if (box.current) setSize({ w: box.current.offsetWidth, h: box.current.offsetHeight });
  }, [terms, error]);
  const onKey = (event: KeyboardEvent) => {
    const buttons = [...(box.current?.querySelectorAll('button') ?? [])];
    const here = buttons.indexOf(document.activeElement as HTMLButtonElement);
    if (event.key === 'Escape') {
      close();
      document.getElementById('flows')?.focus();
    } else if (event.key === 'ArrowDown') buttons[(here + 1) % buttons.length]?.focus();
    else if (event.key === 'ArrowUp') buttons[(here - 1 + buttons.length) % buttons.length]?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const add = (filter: string) => {
    go({ filters: withFilter(view.value.filters, filter) });
    close();
  };
  const workload = workloadAmong(terms ?? []);
  const policy = policyIn(text);
  return (
    <div
      class="cellmenu"
      ref={box}
      role="menu"
      aria-label={`Filters from ${column}`}
      style={{ left: `${Math.max(8, Math.min(x, innerWidth - size.w - 8))}px`, top: `${Math.max(8, Math.min(y, innerHeight - size.h - 8))}px` }}
      onKeyDown={onKey}
    >
      {error && <p class="error-text">{error}</p>}
      {terms?.map((term) => (
        <div class="choice" key={term}>
          <button role="menuitem" onClick={() => add(term)} title="Show only these">
            <span class="op">=</span> <code>{term}</code>
          </button>
          <button role="menuitem" class="op" onClick={() => add(negated(term))} aria-label={`Exclude ${term}`} title="Exclude these">
            ≠
          </button>
        </div>
      ))}
      {workload !== null && (
        <div class="choice">
          <button role="menuitem" onClick={() => (go(workloadPage(workload)), close())}>
            Page of {workload}
          </button>
        </div>
      )}
      {policy !== null && (
        <div class="choice">
          <button role="menuitem" onClick={() => (go(policyPage(policy)), close())}>
            Page of {policy}
          </button>
        </div>
      )}
      <div class="choice">
        <button role="menuitem" onClick={() => (void copy(text, 'The cell'), close())}>
          Copy {text ? `“${text.length > 30 ? `${text.slice(0, 29)}…` : text}”` : 'nothing'}
        </button>
      </div>
    </div>
  );
}
