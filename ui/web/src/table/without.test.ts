import { expect, it } from 'vitest';
import { narrowings } from './without';

const none = { filters: [], since: '', until: '', namespaces: [] };

it('takes each away for itself', () => {
  expect(narrowings(none)).toEqual([]);
  expect(narrowings({ ...none, filters: ['a', 'b'], since: '5m', namespaces: ['shop', 'dev'] })).toEqual([
    { name: 'a', rest: { filters: ['b'] } },
    { name: 'b', rest: { filters: ['a'] } },
    { name: 'the time range', rest: { since: '', until: '' } },
    { name: 'ns in {shop, dev}', rest: { namespaces: [] } },
  ]);
});

it('asks of five at most', () => {
  expect(narrowings({ ...none, filters: [...'abcdefgh'] })).toHaveLength(5);
});
