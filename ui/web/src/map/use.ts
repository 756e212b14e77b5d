// The map's layout, kept up to date by the worker.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Graph } from './graph';
import { size, type Layout, type Plan } from './layout';
import type { Arranged, Order } from './worker';

/** What decides where things stand: which cards of which height, in which boxes. */
function shape(graph: Graph): string {
  return graph.cards.map((card) => `${card.id} ${size(card).h}`).join('|') + graph.groups.join('|');
}

/** As little as the worker needs: it is copied. */
function plan({ cards, edges, groups }: Graph): Plan {
  return {
    cards: cards.map(({ id, group, ports }) => ({ id, group, ports: { length: ports.length } })),
    edges: edges.map(({ source, destination }) => ({ source, destination })),
    groups,
  };
}

/**
 * The layout for a graph, `null` until there is one. `fresh`: when it changes, everything is arranged
 * anew.
 */
export function useLayout(graph: Graph | null, fresh: string): { layout: Layout | null; generation: number; busy: boolean } {
  const worker = useRef<Worker | null>(null);
  const wish = useRef({ graph, wanted: '', fresh });
  /** What the worker is at: one layout at a time, as one that is replaced again and again is never done. */
  const running = useRef<{ wanted: string; fresh: string } | null>(null);
  const last = useRef<{ layout: Layout | null; wanted: string; fresh: string }>({ layout: null, wanted: '', fresh });
  const [result, setResult] = useState<{ layout: Layout | null; generation: number; fresh: string }>({ layout: null, generation: 0, fresh });
  const send = () => {
    const { graph, wanted, fresh } = wish.current;
    if (!graph || !worker.current || running.current) return;
    if (last.current.layout && last.current.wanted === wanted && last.current.fresh === fresh) return;
    const anew = last.current.fresh !== fresh || !last.current.layout;
    running.current = { wanted, fresh };
    worker.current.postMessage({ graph: plan(graph), before: anew ? null : last.current.layout } satisfies Order);
  };
  useEffect(() => {
    const arranging = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    arranging.onmessage = ({ data }: MessageEvent<Arranged>) => {
      const done = running.current;
      running.current = null;
      // One that was asked for before a namespace was opened is of no use.
      if (done && done.fresh === wish.current.fresh) {
        const anew = last.current.fresh !== done.fresh || !last.current.layout;
        // What left the map is remembered: it comes back to its place.
        const before = anew ? undefined : last.current.layout;
        const layout = { cards: { ...before?.cards, ...data.layout.cards }, groups: { ...before?.groups, ...data.layout.groups } };
        last.current = { layout, ...done };
        setResult(({ generation }) => ({ layout, generation: anew ? generation + 1 : generation, fresh: done.fresh }));
      }
      send();
    };
    worker.current = arranging;
    return () => arranging.terminate();
  }, []);
  const wanted = useMemo(() => (graph ? shape(graph) : ''), [graph]);
  useEffect(() => {
    wish.current = { graph, wanted, fresh };
    send();
  }, [wanted, fresh]);
  return { ...result, busy: graph !== null && (result.layout === null || result.fresh !== fresh) };
}
