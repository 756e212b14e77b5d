import { expect, it } from 'vitest';
import { bars, bucketAt, covered, height, highest, tickText, ticks, zone } from './scale';

const HISTOGRAM = {
  start: 1_000_000,
  width: 1000,
  passed: [4, 0, 0, 900],
  dropped: [0, 4, 0, 1],
  lost: [0, 0, 7, 0],
};

it('the highest bucket counts both', () => {
  expect(highest(HISTOGRAM)).toBe(901);
  expect(highest({ ...HISTOGRAM, passed: [], dropped: [] })).toBe(0);
});

it('a single drop beside a thousand flows is seen', () => {
  expect(height(1, 10_000)).toBe(0.01);
  const path = bars(HISTOGRAM, 'dropped', 901);
  expect(path.split('Z').length - 1).toBe(2);
  expect(path).toContain('M3.08 100V94H3.92V100Z');
});

it('bars of what passed stand on the drops', () => {
  const path = bars(HISTOGRAM, 'passed', 901);
  expect(path).toMatch(/^M0.08 100V/);
  expect(path).toContain('M3.08 94V0H3.92V94Z');
  expect(path.split('Z').length - 1).toBe(2);
});

it.each([
  [4, 1000, 4],
  [2, 2000, 2],
  [1, 5000, 1],
])('at most %d ticks', (most, step, count) => {
  const found = ticks(HISTOGRAM, most, 0);
  expect(found.step).toBe(step);
  expect(found.ticks).toHaveLength(count);
  for (const { time, at } of found.ticks) {
    expect(time % step).toBe(0);
    expect(at).toBeGreaterThanOrEqual(0);
    expect(at).toBeLessThan(1);
  }
});

it('ticks of days begin at the reader\'s midnight', () => {
  const days = { ...HISTOGRAM, start: 0, width: 86_400_000 };
  const { step, ticks: found } = ticks(days, 4, -60);
  expect(step).toBe(86_400_000);
  expect(found[0]?.time).toBe(23 * 3_600_000);
});

it.each([1, 4, 9, 25, 50, 100, 400, 1000, 5000])('%d minutes have enough ticks', (minutes) => {
  const found = ticks({ ...HISTOGRAM, start: 1_000_000, width: minutes * 15_000 }, 8, 0).ticks;
  expect(found.length).toBeGreaterThanOrEqual(2);
  expect(found.length).toBeLessThanOrEqual(8);
});

it('midnight says the day', () => {
  const midnight = new Date(2026, 10, 23).getTime();
  expect([tickText(midnight, 3_600_000), tickText(midnight + 3_600_000, 3_600_000), tickText(midnight, 1000)]).toEqual(['23 Nov', '01:00', '00:00:00']);
});

it.each([[0, 'UTC'], [-60, 'UTC+1'], [210, 'UTC-3:30'], [-345, 'UTC+5:45']])('%d minutes west are %s', (west, text) => {
  expect(zone(0, west)).toBe(text);
});

it('parts of the width are buckets', () => {
  expect([-1, 0, 0.3, 0.99, 2].map((part) => bucketAt(HISTOGRAM, part))).toEqual([0, 0, 1, 3, 3]);
  expect(covered(HISTOGRAM, 2, 1)).toEqual({ since: 1_001_000, until: 1_003_000 });
});
