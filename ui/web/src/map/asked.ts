// What an edge carried of requests, in words.

import { counted, latency, whole } from '../format';
import type { Edge } from './graph';

/** `p50 1.4 ms`; of several edges in one `p50 0.42 ms to 1.4 ms`; empty if no answer is known. */
export function p50({ carried }: Pick<Edge, 'carried'>): string {
  if (!carried.latency) return '';
  const [least, most] = carried.latency.map(latency);
  return least === most ? `p50 ${least}` : `p50 ${least} to ${most}`;
}

/** `12 requests, 3 denied, p50 1.4 ms`; empty without any. */
export function asked(edge: Pick<Edge, 'carried' | 'denied'>): string {
  const { total, failed } = edge.carried;
  if (total === 0) return '';
  return [counted(total, 'request'), edge.denied ? `${whole(edge.denied)} denied` : '', failed ? `${whole(failed)} failed` : '', p50(edge)].filter(Boolean).join(', ');
}
