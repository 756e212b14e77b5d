// Arranges off the main thread: that never waits for a layout.

import { graph } from './graph';
import type { Area } from './layout';
import { arrangement, type Arrangement, type Outline } from './open';
import { routes, type Point } from './route';

export interface Order {
  map: Outline;
  toggled: readonly string[];
  area: Area;
  before: Arrangement | null;
}

export interface Arranged extends Arrangement {
  /** The ways of edges by their id; an edge that has none is drawn as a curve. */
  ways: Record<string, Point[]>;
}

onmessage = ({ data: { map, toggled, area, before } }: MessageEvent<Order>) => {
  const { layout, open } = arrangement(map, toggled, area, before);
  const { cards, edges } = graph(map, new Set(open));
  const ways = routes(edges, new Map(cards.map(({ id, group }) => [id, group])), layout);
  postMessage({ layout, open, ways } satisfies Arranged);
};
