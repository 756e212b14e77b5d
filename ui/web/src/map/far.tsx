// A large map from afar: every card a spot, every edge a thin line, all of one kind a single path. That
// is drawn at once, however many there are.

import { useMemo } from 'preact/hooks';
import type { Graph } from './graph';
import type { Box, Layout } from './layout';
import { line } from './lines';

function spot({ x, y, w, h }: Box): string {
  return `M${Math.round(x)} ${Math.round(y)}h${Math.round(w)}v${Math.round(h)}h${Math.round(-w)}z`;
}

function lines(graph: Graph, layout: Layout, which: (edge: Graph['edges'][number]) => boolean): string {
  let path = '';
  for (const edge of graph.edges) {
    const [from, to] = [layout.cards[edge.source], layout.cards[edge.destination]];
    if (from && to && which(edge)) path += line(edge, from, to).path;
  }
  // What is smaller than a letter needs no fractions.
  return path.replace(/(\d)\.\d+/g, '$1');
}

export function Far({ graph, layout, hot }: { graph: Graph; layout: Layout; hot: string }) {
  const paths = useMemo(() => {
    let [cards, refusing] = ['', ''];
    for (const { id, inward } of graph.cards) {
      const box = layout.cards[id];
      if (!box) continue;
      if (inward.dropped) refusing += spot(box);
      else cards += spot(box);
    }
    return { cards, refusing, good: lines(graph, layout, ({ dropped }) => !dropped), bad: lines(graph, layout, ({ dropped }) => dropped > 0) };
  }, [graph, layout]);
  const box = layout.cards[hot];
  return (
    <svg class="edges spots" width="1" height="1" aria-hidden="true">
      <path class="line" d={paths.good} />
      <path class="line bad" d={paths.bad} />
      <path class="spot" d={paths.cards} />
      <path class="spot refuses" d={paths.refusing} />
      {box && (
        <>
          <path class="line hot" d={lines(graph, layout, ({ source, destination }) => source === hot || destination === hot)} />
          <path class="spot hot" d={spot(box)} />
        </>
      )}
    </svg>
  );
}
