import { describe, expect, it } from 'vitest';
import type { MapEdge, ServiceMap } from '../openapi';
import { graph as graphOf, PORTS, spoken, type Graph } from './graph';
import { arrangeAll, extend, extent, fits, type Box, type Layout } from './layout';

const AREA = { w: 1364, h: 664 };

/** A graph of which these namespaces are open; without a list all of them. */
function graph(map: ServiceMap, open = map.nodes.map(({ namespace }) => namespace)): Graph {
  return graphOf(map, new Set(open));
}

function edge(source: string, destination: string, port: string, flows = 10, dropped = 0): MapEdge {
  const reasons = dropped ? ['Policy denied'] : [];
  return { source, destination, port, flows, dropped, connections: 1, bytes: 100, reasons, term: `${source} ${port}` };
}

function map(ids: string[], edges: MapEdge[]): ServiceMap {
  const nodes = ids.map((id) => {
    const [namespace = '', name = ''] = id.includes('/') ? id.split('/') : ['', id];
    return { id, kind: namespace ? ('workload' as const) : ('world' as const), namespace, name, term: id };
  });
  return { seconds: 60, nodes, edges, hidden: 0 };
}

/** Namespaces of equal size in which each asks the next, and the first of each asks the next one's. */
function large(workloads: number, per: number): ServiceMap {
  const ids = Array.from({ length: workloads }, (_, at) => `ns${Math.floor(at / per)}/w${at % per}`);
  const edges = ids.flatMap((id, at) => [
    edge(id, ids[(at * 7 + 1) % workloads] ?? id, '80/TCP'),
    ...(at % per ? [edge(ids[at - 1] ?? id, id, '8080/TCP')] : []),
  ]);
  return map(ids, edges);
}

const TIERS = map(
  ['prod/web', 'prod/api', 'prod/db', 'test/user', 'world'],
  [edge('world', 'prod/web', '443/TCP'), edge('prod/web', 'prod/api', '80/TCP'), edge('prod/api', 'prod/db', '5432/TCP'), edge('test/user', 'prod/db', '5432/TCP', 4, 4)],
);

function covering(boxes: Box[]): number {
  let count = 0;
  boxes.forEach((a, at) => {
    for (const b of boxes.slice(at + 1)) {
      if (a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h) count++;
    }
  });
  return count;
}

function check(layout: Layout, of: Graph): void {
  for (const group of of.groups) {
    const box = layout.groups[group] as Box;
    const cards = of.cards.filter((card) => card.group === group).map(({ id }) => layout.cards[id] as Box);
    expect(covering(cards)).toBe(0);
    for (const card of cards) {
      expect(card.x >= box.x && card.y >= box.y && card.x + card.w <= box.x + box.w + 0.5 && card.y + card.h <= box.y + box.h + 0.5).toBe(true);
    }
  }
  const outer = [...of.groups.map((name) => layout.groups[name] as Box), ...of.cards.filter(({ group }) => !group).map(({ id }) => layout.cards[id] as Box)];
  expect(covering(outer)).toBe(0);
}

describe('the graph', () => {
  it('has cards with the ports they are asked for', () => {
    const { cards, edges, groups } = graph(TIERS);
    expect(groups).toEqual(['prod', 'test']);
    const db = cards.find(({ id }) => id === 'prod/db');
    expect(db?.ports).toMatchObject([{ name: '5432/TCP', flows: 14, dropped: 4 }]);
    expect(edges.filter(({ dropped }) => dropped)).toMatchObject([{ source: 'test/user', destination: 'prod/db', port: 0, reasons: ['Policy denied'] }]);
  });

  it('shows a closed namespace as one card', () => {
    const { cards, edges } = graph(TIERS, ['test']);
    expect(cards.map(({ id }) => id).sort()).toEqual(['ns:prod', 'test/user', 'world']);
    expect(cards.find(({ id }) => id === 'ns:prod')).toMatchObject({ members: 3, kind: 'namespace' });
    expect(edges.map(({ source, destination }) => `${source} ${destination}`).sort()).toEqual(['test/user ns:prod', 'world ns:prod']);
  });

  it('lists the busiest ports, and the rest in one line', () => {
    const edges = Array.from({ length: 9 }, (_, at) => edge('world', 'prod/web', `${at + 1}/TCP`, at + 1));
    const { cards, edges: found } = graph(map(['world', 'prod/web'], edges));
    const web = cards.find(({ id }) => id === 'prod/web');
    expect(web?.ports.map(({ name }) => name)).toEqual(['6/TCP', '7/TCP', '8/TCP', '9/TCP', '']);
    expect(web?.ports).toHaveLength(PORTS);
    expect(found.find(({ label }) => label === '')).toMatchObject({ flows: 15, port: 4 });
  });
});

describe('the layout', () => {
  it('goes from who asks to who is asked', () => {
    const { cards } = arrangeAll(graph(TIERS), AREA);
    const x = (id: string) => cards[id]?.x ?? NaN;
    expect(x('world')).toBeLessThan(x('prod/web'));
    expect(x('prod/web')).toBeLessThan(x('prod/api'));
    expect(x('prod/api')).toBeLessThan(x('prod/db'));
  });

  it.each([
    [200, 20, []],
    [200, 20, Array.from({ length: 10 }, (_, at) => `ns${at}`)],
    [2000, 40, Array.from({ length: 50 }, (_, at) => `ns${at}`)],
  ])('of %d workloads, %d in a namespace, covers nothing', (workloads, per, open) => {
    const of = graph(large(workloads, per), open);
    const layout = arrangeAll(of, AREA);
    check(layout, of);
    // It fits a screen: one that is far higher or wider is seen from so far that nothing can be read.
    const { w, h } = extent([...Object.values(layout.cards), ...Object.values(layout.groups)]);
    expect(w / h).toBeGreaterThan(0.6);
    expect(w / h).toBeLessThan(4);
  }, 60_000);

  it.each([
    [1364, 664],
    [1880, 850],
    [600, 1300],
  ])('has the shape of a panel of %d by %d', (w, h) => {
    const of = graph(large(24, 4));
    const layout = arrangeAll(of, { w, h });
    check(layout, of);
    const whole = extent([...Object.values(layout.cards), ...Object.values(layout.groups)]);
    expect(whole.w / whole.h / (w / h)).toBeGreaterThan(0.5);
    expect(whole.w / whole.h / (w / h)).toBeLessThan(2);
    expect(fits(whole, { w, h })).toBe(true);
  });

  it('lets what has a place keep it', () => {
    const before = graph(TIERS);
    const first = arrangeAll(before, AREA);
    const more = map(
      [...TIERS.nodes.map(({ id }) => id), 'prod/cache'],
      [...TIERS.edges, edge('prod/api', 'prod/cache', '6379/TCP')],
    );
    const after = graph(more);
    const second = extend(after, first, AREA);
    check(second, after);
    for (const { id } of before.cards) expect(second.cards[id]).toEqual(first.cards[id]);
    // In the column of what the same one asks.
    expect(second.cards['prod/cache']?.x).toBe(first.cards['prod/db']?.x);
  });

  it('pushes away only what a grown card would cover', () => {
    const before = graph(TIERS);
    const first = arrangeAll(before, AREA);
    const after = graph(map(TIERS.nodes.map(({ id }) => id), [...TIERS.edges, ...[1, 2, 3, 4].map((port) => edge('prod/web', 'prod/api', `${port}/TCP`))]));
    const second = extend(after, first, AREA);
    check(second, after);
    expect(second.cards['prod/web']).toEqual(first.cards['prod/web']);
    expect(second.cards['prod/api']).toMatchObject({ x: first.cards['prod/api']?.x, y: first.cards['prod/api']?.y });
  });

  it('is made anew when little of it is known', () => {
    const of = graph(TIERS);
    expect(extend(of, { cards: {}, groups: {}, gap: 16 }, AREA)).toEqual(arrangeAll(of, AREA));
  });
});

describe('what is spoken over an edge', () => {
  it.each([
    [{}, ''],
    [{ 'HTTP GET': 5 }, 'HTTP GET'],
    [{ 'HTTP POST': 1, 'HTTP GET': 5, 'DNS A': 3 }, 'HTTP GET, POST · DNS A'],
    [{ a: 1, b: 2, c: 3, d: 4 }, 'd · c · b, …'],
  ])('%o', (requests, text) => expect(spoken(new Map(Object.entries(requests)))).toBe(text));

  it('is summed over the edges that are one on the map', () => {
    const [a, b] = [edge('prod/web', 'prod/api', '80/TCP'), edge('prod/api', 'test/user', '80/TCP')];
    const requests = [{ name: 'HTTP GET', flows: 4 }];
    const { edges } = graph(map(['prod/web', 'prod/api', 'test/user'], [{ ...a, requests }, { ...b, requests }]), ['test']);
    expect(edges.map(({ requests }) => [...requests])).toEqual([[['HTTP GET', 4]]]);
  });
});
