// What people said of incidents: asked for while the incidents are shown.

import { computed, effect, signal } from '@preact/signals';
import { ask } from '../api';
import { hidden, incidents, stream, view } from '../state';
import type { Acknowledgements } from '../openapi';
import { incidentOf, opened } from './incident';

/** Between two looks, ms; and at a server that keeps none. */
const EVERY = 5000;
const NONE = 60_000;

/** What is known; `null` before the first answer. */
export const known = signal<Acknowledgements | null>(null);

/** Looks again now. */
export async function look(signal?: AbortSignal): Promise<void> {
  const next = await ask('/api/acknowledgements', {}, signal).catch(() => null);
  if (next && !signal?.aborted) known.value = next;
}

const looking = computed(() => !hidden.value && stream.value.state === 'open' && view.value.at === null);

/** Looks again and again; returns what ends that. */
export function follow(): () => void {
  return effect(() => {
    if (!looking.value) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const next = async () => {
      await look(abort.signal);
      if (!abort.signal.aborted) timer = setTimeout(() => void next(), known.peek()?.available === false ? NONE : EVERY);
    };
    void next();
    return () => (clearTimeout(timer), abort.abort());
  });
}

/** Which incident the drawer is about: its newest connection or request becomes another one. */
export const chosen = signal<{ id: string; connection: string } | null>(null);

/** By incident. */
export const byIncident = computed(() => new Map((known.value?.acknowledgements ?? []).map((one) => [one.incident, one])));

/** The incident that the drawer is about. */
export const openIncident = computed(() => {
  const shown = opened(view.value);
  return view.value.panel === 'denied' && shown !== null ? incidentOf(incidents.value?.incidents ?? [], shown, chosen.value) : undefined;
});
