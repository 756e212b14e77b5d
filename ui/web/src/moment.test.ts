import { afterEach, describe, expect, it } from 'vitest';
import { momentText, readMoment } from './moment';
import { utc } from './zone';

// In Berlin; it is 13:00 there.
const NOW = Date.parse('2026-01-02T12:00:00Z');

afterEach(() => {
  utc.value = false;
});

describe('what people write', () => {
  it.each([
    ['02:40', '2026-01-02T01:40:00Z'],
    ['13:00:01', '2026-01-01T12:00:01Z'],
    ['2026-01-01', '2025-12-31T23:00:00Z'],
    ['2026-01-01 02:40', '2026-01-01T01:40:00Z'],
    [' 2025-07-01T02:40:05 ', '2025-07-01T00:40:05Z'],
    ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05Z'],
    ['2026-01-02T03:04:05+02:00', '2026-01-02T01:04:05Z'],
    ['-15m', '2026-01-02T11:45:00Z'],
    ['15m', '2026-01-02T11:45:00Z'],
    ['1h30m', '2026-01-02T10:30:00Z'],
  ])('%s', (text, wanted) => expect(new Date(readMoment(text, NOW, 'past') ?? 0).toISOString().replace('.000', '')).toBe(wanted));

  it.each([
    ['12:00', '2026-01-03T11:00:00Z'],
    ['17:00', '2026-01-02T16:00:00Z'],
    ['8h', '2026-01-02T20:00:00Z'],
    ['+8h', '2026-01-02T20:00:00Z'],
    ['-8h', '2026-01-02T04:00:00Z'],
  ])('ahead: %s', (text, wanted) => expect(new Date(readMoment(text, NOW, 'future') ?? 0).toISOString().replace('.000', '')).toBe(wanted));

  it.each(['', '25:00', '12:60', '2026-02-31', '2026-13-01', '2026-01-01 24:00', 'yesterday', '5', '-', '2026', '01/02/2026'])('no time: %s', (text) =>
    expect(readMoment(text, NOW, 'past')).toBeNull(),
  );
});

it('what a field shows is read back, in either zone', () => {
  for (const inUtc of [false, true]) {
    utc.value = inUtc;
    for (const time of [NOW, Date.parse('2026-07-02T00:30:00Z'), Date.parse('2026-03-29T00:59:59Z'), Date.parse('2026-03-29T01:00:00Z')]) {
      expect(readMoment(momentText(time), NOW, 'past')).toBe(time);
    }
  }
  utc.value = true;
  expect(momentText(NOW)).toBe('2026-01-02 12:00:00');
});
