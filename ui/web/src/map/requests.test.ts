import { expect, it } from 'vitest';
import type { MapEdge, ServiceMap } from '../openapi';
import { asked } from './asked';
import { graph, refused } from './graph';
import { places } from './labels';

const node = (name: string): ServiceMap['nodes'][number] => ({ id: name, kind: 'pod', namespace: 'shop', name, term: '' });
const edge = (source: string, denied: number, latency?: number): MapEdge => ({
  source,
  destination: 'api',
  port: '8080/TCP',
  flows: 3,
  dropped: 0,
  connections: 3,
  bytes: 0,
  carried: { total: 6, denied, failed: 0, ...(latency !== undefined && { latency }) },
  term: '',
});
const map = { nodes: [node('web'), node('scraper'), node('api'), { ...node('out'), namespace: '' }], edges: [edge('web', 3, 1.4), edge('scraper', 0, 8)] };

it('an edge says what it carried, and is refused by its requests', () => {
  const { edges, cards } = graph(map, new Set(['shop']));
  expect(edges.map(asked)).toEqual(['6 requests, 3 denied, p50 1.4 ms', '6 requests, p50 8.0 ms']);
  expect(edges.map(refused)).toEqual([3, 0]);
  const api = cards.find(({ title }) => title === 'api');
  expect(api && [api.inward.dropped, api.inward.denied, api.ports[0]?.denied]).toEqual([0, 3, 3]);
});

it('of edges that are drawn as one the medians are a range', () => {
  const out = [edge('web', 3, 1.4), edge('scraper', 0, 8), edge('web', 1)].map((one) => ({ ...one, destination: 'out' }));
  const { edges } = graph({ ...map, edges: out }, new Set());
  expect(edges.map(asked)).toEqual(['18 requests, 4 denied, p50 1.4 ms to 8.0 ms']);
});

it('a shorter text stands where the whole one has no room', () => {
  const wish = { id: 'a', points: [{ x: 100, y: 100 }], letters: 40, brief: 8, cross: false };
  const walls = [20, 180].map((x) => ({ x: x - 30, y: 0, w: 60, h: 200 }));
  expect(places([wish], []).get('a')?.brief).toBeUndefined();
  expect(places([wish], walls).get('a')).toMatchObject({ brief: true, text: { x: 100 } });
});
