// Times as people write them: `02:40`, `2026-01-02 02:40`, `-15m`, RFC 3339.

import { duration } from './times';
import { parts, west } from './zone';

/** Which of several days a time of day is of. */
export type Side = 'past' | 'future';

/**
 * Unix milliseconds of a text in the zone of the page; `null` if it is none. A time of day is the last one before `now`, or the
 * next; a duration counts from now.
 */
export function readMoment(text: string, now: number, side: Side): number | null {
  const trimmed = text.trim();
  const ago = duration(trimmed.replace(/^[-+]/, ''));
  if (ago !== null) return now + (trimmed.startsWith('+') || (side === 'future' && !trimmed.startsWith('-')) ? ago : -ago);
  const clock = /^(\d{1,2}):(\d\d)(?::(\d\d))?$/.exec(trimmed);
  if (clock) {
    const [hour, minute, second] = [Number(clock[1]), Number(clock[2]), Number(clock[3] ?? 0)];
    if (hour > 23 || minute > 59 || second > 59) return null;
    const { year, month, day } = parts(now);
    const today = zoned(Date.UTC(year, month, day, hour, minute, second));
    if (side === 'past') return today > now ? zoned(Date.UTC(year, month, day - 1, hour, minute, second)) : today;
    return today <= now ? zoned(Date.UTC(year, month, day + 1, hour, minute, second)) : today;
  }
  const date = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?)?$/.exec(trimmed);
  if (date) {
    const [year, month, day, hour, minute, second] = date.slice(1).map((digits) => Number(digits ?? 0)) as [number, number, number, number, number, number];
    const time = Date.UTC(year, month - 1, day, hour, minute, second);
    const read = new Date(time);
    // The 31st of February is none.
    if (read.getUTCMonth() !== month - 1 || read.getUTCDate() !== day || hour > 23 || minute > 59 || second > 59) return null;
    return zoned(time);
  }
  const time = Date.parse(trimmed);
  return /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:?\d\d)$/i.test(trimmed) && !Number.isNaN(time) ? time : null;
}

/** The moment at which clocks of the zone say this, given as if they were in UTC. */
function zoned(time: number): number {
  const near = time + west(time) * 60_000;
  return time + west(near) * 60_000;
}

/** `2026-01-02 02:40:00` in the zone of the page: what [`readMoment`] reads. */
export function momentText(time: number): string {
  return new Date(time - west(time) * 60_000).toISOString().slice(0, 19).replace('T', ' ');
}
