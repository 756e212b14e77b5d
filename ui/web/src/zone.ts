// The one clock of the page: every time that is shown is in this zone, the reader's own or UTC.

import { signal } from '@preact/signals';

/** Whether times are shown in UTC, and not in the browser's zone. The address has it. */
export const utc = signal(false);

export interface Parts {
  year: number;
  /** From 0. */
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  ms: number;
}

/** Minutes by which the zone is west of Greenwich at a time (Unix milliseconds). */
export function west(time: number): number {
  return utc.value ? 0 : new Date(time).getTimezoneOffset();
}

/** What clock and calendar say at a time. */
export function parts(time: number): Parts {
  // The clock of the zone, read as if it were UTC.
  const date = new Date(time - west(time) * 60_000);
  return {
    year: date.getUTCFullYear(),
    month: date.getUTCMonth(),
    day: date.getUTCDate(),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    ms: date.getUTCMilliseconds(),
  };
}

/** `UTC`, `UTC+1`, `UTC-3:30`. */
export function offsetName(west: number): string {
  if (west === 0) return 'UTC';
  const [hours, minutes] = [Math.floor(Math.abs(west) / 60), Math.abs(west) % 60];
  return `UTC${west < 0 ? '+' : '-'}${hours}${minutes ? `:${String(minutes).padStart(2, '0')}` : ''}`;
}

/** English as it is spoken around the world: each knows the names of other zones. */
const ENGLISH = ['en-US', 'en-GB', 'en-AU', 'en-CA', 'en-IN', 'en-ZA', 'en-NZ'];
const NAMES = ENGLISH.map((locale) => new Intl.DateTimeFormat(locale, { timeZoneName: 'short' }));

/** What the zone is called at a time: `CET`, `UTC`; `UTC+4` where it has no letters. */
export function zoneName(time: number): string {
  if (utc.value || Number.isNaN(new Date(time).getTime())) return 'UTC';
  for (const names of NAMES) {
    const name = names.formatToParts(time).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    if (name !== '' && !/^(GMT|UTC)./.test(name)) return name;
  }
  return offsetName(west(time));
}
