// An edge of the map. What is dropped is a dashed line of its own with a cross, whatever the colours.

import { bytes, rate, whole } from '../format';
import { memo, shallow } from '../memo';
import { withFilter } from '../filter/terms';
import { go, view } from '../state';
import { asked, p50 } from './asked';
import { refused, spoken, type Edge } from './graph';
import type { Place } from './labels';
import { thickness, type Line } from './lines';
import { denied, many } from './words';

interface Props {
  edge: Edge;
  line: Line;
  place: Place | undefined;
  seconds: number;
  near: boolean;
  hot: boolean;
  title: string;
  onHot: (id: string) => void;
}

function filter(edge: Edge): void {
  const { terms } = edge;
  const term = terms.length === 1 ? terms[0] : terms.map((term) => `(${term})`).join(' or ');
  if (term) go({ filters: withFilter(view.value.filters, term) });
}

/** What is said of an edge without asking: how much is dropped, what is spoken, or how much comes. */
export function word(edge: Edge, seconds: number): string {
  if (edge.dropped) return rate(edge.dropped, seconds);
  if (edge.denied) return asked(edge);
  return [spoken(edge.requests), p50(edge)].filter(Boolean).join(', ') || rate(edge.flows, seconds);
}

/** The same where there is less room. */
export function brief(edge: Edge, seconds: number): string {
  if (edge.dropped) return rate(edge.dropped, seconds);
  return edge.denied ? `${whole(edge.denied)} denied` : spoken(edge.requests) || rate(edge.flows, seconds);
}

export const EdgeView = memo<Props>(function EdgeView({ edge, line, place, seconds, near, hot, title, onHot }) {
  const passed = edge.flows - edge.dropped;
  const bad = refused(edge);
  const amount = bytes(edge.bytes);
  const protocols = spoken(edge.requests, 6);
  const words = [
    `${title}${edge.label ? ` ${edge.label}` : ''}`,
    `${many(edge.flows)}, ${rate(edge.flows, seconds)}`,
    ...(protocols ? [protocols] : []),
    ...(asked(edge) ? [asked(edge)] : []),
    ...(edge.bytes ? [amount] : []),
    ...(edge.dropped ? [`${denied(edge.dropped)}: ${edge.reasons.join(', ') || 'no reason given'}`] : []),
  ];
  const text = hot ? [rate(edge.flows, seconds), ...(edge.bytes ? [amount] : []), ...(protocols ? [protocols] : []), ...(asked(edge) ? [asked(edge)] : [])].join(' · ') : (place?.brief ? brief : word)(edge, seconds);
  const mark = place?.mark ?? line.points[0] ?? { x: 0, y: 0 };
  // Where the pointer is, the word is said also if it lies over another.
  const at = place?.text ?? (hot ? { x: mark.x, y: mark.y - (bad ? 13 : 7) } : null);
  return (
    <g class={`edge${bad ? ' dropped' : ''}${hot ? ' hot' : ''}`} data-edge={edge.id}>
      {passed > 0 && <path class="line" d={line.path} stroke-width={thickness(passed, seconds)} />}
      {bad > 0 && <path class="line bad" d={line.path} stroke-width={thickness(bad, seconds) + 0.4} />}
      <path class="hit" d={line.path} onPointerEnter={() => onHot(edge.id)} onPointerLeave={() => onHot('')} onClick={() => filter(edge)}>
        <title>{words.join('\n')}</title>
      </path>
      {bad > 0 && (
        <g class="cross" transform={`translate(${mark.x} ${mark.y})`}>
          <circle r="8" />
          <path d="m-3-3 6 6m0-6-6 6" />
        </g>
      )}
      {near && at && text && (
        <text x={at.x} y={at.y} class="middle">
          {text}
        </text>
      )}
    </g>
  );
}, shallow);
