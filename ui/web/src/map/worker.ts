// Arranges off the main thread: that never waits for a layout.

import type { Graph } from './graph';
import { arrangeAll, extend, type Layout } from './layout';

export interface Order {
  number: number;
  graph: Graph;
  before: Layout | null;
}
export interface Arranged {
  number: number;
  layout: Layout;
}

onmessage = ({ data: { number, graph, before } }: MessageEvent<Order>) => {
  const layout = before ? extend(graph, before) : arrangeAll(graph);
  postMessage({ number, layout } satisfies Arranged);
};
