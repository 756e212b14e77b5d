// A large map from afar: every card a spot, every edge a thin line, all of one kind a single path. That
// is drawn at once, however many there are. What goes from one namespace to another is one line, but for
// drops: single edges are told by the card that the pointer is on.

import { useEffect, useMemo, useState } from 'preact/hooks';
import { refused, type Graph } from './graph';
import { HEAD, type Box, type Layout } from './layout';
import { line } from './lines';
import { meets } from './viewport';

type Edge = Graph['edges'][number];

function spot({ x, y, w, h }: Box): string {
  return `M${Math.round(x)} ${Math.round(y)}h${Math.round(w)}v${Math.round(h)}h${Math.round(-w)}z`;
}

/** What is smaller than a letter needs no fractions. */
function rough(path: string): string {
  return path.replace(/(\d)\.\d+/g, '$1');
}

/** Each edge for itself. */
function lines(graph: Graph, layout: Layout, which: (edge: Edge) => boolean): string {
  let path = '';
  for (const edge of graph.edges) {
    if (!which(edge)) continue;
    const [from, to] = [layout.cards[edge.source], layout.cards[edge.destination]];
    if (from && to) path += line(edge, from, to).path;
  }
  return rough(path);
}

/** What passes: within a namespace each edge, and one line from each to each other. */
function bundled(graph: Graph, layout: Layout, groups: Map<string, string>): string {
  let path = '';
  const drawn = new Set<string>();
  const end = (id: string): { id: string; box: Box | undefined } => {
    const box = layout.groups[groups.get(id) ?? ''];
    // A line begins at the height of a card's title: here at the middle of the box.
    return box ? { id: groups.get(id) ?? '', box: { ...box, y: box.y + box.h / 2 - HEAD / 2 } } : { id, box: layout.cards[id] };
  };
  for (const edge of graph.edges) {
    if (edge.flows === edge.dropped) continue;
    const home = groups.get(edge.source);
    let [from, to] = [layout.cards[edge.source], layout.cards[edge.destination]];
    let port = edge.port;
    if (!home || home !== groups.get(edge.destination)) {
      const [source, destination] = [end(edge.source), end(edge.destination)];
      const key = `${source.id} ${destination.id}`;
      if (drawn.has(key)) continue;
      drawn.add(key);
      [from, to, port] = [source.box, destination.box, -1];
    }
    if (from && to) path += line({ ...edge, port }, from, to).path;
  }
  return rough(path);
}

interface Paths {
  graph: Graph;
  layout: Layout;
  spots: string;
  refusing: string;
  good: string;
  bad: string;
}

/** Whether the same lines lead between the same places, whatever their numbers are. */
function alike(a: Graph, b: Graph): boolean {
  return (
    a.edges.length === b.edges.length &&
    a.cards.length === b.cards.length &&
    a.edges.every((edge, at) => {
      const other = b.edges[at];
      return other?.id === edge.id && !refused(other) === !refused(edge) && (other.dropped === other.flows) === (edge.dropped === edge.flows);
    }) &&
    a.cards.every((card, at) => b.cards[at]?.id === card.id)
  );
}

function paths(graph: Graph, layout: Layout): Paths {
  let [spots, refusing] = ['', ''];
  const groups = new Map<string, string>();
  for (const { id, group, inward } of graph.cards) {
    groups.set(id, group);
    const box = layout.cards[id];
    if (!box) continue;
    if (refused(inward)) refusing += spot(box);
    else spots += spot(box);
  }
  return { graph, layout, spots, refusing, good: bundled(graph, layout, groups), bad: lines(graph, layout, (edge) => refused(edge) > 0) };
}

/** How wide a letter is of a name that stands on a spot, px. */
const LETTER = 6.2;

/** Names of many that belong together differ at their ends, most often: the middle is left out. */
function cut(name: string, letters: number): string {
  if (name.length <= letters) return name;
  const end = Math.floor((letters - 1) / 2);
  return `${name.slice(0, letters - 1 - end)}…${name.slice(name.length - end)}`;
}

/** The names of the spots in a part of the map. */
function Names({ graph, layout, part, zoom }: { graph: Graph; layout: Layout; part: Box; zoom: number }) {
  return (
    <g class="names">
      {graph.cards.map(({ id, title }) => {
        const box = layout.cards[id];
        if (!box || !meets(box, part)) return null;
        return (
          <text key={id} x={Math.round(box.x + box.w / 2)} y={Math.round(box.y + box.h / 2)}>
            {cut(title, Math.floor((box.w * zoom - 3) / LETTER))}
          </text>
        );
      })}
    </g>
  );
}

interface Props {
  graph: Graph;
  layout: Layout;
  /** Where names can be read; `null`: nowhere, spots are too small. */
  part: Box | null;
  /** For names: how large spots are, roughly. */
  zoom: number;
  hot: string;
}

export function Far({ graph, layout, part, zoom, hot }: Props) {
  const [drawn, setDrawn] = useState<Paths | null>(null);
  const current = useMemo(() => drawn?.layout === layout && alike(drawn.graph, graph), [drawn, graph, layout]);
  // In a task of its own: what brought the layout has done enough.
  useEffect(() => {
    if (current) return;
    const timer = setTimeout(() => setDrawn(paths(graph, layout)));
    return () => clearTimeout(timer);
  }, [current, graph, layout]);
  const { spots = '', refusing = '', good = '', bad = '' } = drawn ?? {};
  const box = layout.cards[hot];
  return (
    <svg class={`edges spots${graph.edges.length > 1000 ? ' throng' : ''}`} width="1" height="1" aria-hidden="true">
      <path class="line" d={good} />
      <path class="line bad" d={bad} />
      <path class="spot" d={spots} />
      <path class="spot refuses" d={refusing} />
      {box && (
        <>
          <path class="line hot" d={lines(graph, layout, ({ source, destination }) => source === hot || destination === hot)} />
          <path class="spot hot" d={spot(box)} />
        </>
      )}
      {part && <Names graph={graph} layout={layout} part={part} zoom={zoom} />}
    </svg>
  );
}
