// Older flows, out of the servers' history.

import { signal } from '@preact/signals';
import { ask, said } from './api';
import { status } from './state';
import { begin } from './times';

export const fetching = signal(false);
/** Why the last try gave nothing. */
export const olderError = signal('');

/** Fetches a portion, or all since a time; the server puts them before what it holds. */
export async function fetchOlder(since = ''): Promise<void> {
  if (fetching.peek() || status.peek()?.held.older !== 'more') return;
  fetching.value = true;
  olderError.value = '';
  try {
    for (;;) {
      const before = status.peek()?.held.first;
      const { first, oldest, older, added } = await ask('/api/older', { before, since });
      const now = status.peek();
      if (now) status.value = { ...now, held: { ...now.held, first, older, ...(oldest === undefined ? {} : { oldest }) } };
      const from = begin(since, Date.now());
      if (from === null || oldest === undefined || oldest <= from || older !== 'more' || added === 0) return;
    }
  } catch (error) {
    olderError.value = said(error);
  } finally {
    fetching.value = false;
  }
}
