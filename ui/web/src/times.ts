// Times as the address has them: milliseconds of Unix time, or durations before now.

import { utc, west } from './zone';

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Unix milliseconds of a time; `null` if it is none. */
export function begin(text: string, now: number): number | null {
  if (/^\d{11,14}$/.test(text)) return Number(text);
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (parts.length && parts.map(([part]) => part).join('') === text) {
    return now - parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0), 0);
  }
  const time = Date.parse(text);
  return /^\d{4}-/.test(text) && !Number.isNaN(time) ? time : null;
}

/** For a field of the browser, which wants the time in the zone of the page without its name. */
export function local(time: number): string {
  return new Date(time - west(time) * 60_000).toISOString().slice(0, 19);
}

/** What such a field has, in Unix milliseconds; NaN for none. */
export function fromField(text: string): number {
  return new Date(utc.value && text ? `${text}Z` : text).getTime();
}
