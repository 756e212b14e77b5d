// What is drawn of the map, in the map's own measures. It is left as it is while the map is only moved.

import { useMemo } from 'preact/hooks';
import { memo, shallow } from '../memo';
import { CardView } from './card';
import { EdgeView, brief, word } from './edge';
import { Far } from './far';
import { refused, type Graph } from './graph';
import { places, type Wish } from './labels';
import type { Box, Layout } from './layout';
import { distance, line, routed, thickness, type Line, type Point } from './lines';
import { meets } from './viewport';
import type { Edge } from './graph';

export interface Props {
  graph: Graph;
  layout: Layout;
  ways: Record<string, Point[]>;
  seconds: number;
  /** Only what lies in it is drawn; `null`: everything. */
  part: Box | null;
  /** Words can be read. */
  near: boolean;
  /** So many cards so far away that each is a spot. */
  far: boolean;
  /** How large everything is, roughly: of spots it decides how much of their names is shown. */
  scale: number;
  hot: string;
  /** Is told of the edges that are no elements of their own: whoever shows them finds them by their place. */
  crowd: { current: readonly Drawn[] };
  onHot: (id: string) => void;
  onToggle: (namespace: string) => void;
}

export interface Drawn {
  edge: Edge;
  line: Line;
}

/** Up to so many edges are elements of their own. Of more it is those with most drops, and the others are few paths. */
const SINGLE = 150;

/** The edge of a crowd that a point is on. */
export function nearest(crowd: readonly Drawn[], point: Point, within: number): Edge | null {
  let [found, least]: [Edge | null, number] = [null, within];
  for (const { edge, line } of crowd) {
    const far = distance(line.way, point, least);
    if (far < least) [found, least] = [edge, far];
  }
  return found;
}

/** More that only pass through say nothing, slowly. */
const THROUGH = 300;

/** Edges with an end in the part, and those that only pass through as one path, unless they are many. */
function edgesIn({ graph, layout, ways, part }: Props): { edges: Drawn[]; through: string } {
  const through: string[] = [];
  const edges = graph.edges.flatMap((edge) => {
    const [from, to] = [layout.cards[edge.source], layout.cards[edge.destination]];
    if (!from || !to) return [];
    const way = ways[edge.id];
    if (!part || meets(from, part) || meets(to, part)) return [{ edge, line: way ? routed(way) : line(edge, from, to) }];
    const [x, y] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
    const around = { x, y, w: Math.max(from.x, to.x) + from.w - x, h: Math.max(from.y + from.h, to.y + to.h) - y };
    if (meets(around, part) && through.length <= THROUGH) through.push(line(edge, from, to).path);
    return [];
  });
  // Drops lie on top.
  return { edges: edges.sort((a, b) => refused(a.edge) - refused(b.edge)), through: through.length > THROUGH ? '' : through.join('') };
}

interface Crowd {
  singles: Drawn[];
  /** Paths of all that are no elements, by how thick they are. */
  paths: { key: string; bad: boolean; width: number; path: string }[];
  others: Drawn[];
}

/** `edges`: those with most drops last. */
function crowded(edges: Drawn[], seconds: number): Crowd {
  if (edges.length <= SINGLE) return { singles: edges, paths: [], others: [] };
  const first = edges.findIndex(({ edge }) => refused(edge) > 0);
  const from = first < 0 ? edges.length : Math.max(first, edges.length - SINGLE);
  const paths = new Map<string, Crowd['paths'][number]>();
  const others = edges.slice(0, from);
  for (const { edge, line } of others) {
    const bad = refused(edge) > 0;
    const width = Math.round(thickness(edge.flows, seconds));
    const key = `${bad} ${width}`;
    const at = paths.get(key);
    if (at) at.path += line.path;
    else paths.set(key, { key, bad, width, path: line.path });
  }
  return { singles: edges.slice(from), paths: [...paths.values()].sort((a, b) => Number(a.bad) - Number(b.bad)), others };
}

/** By name, not by how much: words that change places whenever another edge gets busier can't be read. */
function wishes(edges: Drawn[], seconds: number): Wish[] {
  const wanted = edges
    .map(({ edge, line }) => ({
      id: edge.id,
      points: line.points,
      letters: Math.ceil(word(edge, seconds).length / 4) * 4,
      brief: Math.ceil(brief(edge, seconds).length / 4) * 4,
      cross: refused(edge) > 0,
    }));
  return wanted.sort((a, b) => Number(b.cross) - Number(a.cross) || (a.id < b.id ? -1 : 1));
}

function Drawing(props: Props) {
  const { graph, layout, seconds, part, near, far, scale, hot, crowd, onHot, onToggle } = props;
  const open = graph.groups.flatMap((group) => {
    const place = layout.groups[group];
    return place ? [{ group, place }] : [];
  });
  const groups = (
    <>
      {open.map(({ group, place }) => (
        <div key={group} class="group" style={{ transform: `translate(${place.x}px, ${place.y}px)`, width: `${place.w}px`, height: `${place.h}px` }} />
      ))}
      {/* Above all else, and in sight as long as some of the box is: one knows where one is. */}
      {open.map(({ group, place }) => (
        <button
          key={`name of ${group}`}
          class="name"
          style={{ '--x': String(place.x), '--y': String(place.y), '--w': String(place.w), '--h': String(place.h) }}
          onClick={() => onToggle(group)}
          aria-expanded="true"
          title="Collapse this namespace"
        >
          {group}
        </button>
      ))}
    </>
  );
  const { edges, through } = useMemo(() => (far ? { edges: [], through: '' } : edgesIn(props)), [graph, layout, props.ways, part, far]);
  const { singles, paths, others } = useMemo(() => crowded(edges, seconds), [edges, seconds]);
  crowd.current = others;
  const cards = useMemo(
    () =>
      graph.cards.flatMap((card) => {
        const place = far ? undefined : layout.cards[card.id];
        return place && (!part || meets(place, part)) ? [{ card, place }] : [];
      }),
    [graph, layout, part, far],
  );
  const marks = useMemo(() => (near ? places(wishes(singles, seconds), cards.map(({ place }) => place)) : null), [singles, cards, near]);
  const names = useMemo(() => new Map(graph.cards.map(({ id, title }) => [id, title])), [graph]);
  if (far) {
    return (
      <>
        {groups}
        <Far graph={graph} layout={layout} part={part} zoom={scale} hot={hot} />
      </>
    );
  }
  const isHot = ({ id, source, destination }: Edge) => hot !== '' && (hot === id || hot === source || hot === destination);
  // Those of the crowd that the pointer is on stand out of it; of too many, as one line.
  const called = others.filter(({ edge }) => isHot(edge));
  const together = called.length > SINGLE ? called.map(({ line }) => line.path).join('') : '';
  return (
    <>
      {groups}
      <svg class={`edges${hot ? ' focus' : ''}${edges.length > 60 ? ' many' : ''}`} width="1" height="1" aria-hidden="true">
        {through && <path class="through" d={through} />}
        {paths.map(({ key, bad, width, path }) => (
          <path key={key} class={`crowd${bad ? ' bad' : ''}`} d={path} stroke-width={width} />
        ))}
        {together && <path class="crowd hot" d={together} />}
        {(together ? singles : [...called, ...singles]).map(({ edge, line }) => (
          <EdgeView
            key={edge.id}
            edge={edge}
            line={line}
            place={marks?.get(edge.id)}
            seconds={seconds}
            near={near}
            hot={isHot(edge)}
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

export const Scene = memo<Props>(Drawing, shallow);
