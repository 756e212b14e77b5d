// Small drawings. Those that say nothing of their own are hidden from screen readers.

import { look } from './verdict';
import type { Verdict } from './openapi';

const PATHS = {
  pause: 'M4.500 3v8M9.500 3v8',
  play: 'm4.500 2.500 6.500 4.500-6.500 4.500z',
  close: 'm3.500 3.500 7 7m0-7-7 7',
  copy: 'M5 5h6v6H5zM3 9V3h6',
  plus: 'M7 3v8M3 7h8',
  minus: 'M3 7h8',
  link: 'M6 8.500a2.500 2.500 0 0 0 3.500 0l1.500-1.500A2.500 2.500 0 0 0 7.500 3.500L7 4M8 5.500a2.500 2.500 0 0 0-3.500 0L3 7a2.500 2.500 0 0 0 3.500 3.500L7 10',
  sun: 'M7 4.500a2.500 2.500 0 1 0 0 5 2.500 2.500 0 0 0 0-5M7 1v1.500M7 11.500V13M1 7h1.500M11.500 7H13M2.800 2.800l1 1M10.200 10.200l1 1M2.800 11.200l1-1M10.200 3.800l1-1',
  moon: 'M11.500 8.500A5 5 0 1 1 5.500 2.500a4 4 0 0 0 6 6z',
  auto: 'M7 2a5 5 0 1 0 0 10zM7 2a5 5 0 0 1 0 10',
  columns: 'M2.500 3h9v8h-9zM5.500 3v8M8.500 3v8',
  fit: 'M2.500 5V2.500H5M9 2.500h2.500V5M11.500 9v2.500H9M5 11.500H2.500V9',
  layout: 'M2.500 2.500h3v3h-3zM8.500 6h3v3h-3zM2.500 9h3v3h-3zM5.500 4h1.500v6.500H5.500M7 7.500h1.500',
  clock: 'M7 2a5 5 0 1 0 0 10A5 5 0 0 0 7 2M7 4.500V7l2 1.500',
  before: 'm8.500 3.500-3.500 3.500 3.500 3.500',
  down: 'm3.500 5.500 3.500 3.500 3.500-3.500',
  up: 'm3.500 8.500 3.500-3.500 3.500 3.500',
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg class="icon" viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** A verdict: shape and word, coloured. */
export function VerdictMark({ verdict, loud, says }: { verdict: Verdict | undefined; loud?: boolean; says?: string | undefined }) {
  const { word, tone, shape } = look(verdict);
  return (
    <span class={`verdict ${tone}${loud ? ' loud' : ''}`}>
      <svg class="shape" viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        <path d={shape} />
      </svg>
      {says ?? word}
    </span>
  );
}
