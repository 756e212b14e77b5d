import { describe, expect, it } from 'vitest';
import type { MapEdge, MapNode } from '../openapi';
import { cellsIn, matrix, seen, TERMS, type Cell } from './matrix';

function node(id: string): MapNode {
  const [namespace = '', name = ''] = id.includes('/') ? id.split('/') : ['', id];
  return { id, kind: namespace ? 'workload' : 'world', namespace, name, term: id };
}

function edge(source: string, destination: string, dropped = 0, port = '80/TCP'): MapEdge {
  return { source, destination, port, flows: 10, dropped, connections: 1, bytes: 100, reasons: dropped ? ['Policy denied'] : [], term: `${source} ${destination} ${port}` };
}

const MAP = {
  nodes: ['world', 'shop/web', 'shop/cart', 'data/redis'].map(node),
  edges: [edge('world', 'shop/web'), edge('shop/web', 'shop/cart'), edge('shop/web', 'shop/cart', 0, '9000/TCP'), edge('shop/web', 'data/redis', 10), edge('shop/cart', 'data/redis')],
};

const at = (cells: Cell[], row: number, column: number) => cells.find((cell) => cell.row === row && cell.column === column);

describe('the matrix', () => {
  it('has a line for each namespace, and at the end what is outside', () => {
    const { lines, cells } = matrix(MAP, new Set());
    expect(lines.map(({ title, kind, members }) => `${title} ${kind} ${members}`)).toEqual(['data namespace 1', 'shop namespace 2', 'world world 1']);
    expect(cells).toHaveLength(3);
    expect(at(cells, 1, 0)).toMatchObject({ flows: 20, dropped: 10, reasons: ['Policy denied'] });
    // What stays within a namespace is in it, too.
    expect(at(cells, 1, 1)).toMatchObject({ flows: 20, dropped: 0 });
    expect(at(cells, 2, 1)).toMatchObject({ flows: 10 });
  });

  it('has a line for each workload of an open namespace, below its name', () => {
    const { lines, cells } = matrix(MAP, new Set(['shop']));
    expect(lines.map(({ title }) => title)).toEqual(['data', 'shop', 'cart', 'web', 'world']);
    expect(at(cells, 3, 0)).toMatchObject({ flows: 10, dropped: 10 });
    expect(at(cells, 3, 2)).toMatchObject({ flows: 20, terms: ['shop/web shop/cart 80/TCP', 'shop/web shop/cart 9000/TCP'] });
    expect(cells.some(({ row, column }) => row === 1 || column === 1)).toBe(false);
  });

  it('sums all, however it is opened', () => {
    for (const open of [[], ['shop'], ['data'], ['shop', 'data']]) {
      const { cells } = matrix(MAP, new Set(open));
      expect(cells.reduce((sum, { flows }) => sum + flows, 0)).toBe(50);
    }
  });

  it('holds few expressions for a cell', () => {
    const edges = Array.from({ length: 30 }, (_, port) => edge('shop/web', 'shop/cart', 0, `${port}/TCP`));
    expect(matrix({ ...MAP, edges }, new Set()).cells[0]?.terms).toHaveLength(TERMS);
  });
});

describe('what is seen of it', () => {
  it('is some more than fits, and never more than there is', () => {
    const cell = { w: 40, h: 20 };
    expect(seen(1000, { x: 4000, y: 2000 }, { w: 400, h: 200 }, cell)).toEqual({ top: 96, bottom: 114, left: 96, right: 114 });
    expect(seen(5, { x: 0, y: 0 }, { w: 400, h: 200 }, cell)).toEqual({ top: 0, bottom: 5, left: 0, right: 5 });
  });

  it('has the cells that are in it, and no other', () => {
    const nodes = Array.from({ length: 60 }, (_, at) => node(`n${at}/w`));
    const edges = nodes.flatMap((from, row) => nodes.filter((_, column) => (row * 7 + column) % 5 === 0).map((to) => edge(from.id, to.id)));
    const { cells } = matrix({ nodes, edges }, new Set());
    const part = { top: 10, bottom: 20, left: 5, right: 9 };
    const wanted = cells.filter(({ row, column }) => row >= 10 && row < 20 && column >= 5 && column < 9);
    expect(wanted.length).toBeGreaterThan(3);
    expect(cellsIn(cells, part)).toEqual(wanted);
  });
});
