// The matrix on the screen. Only what is seen of it is there: thousands of workloads are as quick as ten.

import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { counted, rate, short } from '../format';
import { withFilter } from '../filter/terms';
import { go, map as shownMap, view } from '../state';
import { MapHead } from './head';
import { cellsIn, matrix, seen, type Cell, type Line } from './matrix';
import { denied, many } from './words';

/** Of a cell and of the heads, px; `style/matrix.css` has the same. */
const CELL = { w: 38, h: 26 };

function name({ namespace, title, kind }: Line): string {
  return namespace && kind !== 'namespace' && kind !== 'open' ? `${namespace}/${title}` : title;
}

function tone({ flows, dropped, denied }: Cell): string {
  if (!dropped && !denied) return 'passed';
  return dropped === flows ? 'denied' : 'partly';
}

interface HeadProps {
  line: Line;
  at: number;
  upright: boolean;
  onToggle: (namespace: string) => void;
}

function Head({ line, at, upright, onToggle }: HeadProps) {
  const { kind, namespace, title, members } = line;
  const style = upright ? { left: `${at * CELL.w}px` } : { top: `${at * CELL.h}px` };
  const isSpace = kind === 'namespace' || kind === 'open';
  const inner = (
    <>
      {isSpace && <span aria-hidden="true">{kind === 'open' ? '−' : '+'}</span>}
      <b>{title}</b>
      {kind === 'namespace' && <i>{members}</i>}
    </>
  );
  // Said once: the columns are the same as the rows.
  if (!isSpace || upright) {
    return (
      <span class={`line ${kind}${namespace && !isSpace ? ' inner' : ''}`} style={style} title={name(line)}>
        {inner}
      </span>
    );
  }
  return (
    <button class={`line ${kind}`} style={style} title={kind === 'open' ? 'Collapse this namespace' : 'Expand this namespace'} aria-expanded={kind === 'open'} onClick={() => onToggle(namespace)}>
      {inner}
    </button>
  );
}

interface CellProps {
  cell: Cell;
  from: Line;
  to: Line;
  seconds: number;
  onOpen: (namespaces: string[]) => void;
}

function CellView({ cell, from, to, seconds, onOpen }: CellProps) {
  const { flows, dropped, denied: requests, reasons, terms } = cell;
  const shut = [from, to].flatMap(({ kind, namespace }) => (kind === 'namespace' ? namespace : []));
  const words = `${name(from)} to ${name(to)}: ${many(flows)}, ${rate(flows, seconds)}${dropped ? `, ${denied(dropped)}: ${reasons.join(', ') || 'no reason given'}` : ''}${requests ? `, ${counted(requests, 'request')} denied` : ''}`;
  const act = () => {
    if (shut.length) return onOpen([...new Set(shut)]);
    const term = terms.length === 1 ? terms[0] : terms.map((term) => `(${term})`).join(' or ');
    if (term) go({ filters: withFilter(view.value.filters, term) });
  };
  return (
    <button
      class={`cell ${tone(cell)}`}
      style={{ transform: `translate(${cell.column * CELL.w}px, ${cell.row * CELL.h}px)` }}
      aria-label={words}
      title={`${words}\n${shut.length ? 'Click to expand' : 'Click to filter by it'}`}
      onClick={act}
    >
      {dropped + requests ? `✕${short(dropped + requests)}` : short(flows)}
    </button>
  );
}

export function MatrixPanel() {
  const box = useRef<HTMLDivElement>(null);
  const [scrolled, setScrolled] = useState({ x: 0, y: 0 });
  const [area, setArea] = useState({ w: 0, h: 0 });
  const map = shownMap.value;
  const open = view.value.matrix ?? [];
  const { lines, cells } = useMemo(() => (map ? matrix(map, new Set(open)) : { lines: [], cells: [] }), [map, open.join()]);
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setArea({ w: element.clientWidth, h: element.clientHeight }));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const part = seen(lines.length, scrolled, area, CELL);
  const toggle = (namespace: string) => go({ matrix: open.includes(namespace) ? open.filter((each) => each !== namespace) : [...open, namespace] });
  const spaces = useMemo(() => [...new Set(map?.nodes.flatMap(({ namespace }) => namespace || []))], [map]);
  const allOpen = spaces.every((name) => open.includes(name));
  const seconds = map?.seconds ?? 1;
  return (
    <section class="map" aria-label="Service map">
      <MapHead map={map} edges={cells.length} busy={false} allOpen={allOpen} onAll={() => go({ matrix: allOpen ? [] : spaces })} />
      <div
        class="matrix"
        ref={box}
        tabIndex={0}
        role="region"
        aria-label="From the rows to the columns"
        onScroll={({ currentTarget: { scrollLeft: x, scrollTop: y } }) => setScrolled({ x, y })}
      >
        <div class="table" style={{ '--lines': String(lines.length) }}>
          <div class="corner">
            <span>to</span>
            <span>from</span>
          </div>
          <div class="columns" aria-hidden="true">
            {lines.slice(part.left, part.right).map((line, at) => (
              <Head key={line.id} line={line} at={part.left + at} upright onToggle={toggle} />
            ))}
          </div>
          <div class="rows">
            {lines.slice(part.top, part.bottom).map((line, at) => (
              <Head key={line.id} line={line} at={part.top + at} upright={false} onToggle={toggle} />
            ))}
          </div>
          <div class="cells">
            {cellsIn(cells, part).map((cell) => {
              const [from, to] = [lines[cell.row], lines[cell.column]];
              if (!from || !to) return null;
              return <CellView key={`${from.id} ${to.id}`} cell={cell} from={from} to={to} seconds={seconds} onOpen={(names) => go({ matrix: [...open, ...names] })} />;
            })}
          </div>
        </div>
        {map && lines.length === 0 && <p class="nothing">No matching flows.</p>}
      </div>
    </section>
  );
}
