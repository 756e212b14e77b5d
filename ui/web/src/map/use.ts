// The map's layout, kept up to date by the worker.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Graph } from './graph';
import { size, type Layout } from './layout';
import type { Arranged, Order } from './worker';

/** What decides where things stand: which cards of which height, in which boxes. */
function shape(graph: Graph): string {
  return graph.cards.map((card) => `${card.id} ${size(card).h}`).join('|') + graph.groups.join('|');
}

/**
 * The layout for a graph, `null` until there is one. `fresh`: when it changes, everything is arranged
 * anew.
 */
export function useLayout(graph: Graph | null, fresh: string): { layout: Layout | null; generation: number } {
  const worker = useRef<Worker | null>(null);
  const number = useRef(0);
  const last = useRef<{ layout: Layout | null; fresh: string }>({ layout: null, fresh });
  const [result, setResult] = useState<{ layout: Layout | null; generation: number }>({ layout: null, generation: 0 });
  useEffect(() => {
    worker.current = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    return () => worker.current?.terminate();
  }, []);
  const wanted = graph && shape(graph);
  useEffect(() => {
    if (!graph || !worker.current) return;
    const anew = last.current.fresh !== fresh || !last.current.layout;
    const order: Order = { number: ++number.current, graph, before: anew ? null : last.current.layout };
    worker.current.onmessage = ({ data }: MessageEvent<Arranged>) => {
      if (data.number !== number.current) return;
      // What left the map is remembered: it comes back to its place.
      const before = anew ? undefined : last.current.layout;
      const layout = { cards: { ...before?.cards, ...data.layout.cards }, groups: { ...before?.groups, ...data.layout.groups } };
      last.current = { layout, fresh };
      setResult(({ generation }) => ({ layout, generation: anew ? generation + 1 : generation }));
    };
    worker.current.postMessage(order);
  }, [wanted, fresh]);
  return result;
}
