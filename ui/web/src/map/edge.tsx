// An edge of the map. What is dropped is a dashed line of its own with a cross, whatever the colours.

import { bytes, counted, rate } from '../format';
import { withFilter } from '../filter/terms';
import { go, view } from '../state';
import type { Edge } from './graph';
import type { Box } from './layout';
import { line, thickness } from './lines';

interface Props {
  edge: Edge;
  from: Box;
  to: Box;
  seconds: number;
  near: boolean;
  hot: boolean;
  dim: boolean;
  title: string;
  onHot: (id: string) => void;
}

function filter(edge: Edge): void {
  const { terms } = edge;
  const term = terms.length === 1 ? terms[0] : terms.map((term) => `(${term})`).join(' or ');
  if (term) go({ filters: withFilter(view.value.filters, term) });
}

export function EdgeView({ edge, from, to, seconds, near, hot, dim, title, onHot }: Props) {
  const { path, x, y } = line(edge, from, to);
  const passed = edge.flows - edge.dropped;
  const words = [
    `${title}${edge.label ? ` ${edge.label}` : ''}`,
    `${counted(edge.flows, 'flow')}, ${rate(edge.flows, seconds)}`,
    ...(edge.bytes ? [bytes(edge.bytes)] : []),
    ...(edge.dropped ? [`${counted(edge.dropped, 'drop')}: ${edge.reasons.join(', ') || 'no reason told'}`] : []),
  ];
  const text = edge.dropped && !hot ? rate(edge.dropped, seconds) : [rate(edge.flows, seconds), ...(edge.bytes ? [bytes(edge.bytes)] : [])].join(' · ');
  const says = near && (hot || edge.dropped > 0);
  return (
    <g class={`edge${edge.dropped ? ' dropped' : ''}${hot ? ' hot' : ''}${dim ? ' dim' : ''}`} data-edge={edge.id}>
      {passed > 0 && <path class="line" d={path} stroke-width={thickness(passed, seconds)} />}
      {edge.dropped > 0 && <path class="line bad" d={path} stroke-width={thickness(edge.dropped, seconds) + 0.4} />}
      <path class="hit" d={path} onPointerEnter={() => onHot(edge.id)} onPointerLeave={() => onHot('')} onClick={() => filter(edge)}>
        <title>{words.join('\n')}</title>
      </path>
      {edge.dropped > 0 && (
        <g class="cross" transform={`translate(${x} ${y})`}>
          <circle r="8" />
          <path d="m-3-3 6 6m0-6-6 6" />
        </g>
      )}
      {says && (
        <text x={x} y={y - (edge.dropped ? 13 : 7)} class="middle">
          {text}
        </text>
      )}
    </g>
  );
}
