import { describe, expect, it } from 'vitest';
import { bars, bucketAt, covered, hatched, height, highest, noData, tickText, ticks } from './scale';

const HISTOGRAM = {
  start: 1_000_000,
  width: 1000,
  passed: [4, 0, 0, 900],
  dropped: [0, 4, 0, 1],
  lost: [0, 0, 7, 0], outages: [],
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
it('parts of the width are buckets', () => {
  expect([-1, 0, 0.3, 0.99, 2].map((part) => bucketAt(HISTOGRAM, part))).toEqual([0, 0, 1, 3, 3]);
  expect(covered(HISTOGRAM, 2, 1)).toEqual({ since: 1_001_000, until: 1_003_000 });
});

describe('times of which there are no data', () => {
  const histogram = (outages: [string, number, number][]) => ({
    start: 1000,
    width: 10,
    passed: Array<number>(10).fill(1),
    dropped: [],
    lost: [],
    outages: outages.map(([node, since, until]) => ({ node, since, until })),
  });

  it.each<[string, [string, number, number][], [number, number, string][]]>([
    ['none', [], []],
    ['one', [['one', 1020, 1050]], [[0.2, 0.3, 'no data from one']]],
    ['beyond both ends', [['one', 0, 5000]], [[0, 1, 'no data from one']]],
    ['two at a time', [['one', 1000, 1050], ['two', 1020, 1070]], [[0, 0.2, 'no data from one'], [0.2, 0.3, 'no data from one, two'], [0.5, 0.2, 'no data from two']]],
    ['one after the other', [['one', 1000, 1020], ['one', 1020, 1040]], [[0, 0.4, 'no data from one']]],
    ['all', [['', 1000, 1050], ['one', 1000, 1050]], [[0, 0.5, 'no data: no connection']]],
    ['a hostile name', [['a\u202eb', 1000, 1100]], [[0, 1, 'no data from a<U+202E>b']]],
  ])('%s', (_, outages, spans) => {
    const found = hatched(histogram(outages));
    expect(found.map(({ text }) => text)).toEqual(spans.map(([, , text]) => text));
    found.forEach(({ left, width }, at) => {
      expect(left).toBeCloseTo(spans[at]?.[0] ?? NaN);
      expect(width).toBeCloseTo(spans[at]?.[1] ?? NaN);
    });
  });

  it('are said of a bar', () => {
    const of = histogram([['one', 1020, 1050]]);
    expect(noData(of, covered(of, 1, 1))).toBe('');
    expect(noData(of, covered(of, 2, 2))).toBe('no data from one');
  });
});
