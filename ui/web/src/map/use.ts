// What is open in the map and where it stands, kept up to date by the worker.

import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { ServiceMap } from '../openapi';
import { graph as graphOf, type Graph } from './graph';
import type { Area } from './layout';
import type { Outline } from './open';
import type { Arranged, Order } from './worker';

/** What decides where things stand: who is there, and who asks whom on which port. */
function shape({ nodes, edges }: ServiceMap): string {
  return `${nodes.map(({ id }) => id).join('|')}\n${edges.map(({ source, destination, port }) => `${source} ${destination} ${port}`).join('|')}`;
}

/** As little as the worker needs: it is copied. */
function outline({ nodes, edges }: ServiceMap): Outline {
  return {
    nodes: nodes.map(({ id, kind, namespace, name }) => ({ id, kind, namespace, name, term: '' })),
    // How much goes over an edge decides which ports have a line of their own.
    edges: edges.map(({ source, destination, port, flows }) => ({ source, destination, port, flows, dropped: 0, connections: 0, bytes: 0, term: '' })),
  };
}

interface Result {
  arranged: Arranged | null;
  /** Grows when everything was arranged anew. */
  generation: number;
  fresh: string;
}

export interface Arranging extends Result {
  /** `null` until there is a layout for it. */
  graph: Graph | null;
  busy: boolean;
}

/**
 * The graph of a map, of which what fits the area is open, and its layout. `fresh`: when it changes,
 * everything is arranged anew.
 */
export function useArrangement(map: ServiceMap | null, toggled: readonly string[], area: Area, fresh: string): Arranging {
  const worker = useRef<Worker | null>(null);
  const wish = useRef({ map, toggled, area, wanted: '', fresh });
  /** What the worker is at: one layout at a time, as one that is replaced again and again is never done. */
  const running = useRef<{ wanted: string; fresh: string } | null>(null);
  const last = useRef<{ arranged: Arranged | null; wanted: string; fresh: string }>({ arranged: null, wanted: '', fresh });
  const [result, setResult] = useState<Result>({ arranged: null, generation: 0, fresh });
  const send = () => {
    const { map, toggled, area, wanted, fresh } = wish.current;
    if (!map || !worker.current || running.current) return;
    const anew = last.current.fresh !== fresh || !last.current.arranged;
    if (!anew && last.current.wanted === wanted) return;
    running.current = { wanted, fresh };
    const before = anew ? null : last.current.arranged;
    worker.current.postMessage({ map: outline(map), toggled, area, before: before && { layout: before.layout, open: before.open } } satisfies Order);
  };
  useEffect(() => {
    const arranging = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
    arranging.onmessage = ({ data }: MessageEvent<Arranged>) => {
      const done = running.current;
      running.current = null;
      // One that was asked for before a namespace was opened is of no use.
      if (done && done.fresh === wish.current.fresh) {
        const anew = last.current.fresh !== done.fresh || !last.current.arranged;
        // What left the map is remembered: it comes back to its place.
        const before = anew ? undefined : last.current.arranged?.layout;
        const layout = { ...data.layout, cards: { ...before?.cards, ...data.layout.cards }, groups: { ...before?.groups, ...data.layout.groups } };
        const arranged = { ...data, layout };
        last.current = { arranged, ...done };
        setResult(({ generation }) => ({ arranged, generation: anew ? generation + 1 : generation, fresh: done.fresh }));
      }
      send();
    };
    worker.current = arranging;
    return () => arranging.terminate();
  }, []);
  const wanted = useMemo(() => (map ? shape(map) : ''), [map]);
  useEffect(() => {
    wish.current = { map, toggled, area, wanted, fresh };
    send();
  }, [wanted, fresh]);
  const { arranged } = result;
  const graph = useMemo(() => map && arranged && graphOf(map, new Set(arranged.open)), [map, arranged]);
  return { ...result, graph, busy: map !== null && (arranged === null || result.fresh !== fresh) };
}
