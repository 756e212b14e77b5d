// Has the text checked, a moment after somebody stopped writing: one check at a time.

import { computed, effect, signal } from '@preact/signals';
import { ApiError, said, send } from '../api';
import type { PolicyCheck } from '../openapi';
import { hidden, stream } from '../state';
import { draft } from './draft';

/** Without a letter for so long somebody has stopped, ms. */
const PAUSE = 500;
/** After a refusal that is over soon. */
const AGAIN = 1000;
/** As much as the server takes, bytes. */
const LONGEST = 1 << 20;

/** An answer, and the text that it is about. */
export const answer = signal<{ text: string; found: PolicyCheck } | null>(null);
/** Why there is none for the present text. */
export const failure = signal('');
/** Whether one is on its way. */
export const checking = signal(false);
/** Asks for it again though the text is the same. */
export const again = signal(0);

const connected = computed(() => !hidden.value && stream.value.state === 'open');

/** Why a text is not even asked about; empty: it is. */
export function tooLarge(text: string): string {
  const bytes = new TextEncoder().encode(JSON.stringify({ yaml: text })).length;
  return bytes > LONGEST ? `The text has ${(bytes / LONGEST).toFixed(1)} MiB; at most 1 MiB is checked. Split it.` : '';
}

/** Checks while the editor is shown; returns what ends that. */
export function follow(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let busy = false;
  const abort = new AbortController();
  const check = async () => {
    const text = draft.peek();
    failure.value = tooLarge(text);
    if (failure.value) {
      checking.value = false;
      return;
    }
    busy = true;
    try {
      const found = await send('/api/policy/check', { yaml: text }, abort.signal);
      answer.value = { text, found };
    } catch (error) {
      if (abort.signal.aborted) return;
      if (error instanceof ApiError && error.problem.status === 429) {
        busy = false;
        return plan(AGAIN);
      }
      if (draft.peek() === text) failure.value = said(error);
    }
    busy = false;
    // What was written meanwhile is next.
    if (draft.peek() !== text) plan(PAUSE);
    else checking.value = false;
  };
  const plan = (wait: number) => {
    clearTimeout(timer);
    checking.value = true;
    if (!busy) timer = setTimeout(() => void check(), wait);
  };
  const stop = effect(() => {
    const text = draft.value;
    again.value;
    if (text.trim() === '') {
      clearTimeout(timer);
      answer.value = null;
      failure.value = '';
      checking.value = false;
      return;
    }
    // The first time, and when flows-ui is back, whatever is known may be of before.
    if (connected.value) plan(PAUSE);
  });
  return () => {
    stop();
    clearTimeout(timer);
    abort.abort();
    checking.value = false;
  };
}
