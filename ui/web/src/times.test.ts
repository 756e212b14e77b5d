import { describe, expect, it } from 'vitest';
import { begin } from './times';

describe('times', () => {
  it.each([
    ['1763881200000', 1763881200000],
    ['5m', 700_000],
    ['1h30s', 1_000_000 - 3_630_000],
    ['2026-01-02T03:04:05Z', 1767323045000],
    ['', null],
    ['5', null],
    ['m', null],
    ['5m later', null],
    ['yesterday', null],
  ])('%s', (text, wanted) => expect(begin(text, 1_000_000)).toBe(wanted));
});
