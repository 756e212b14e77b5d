// Run in a zone that isn't UTC: see `package.json`.

import { afterEach, expect, it } from 'vitest';
import { clock, inZone, stamp } from './format';
import { day, days, ticks } from './histogram/scale';
import { momentText, readMoment } from './moment';
import { offsetName, parts, utc, zoneName } from './zone';

const WINTER = Date.UTC(2026, 0, 2, 23, 4, 5, 6);
const SUMMER = Date.UTC(2026, 6, 2, 23, 4, 5, 6);

afterEach(() => (utc.value = false));

it('runs where clocks are not those of Greenwich', () => {
  expect(Intl.DateTimeFormat().resolvedOptions().timeZone).toBe('Europe/Berlin');
});

it.each([
  [false, WINTER, '2026-01-03 00:04:05.006 CET'],
  [true, WINTER, '2026-01-02 23:04:05.006 UTC'],
  [false, SUMMER, '2026-07-03 01:04:05.006 CEST'],
  [true, SUMMER, '2026-07-02 23:04:05.006 UTC'],
])('in UTC %s, %d is %s', (inUtc, time, text) => {
  utc.value = inUtc;
  expect(stamp(time)).toBe(text);
  expect(text).toContain(clock(time));
  expect(parts(time).minute).toBe(4);
  // What a field has is read back as it was shown.
  const seconds = Math.floor(time / 1000) * 1000;
  expect(readMoment(momentText(time), time, 'past')).toBe(seconds);
});

it('texts of the server are in the same zone', () => {
  const text = 'it happened at 2026-01-02T23:04:05.006Z, and what is held begins at 2026-07-02T23:04:05Z';
  expect(inZone(text)).toBe('it happened at 2026-01-03 00:04:05.006 CET, and what is held begins at 2026-07-03 01:04:05.000 CEST');
  expect(inZone('2026-99-99T00:00:00Z and v1.2Z')).toBe('2026-99-99T00:00:00Z and v1.2Z');
});

it('the axis is in the same zone', () => {
  const histogram = { start: WINTER, width: 3_600_000, passed: Array<number>(20).fill(1), dropped: [], lost: [], outages: [] };
  expect(days(histogram)).toBe('3 Jan 2026, CET');
  const marks = ticks(histogram, 8).ticks.map(({ time }) => clock(time, 60_000));
  expect(marks[0]).toBe('03:00');
  utc.value = true;
  expect(day(WINTER)).toBe('2 Jan');
  expect(days(histogram)).toBe('2 Jan – 3 Jan 2026, UTC');
  // Midnight there.
  expect(ticks(histogram, 8).ticks.map(({ time }) => clock(time, 60_000))[0]).toBe('00:00');
});

it('zones have names', () => {
  expect(zoneName(WINTER)).toBe('CET');
  expect([0, -60, 210, -330].map(offsetName)).toEqual(['UTC', 'UTC+1', 'UTC-3:30', 'UTC+5:30']);
  expect(zoneName(Number.MAX_VALUE)).toBe('UTC');
});
