// A card of the map: a workload, something outside, or a closed namespace.

import { counted, rate, short } from '../format';
import { memo, shallow } from '../memo';
import { withFilter, negated } from '../filter/terms';
import { workloadPage } from '../link';
import { workloadOf } from '../workload/name';
import { go, view } from '../state';
import { refused, type Card } from './graph';
import type { Box } from './layout';
import { denied } from './words';

interface Props {
  card: Card;
  place: Box;
  seconds: number;
  onHot: (id: string) => void;
  onToggle: (namespace: string) => void;
}

/** Shapes by what it is, in a box of 14 by 14. */
const SHAPES: Record<Card['kind'], string> = {
  workload: 'M7 1.500 12 4.300v5.400L7 12.500 2 9.700V4.300zM2 4.300l5 2.900 5-2.900M7 7.200v5.300',
  pod: 'M7 1.500 12 4.300v5.400L7 12.500 2 9.700V4.300z',
  service: 'M7 1.500v3M7 4.500 2.500 9.500M7 4.500l4.500 5M1 9.500h3v3H1zM10 9.500h3v3h-3z',
  world: 'M7 1.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11M1.500 7h11M7 1.500c-4 3.500-4 7.500 0 11c4-3.500 4-7.500 0-11',
  dns: 'M7 1.500a5.500 5.500 0 1 0 0 11 5.500 5.500 0 0 0 0-11M1.500 7h11M7 1.500c-4 3.500-4 7.500 0 11c4-3.500 4-7.500 0-11',
  host: 'M2 2.500h10v3.500H2zM2 8h10v3.500H2zM4 4.300h.1M4 9.800h.1',
  entity: 'M7 2a5 5 0 1 0 0 10A5 5 0 0 0 7 2',
  address: 'M3 5h8M3 9h8M5.500 2.500l-1 9M9.500 2.500l-1 9',
  namespace: 'M2 3.500h4l1 1.500h5v6.500H2z',
};

/** Opens a namespace; filters by anything else. */
export function activate(card: Card, exclude: boolean, onToggle: (namespace: string) => void): void {
  if (card.kind === 'namespace') return onToggle(card.title);
  go({ filters: withFilter(view.value.filters, exclude ? negated(card.term) : card.term) });
}

/** Opens the page of a workload or pod; says whether there is one. */
function openPage({ kind, term }: Card): boolean {
  const workload = kind === 'workload' || kind === 'pod' ? workloadOf(term) : null;
  if (workload !== null) go(workloadPage(workload));
  return workload !== null;
}

/** A card in words. */
export function described({ group, title, inward, outward }: Card, seconds: number): string {
  const dropped = inward.dropped + outward.dropped;
  const requests = inward.denied + outward.denied;
  return (
    `${group ? `${group}/` : ''}${title}: incoming ${rate(inward.flows, seconds)}, outgoing ${rate(outward.flows, seconds)}` +
    (dropped ? `, ${denied(dropped)}` : '') +
    (requests ? `, ${counted(requests, 'request')} denied` : '')
  );
}

export const CardView = memo<Props>(function CardView({ card, place, seconds, onHot, onToggle }) {
  const { inward } = card;
  const label = described(card, seconds);
  return (
    <button
      class={`card ${card.kind}${refused(inward) ? ' refuses' : ''}`}
      style={{ transform: `translate(${place.x}px, ${place.y}px)`, width: `${place.w}px`, height: `${place.h}px` }}
      title={`${label}\n${card.kind === 'namespace' ? 'Click to expand' : 'Click to filter by it, Shift-click to exclude it, right-click or w for its page'}`}
      data-card={card.id}
      onClick={(event) => activate(card, event.shiftKey, onToggle)}
      onContextMenu={(event) => {
        if (openPage(card)) event.preventDefault();
      }}
      onKeyDown={(event) => {
        if (event.key === 'w' && openPage(card)) event.preventDefault();
      }}
      onPointerEnter={() => onHot(card.id)}
      onPointerLeave={() => onHot('')}
      onFocus={() => onHot(card.id)}
      onBlur={() => onHot('')}
    >
      <span class="title">
        <svg class="icon" viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
          <path d={SHAPES[card.kind]} />
        </svg>
        <b>{card.title}</b>
        {card.kind === 'namespace' && <span class="members">{card.members}</span>}
      </span>
      <span class="hidden">{label}</span>
      {card.ports.map(({ name, flows, dropped, denied }) => (
        <span class={`port${dropped + denied ? (dropped === flows ? ' closed' : ' partly') : ''}`} key={name}>
          <span class="plug" aria-hidden="true" />
          <span class="number">{name || 'others'}</span>
          <span class="amount">
            {dropped + denied > 0 && <span class="drops">✕ {short(dropped + denied)}</span>}
            {flows > dropped && rate(flows - dropped, seconds)}
          </span>
        </span>
      ))}
    </button>
  );
}, shallow);
