// What is drawn of the map, in the map's own measures. It is left as it is while the map is only moved.

import { memo } from '../memo';
import { CardView } from './card';
import { EdgeView, word } from './edge';
import { Far } from './far';
import type { Graph } from './graph';
import { places, type Wish } from './labels';
import type { Box, Layout } from './layout';
import { line, type Line } from './lines';
import { meets } from './viewport';
import type { Edge } from './graph';

export interface Props {
  graph: Graph;
  layout: Layout;
  seconds: number;
  /** Only what lies in it is drawn; `null`: everything. */
  part: Box | null;
  /** Words can be read. */
  near: boolean;
  /** So many cards so far away that each is a spot. */
  far: boolean;
  hot: string;
  onHot: (id: string) => void;
  onToggle: (namespace: string) => void;
}

interface Drawn {
  edge: Edge;
  line: Line;
}

/** Up to so many edges have words. */
const WORDS = 600;

/** More that only pass through say nothing, slowly. */
const THROUGH = 300;

/** Edges with an end in the part, and those that only pass through as one path, unless they are many. */
function edgesIn({ graph, layout, part }: Props): { edges: Drawn[]; through: string } {
  const through: string[] = [];
  const edges = graph.edges.flatMap((edge) => {
    const [from, to] = [layout.cards[edge.source], layout.cards[edge.destination]];
    if (!from || !to) return [];
    if (!part || meets(from, part) || meets(to, part)) return [{ edge, line: line(edge, from, to) }];
    const [x, y] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
    const around = { x, y, w: Math.max(from.x, to.x) + from.w - x, h: Math.max(from.y + from.h, to.y + to.h) - y };
    if (meets(around, part) && through.length <= THROUGH) through.push(line(edge, from, to).path);
    return [];
  });
  // Drops lie on top.
  return { edges: edges.sort((a, b) => a.edge.dropped - b.edge.dropped), through: through.length > THROUGH ? '' : through.join('') };
}

/** By name, not by how much: words that change places whenever another edge gets busier can't be read. */
function wishes(edges: Drawn[], seconds: number): Wish[] {
  const wanted = edges
    .filter(({ edge }) => edge.dropped || edge.requests.size)
    .map(({ edge, line }) => ({
      id: edge.id,
      points: line.points,
      letters: Math.ceil(word(edge, seconds).length / 4) * 4,
      cross: edge.dropped > 0,
    }));
  return wanted.sort((a, b) => Number(b.cross) - Number(a.cross) || (a.id < b.id ? -1 : 1)).slice(0, WORDS);
}

function Drawing(props: Props) {
  const { graph, layout, seconds, part, near, far, hot, onHot, onToggle } = props;
  const groups = graph.groups.map((group) => {
    const place = layout.groups[group];
    return (
      place && (
        <div key={group} class="group" style={{ transform: `translate(${place.x}px, ${place.y}px)`, width: `${place.w}px`, height: `${place.h}px` }}>
          <button class="name" onClick={() => onToggle(group)} aria-expanded="true" title="Close this namespace">
            {group}
          </button>
        </div>
      )
    );
  });
  if (far) {
    return (
      <>
        {groups}
        <Far graph={graph} layout={layout} hot={hot} />
      </>
    );
  }
  const { edges, through } = edgesIn(props);
  const cards = graph.cards.flatMap((card) => {
    const place = layout.cards[card.id];
    return place && (!part || meets(place, part)) ? [{ card, place }] : [];
  });
  const marks = near ? places(wishes(edges, seconds), cards.map(({ place }) => place)) : null;
  const names = new Map(graph.cards.map(({ id, title }) => [id, title]));
  return (
    <>
      {groups}
      <svg class={`edges${hot ? ' focus' : ''}${edges.length > 60 ? ' many' : ''}`} width="1" height="1" aria-hidden="true">
        {through && <path class="through" d={through} />}
        {edges.map(({ edge, line }) => (
          <EdgeView
            key={edge.id}
            edge={edge}
            line={line}
            place={marks?.get(edge.id)}
            seconds={seconds}
            near={near}
            hot={hot === edge.id || hot === edge.source || hot === edge.destination}
            title={`${names.get(edge.source) ?? ''} → ${names.get(edge.destination) ?? ''}`}
            onHot={onHot}
          />
        ))}
      </svg>
      {cards.map(({ card, place }) => (
        <CardView key={card.id} card={card} place={place} seconds={seconds} onHot={onHot} onToggle={onToggle} />
      ))}
    </>
  );
}

export const Scene = memo<Props>(Drawing, (before, after) =>
  (Object.keys(after) as (keyof Props)[]).every((name) => before[name] === after[name]),
);
