// Arranges off the main thread: that never waits for a layout.

import { arrangeAll, extend, type Layout, type Plan } from './layout';

export interface Order {
  graph: Plan;
  before: Layout | null;
}
export interface Arranged {
  layout: Layout;
}

onmessage = ({ data: { graph, before } }: MessageEvent<Order>) => {
  const layout = before ? extend(graph, before) : arrangeAll(graph);
  postMessage({ layout } satisfies Arranged);
};
