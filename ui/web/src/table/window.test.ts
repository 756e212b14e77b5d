import { describe, expect, it } from 'vitest';
import { HIGHEST, offset, reveal, scrollHeight, seen } from './window';

const small = { total: 100, row: 25, view: 500 };
const huge = { total: 1_000_000, row: 25, view: 500 };

describe('a small table', () => {
  it('scrolls by its own height', () => {
    expect(scrollHeight(small)).toBe(2500);
    expect(offset(small, 700)).toBe(700);
    expect(offset(small, 9999)).toBe(2000);
  });

  it('shows what is seen and one row more', () => {
    expect(seen(small, 0)).toEqual({ first: 0, last: 21, shift: 0 });
    expect(seen(small, 110)).toEqual({ first: 3, last: 26, shift: -35 });
    expect(seen(small, 2000)).toEqual({ first: 79, last: 100, shift: -25 });
  });

  it('of few rows does not scroll', () => {
    expect(scrollHeight({ ...small, total: 3 })).toBe(500);
    expect(seen({ ...small, total: 3 }, 0)).toEqual({ first: 0, last: 3, shift: 0 });
    expect(seen({ ...small, total: 0 }, 0)).toEqual({ first: 0, last: 0, shift: 0 });
  });
});

describe('a table of a million rows', () => {
  it('is not higher than browsers can', () => expect(scrollHeight(huge)).toBe(HIGHEST));

  it('has both ends, and every row', () => {
    expect(seen(huge, 0).first).toBe(0);
    expect(seen(huge, HIGHEST).last).toBe(1_000_000);
    for (const index of [0, 1, 499_999, 999_998, 999_999]) {
      for (const top of [0, HIGHEST / 2, HIGHEST]) {
        const { first, last } = seen(huge, reveal(huge, top, index));
        expect(first).toBeLessThanOrEqual(index);
        expect(last).toBeGreaterThan(index);
      }
    }
  });
});

it('what is seen is not scrolled to', () => {
  expect(reveal(small, 100, 5)).toBe(100);
  expect(reveal(small, 100, 0)).toBe(0);
  expect(reveal(small, 0, 20)).toBe(25);
});
