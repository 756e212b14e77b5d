import { expect, it } from 'vitest';
import type { Change, Histogram } from '../openapi';
import { changed, lines, marks, one } from './marks';

const histogram: Histogram = { start: 0, width: 1000, passed: Array(100).fill(0), dropped: Array(100).fill(0), lost: Array(100).fill(0), outages: [] };

function change(time: number, object = `cnp shop/n${time}`): Change {
  return { time, action: 'changed', object, kind: 'CiliumNetworkPolicy', summary: 'lost rule ingress[0]', place: '', revision: 7, nodes: ['one'], while_away: false };
}

it('folds those that are near each other, and leaves out those of other times', () => {
  const found = marks([change(-1), change(1000), change(1500), change(50_000), change(100_001)], histogram, 0.02);
  expect(found.map(({ at, changes }) => [at, changes.length])).toEqual([
    [0.01, 2],
    [0.5, 1],
  ]);
  expect(marks([change(5)], { ...histogram, passed: [] }, 0.02)).toEqual([]);
});

it('tells of the first ones, and how many more there are', () => {
  const mark = { at: 0, changes: Array.from({ length: 9 }, (_, at) => change(at * 1000)) };
  const told = lines(mark);
  expect(told).toHaveLength(7);
  expect(told[0]).toMatch(/^01:00:00 cnp shop\/n0 lost rule ingress\[0\], revision 7$/);
  expect(told[6]).toBe('and 3 more changes');
});

it('tells of each one by itself', () => {
  const mark = { at: 0, changes: [change(0), { ...change(1000), place: 'shop.yaml:3' }] };
  expect(one(mark, 1)).toEqual(['2 of 2, 01:00:01 cnp shop/n1000 lost rule ingress[0]', 'revision 7, on one, at shop.yaml:3']);
  expect(one({ at: 0, changes: [change(0)] }, 0)[0]).toBe('01:00:00 cnp shop/n0 lost rule ingress[0]');
  expect(one(mark, 2)).toEqual([]);
});

it('says what changed in a stretch of time', () => {
  const all = [change(1000), change(1500)];
  expect(changed(all, { since: 0, until: 1000 })).toBe('');
  expect(changed(all, { since: 1000, until: 1001 })).toBe('changed: cnp shop/n1000 lost rule ingress[0]');
  expect(changed(all, { since: 0, until: 5000 })).toBe('2 changes: cnp shop/n1000 lost rule ingress[0], …');
});
