// What a link names may still be on its way: right after its start flows-ui has not read as far as that.

import { useEffect, useRef } from 'preact/hooks';
import { status } from '../state';

/** Before this (the begin of 2000, in Unix milliseconds) nobody recorded flows. */
const PLAUSIBLE = 946_684_800_000;

/** When a flow happened, by its id, in Unix milliseconds; 0 if it says none. */
export function happened(flow: string): number {
  const [time = '', mark] = flow.split('-');
  const ms = mark ? Number(time) / 1e6 : 0;
  return ms >= PLAUSIBLE ? ms : 0;
}

/** Between two tries, ms. */
const AGAIN = 1000;
/** How often it is asked for when flows-ui has read as far: another node may be later. */
const LATE = 5;

/** Whether what is not there may still come; then it is asked for again. `tries`: how often it has been. */
export function useComing(id: string, failed: boolean, tries: number, again: () => void): boolean {
  const late = useRef({ id, tries: 0 });
  if (late.current.id !== id) late.current = { id, tries: 0 };
  const time = happened(id);
  const { oldest, newest } = status.value?.held ?? {};
  const unread = oldest === undefined || newest === undefined || (time >= oldest && newest < time);
  const coming = failed && (unread || (time >= oldest && late.current.tries < LATE));
  useEffect(() => {
    if (!coming) return;
    const timer = setTimeout(() => {
      if (!unread) late.current.tries++;
      again();
    }, AGAIN);
    return () => clearTimeout(timer);
  }, [coming, unread, tries, id]);
  return coming;
}
