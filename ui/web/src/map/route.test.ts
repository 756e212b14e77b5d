import { describe, expect, it } from 'vitest';
import type { MapEdge } from '../openapi';
import { graph } from './graph';
import { arrangement, type Outline } from './open';
import { end, MOST_EDGES, routes, start, type Point } from './route';
import type { Box, Layout } from './layout';

const AREA = { w: 1364, h: 664 };

/** A random map: numbers from a linear congruential generator, the same each time. */
function random(seed: number, workloads: number, edges: number): Outline {
  let state = seed;
  const next = (below: number) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
  const nodes = Array.from({ length: workloads }, (_, at) => {
    const namespace = at % 7 ? `ns${at % 5}` : '';
    return { id: `w${at}`, kind: 'workload' as const, namespace, name: `w${at}`, term: '' };
  });
  return {
    nodes,
    edges: Array.from({ length: edges }, (): MapEdge => ({ source: `w${next(workloads)}`, destination: `w${next(workloads)}`, port: `${next(3)}/TCP`, flows: 1, dropped: 0, connections: 1, bytes: 0, term: '' })),
  };
}

/** Whether a straight part leads through a box; along its side is beside it. */
function through(a: Point, b: Point, { x, y, w, h }: Box): boolean {
  return Math.max(a.x, b.x) > x + 0.5 && Math.min(a.x, b.x) < x + w - 0.5 && Math.max(a.y, b.y) > y + 0.5 && Math.min(a.y, b.y) < y + h - 0.5;
}

function routed(map: Outline, area = AREA) {
  const { layout, open } = arrangement(map, [], area, null);
  const { cards, edges } = graph(map, new Set(open));
  return { layout, cards, edges, ways: routes(edges, new Map(cards.map(({ id, group }) => [id, group])), layout) };
}

describe('ways of edges', () => {
  it.each([
    [1, 12, 20],
    [2, 24, 37],
    [3, 30, 90],
    [4, 40, 60],
  ])('map %d of %d workloads and %d edges: lead around all cards', (seed, workloads, count) => {
    for (const area of [AREA, { w: 372, h: 540 }, { w: 1364, h: 330 }]) {
      const { layout, cards, edges, ways } = routed(random(seed, workloads, count), area);
      expect(edges.length).toBeGreaterThan(5);
      for (const edge of edges) {
        const way = ways[edge.id];
        if (!way) throw new Error(`${edge.id} has no way`);
        const [from, to] = [layout.cards[edge.source]!, layout.cards[edge.destination]!];
        expect(Math.abs(way[0]!.x - start(from).x) + Math.abs(way[0]!.y - start(from).y)).toBeLessThan(1.1);
        expect(Math.abs(way.at(-1)!.x - end(to, edge.port).x) + Math.abs(way.at(-1)!.y - end(to, edge.port).y)).toBeLessThan(1.1);
        way.slice(1).forEach((point, at) => {
          const before = way[at]!;
          expect(before.x === point.x || before.y === point.y).toBe(true);
          for (const { id } of cards) if (through(before, point, layout.cards[id]!)) throw new Error(`${edge.id} leads through ${id}`);
        });
      }
    }
  });

  it('that lie on one line are side by side', () => {
    const { edges, ways } = routed(random(2, 24, 37));
    const parts = edges.flatMap(({ id }) => ways[id]!.slice(1, -2).map((from, at) => ({ id, from, to: ways[id]![at + 2]! })));
    const same = parts.flatMap((a, at) =>
      parts.slice(at + 1).filter((b) => a.id !== b.id && a.from.x === a.to.x && b.from.x === b.to.x && Math.abs(a.from.x - b.from.x) < 1 && Math.min(Math.max(a.from.y, a.to.y), Math.max(b.from.y, b.to.y)) - Math.max(Math.min(a.from.y, a.to.y), Math.min(b.from.y, b.to.y)) > 1),
    );
    expect(same).toEqual([]);
  });

  it('are not looked for where there are too many to follow one', () => {
    const layout: Layout = { cards: { a: { x: 0, y: 0, w: 10, h: 10 } }, groups: {}, gap: 16 };
    const edges = Array.from({ length: MOST_EDGES + 1 }, (_, at) => ({ id: `e${at}`, source: 'a', destination: 'a', port: -1 }));
    expect(routes(edges, new Map([['a', '']]), layout)).toEqual({});
  });
});
