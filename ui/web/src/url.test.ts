import { describe, expect, it } from 'vitest';
import { decode, encode, FIRST_VIEW, known, type View } from './url';

const FULL: View = {
  panel: 'flows',
  filters: ['verdict == DROPPED', 'src.pod ~ "a/*" and dst.port in {53, 443}'],
  since: '1763881200000',
  until: '5m',
  namespaces: ['production', 'kube-system'],
  toggled: ['staging', '-shop'],
  matrix: ['shop'],
  columns: ['timestamp', 'source'],
  sort: 'source',
  at: 123,
  run: '1763881200000.5',
  flow: '1767323045500000000-00000000-0000-4000-8000-0123456789ab',
  unit: 'events',
  connection: '1767323045500000000-0123456789abcdef',
  policy: null,
  words: '',
  order: 'policy',
  workload: null,
  unacknowledged: true,
  utc: true,
};

describe('addresses', () => {
  it('say what is looked at, and nothing of the first view', () => {
    expect(encode(FIRST_VIEW)).toBe('');
    expect(decode('')).toEqual(FIRST_VIEW);
    expect(decode(encode(FULL))).toEqual(FULL);
    const policies: View = { ...FULL, panel: 'policies', policy: 'cnp shop/web', words: 'shop deny', order: '-decisions' };
    expect(decode(encode(policies))).toEqual(policies);
    const workload: View = { ...FULL, panel: 'workload', workload: 'shop/web' };
    expect(decode(encode(workload))).toEqual(workload);
    // What another view is about is no part of this one's address.
    expect(encode({ ...policies, panel: 'flows' })).toBe(encode(FULL));
  });

  it.each([
    ['show=everything', { panel: 'split' }],
    ['at=-1&run=5&flow=a%2Fb', { at: null, run: '', flow: null }],
    [`flow=${'x'.repeat(91)}`, { flow: null }],
    ['f=&f=%20&f=x', { filters: ['x'] }],
    ['cols=,,a,', { columns: ['a'] }],
    ['sort=', { sort: '-timestamp' }],
    ['show=policies&policy=&order=x%20y', { policy: null, order: 'policy' }],
    ['unit=packets&connection=%22', { unit: 'connections', connection: null }],
  ])('leave out what makes no sense: %s', (query, part) => {
    expect(decode(query)).toMatchObject(part);
  });

  it.each([
    [['timestamp', 'foo'], '-foo', ['timestamp'], '-timestamp', ['foo']],
    [['foo'], '-source', [], '-source', ['foo']],
    [['source'], 'bar', ['source'], '-timestamp', ['bar']],
    [['source'], 'source', ['source'], 'source', []],
  ])('lose columns that there are not: %j by %s', (columns, sort, left, by, unknown) => {
    const found = known({ ...FULL, columns, sort }, ['timestamp', 'source']);
    expect(found).toEqual({ view: { ...FULL, columns: left, sort: by }, unknown });
  });
});
