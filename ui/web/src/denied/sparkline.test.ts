import { expect, it } from 'vitest';
import { sparkline } from './sparkline';

it('draws a bar for each count, and none for nothing', () => {
  expect(sparkline([0, 0])).toBe('');
  expect(sparkline([])).toBe('');
  expect(sparkline([10, 0, 5])).toBe('M0.1 10V0H0.9V10ZM2.1 10V5H2.9V10Z');
  // One beside a thousand is seen.
  expect(sparkline([1000, 1])).toContain('M1.1 10V8.5H');
});
