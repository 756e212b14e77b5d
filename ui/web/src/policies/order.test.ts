import { expect, it } from 'vitest';
import { COLUMNS, reordered, sorted } from './order';

it('a heading sorts numbers from the greatest, names from the first, and then the other way', () => {
  const column = (name: string) => COLUMNS.find((column) => column.name === name)!;
  expect(reordered('policy', column('decisions'))).toBe('-decisions');
  expect(reordered('-decisions', column('decisions'))).toBe('decisions');
  expect(reordered('decisions', column('decisions'))).toBe('-decisions');
  expect(reordered('-decisions', column('policy'))).toBe('policy');
  expect(reordered('policy', column('policy'))).toBe('-policy');
  expect(sorted('-rate', 'rate')).toBe('descending');
  expect(sorted('rate', 'rate')).toBe('ascending');
  expect(sorted('rate', 'open')).toBeUndefined();
});
