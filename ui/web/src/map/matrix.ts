// Who talks to whom as a table: from the rows to the columns. Both have the same lines: namespaces, the
// workloads of those that are open, and at the end what is outside of all.

import type { MapEdge, MapNode, ServiceMap } from '../openapi';
import { add as sum, none, order, type Traffic } from './graph';

export interface Line {
  id: string;
  /** `open` has nothing of its own: its workloads follow. */
  kind: MapNode['kind'] | 'namespace' | 'open';
  /** Empty for what is in none. */
  namespace: string;
  title: string;
  /** Of a namespace: how many workloads are in it. */
  members: number;
}

export interface Cell extends Traffic {
  row: number;
  column: number;
  reasons: string[];
  /** At most [`TERMS`]: expressions for its flows. */
  terms: string[];
}

export interface Matrix {
  lines: Line[];
  /** By row, then by column. */
  cells: Cell[];
}

export const TERMS = 8;

function linesOf(nodes: readonly MapNode[], open: ReadonlySet<string>): Line[] {
  const spaces = new Map<string, MapNode[]>();
  for (const node of nodes) {
    const members = spaces.get(node.namespace);
    if (members) members.push(node);
    else spaces.set(node.namespace, [node]);
  }
  const single = ({ id, kind, namespace, name }: MapNode): Line => ({ id, kind, namespace, title: name, members: 1 });
  const sorted = (members: MapNode[]) => members.map(single).sort((a, b) => order(a.title, b.title));
  const outside = spaces.get('') ?? [];
  spaces.delete('');
  const names = [...spaces.keys()].sort(order);
  const lines = names.flatMap((name): Line[] => {
    const members = spaces.get(name) ?? [];
    const head = { id: `ns:${name}`, namespace: name, title: name, members: members.length };
    return open.has(name) ? [{ ...head, kind: 'open' }, ...sorted(members)] : [{ ...head, kind: 'namespace' }];
  });
  return [...lines, ...sorted(outside)];
}

function add(cell: Cell, edge: MapEdge): void {
  const { reasons, term } = edge;
  sum(cell, edge);
  for (const reason of reasons ?? []) if (!cell.reasons.includes(reason)) cell.reasons.push(reason);
  if (cell.terms.length < TERMS) cell.terms.push(term);
}

/** `open`: the namespaces of which each workload has a line. */
export function matrix(map: Pick<ServiceMap, 'nodes' | 'edges'>, open: ReadonlySet<string>): Matrix {
  const lines = linesOf(map.nodes, open);
  const at = new Map(lines.map(({ id, kind }, index) => [kind === 'open' ? '' : id, index]));
  const index = new Map<string, number>();
  for (const { id, namespace } of map.nodes) {
    const line = at.get(namespace && !open.has(namespace) ? `ns:${namespace}` : id);
    if (line !== undefined) index.set(id, line);
  }
  const cells = new Map<number, Cell>();
  for (const edge of map.edges) {
    const [row, column] = [index.get(edge.source), index.get(edge.destination)];
    if (row === undefined || column === undefined) continue;
    const key = row * lines.length + column;
    let cell = cells.get(key);
    if (!cell) cells.set(key, (cell = { row, column, ...none(), reasons: [], terms: [] }));
    add(cell, edge);
  }
  return { lines, cells: [...cells.values()].sort((a, b) => a.row - b.row || a.column - b.column) };
}

/** What is seen of a table: rows and columns from, and up to, but not with. */
export interface Part {
  top: number;
  bottom: number;
  left: number;
  right: number;
}

/** Rows and columns more than are seen: they are there before one comes to them. */
const MORE = 4;

/** The part of so many lines that is seen, with cells of `cell` px. */
export function seen(lines: number, scrolled: { x: number; y: number }, area: { w: number; h: number }, cell: { w: number; h: number }): Part {
  const within = (line: number) => Math.max(0, Math.min(lines, line));
  return {
    top: within(Math.floor(scrolled.y / cell.h) - MORE),
    bottom: within(Math.ceil((scrolled.y + area.h) / cell.h) + MORE),
    left: within(Math.floor(scrolled.x / cell.w) - MORE),
    right: within(Math.ceil((scrolled.x + area.w) / cell.w) + MORE),
  };
}

/** Of cells by row and column, those in a part. */
export function cellsIn(cells: readonly Cell[], { top, bottom, left, right }: Part): Cell[] {
  let [low, high] = [0, cells.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((cells[middle] as Cell).row < top) low = middle + 1;
    else high = middle;
  }
  const found: Cell[] = [];
  for (let at = low; at < cells.length && (cells[at] as Cell).row < bottom; at++) {
    const cell = cells[at] as Cell;
    if (cell.column >= left && cell.column < right) found.push(cell);
  }
  return found;
}
