import { expect, it } from 'vitest';
import type { PolicyEntry, PolicyLint } from '../openapi';
import { hits, pace, summed, worst } from './words';

const entry = (of: Partial<PolicyEntry>): PolicyEntry => ({
  policy: 'cnp shop/web', kind: 'cnp', namespace: 'shop', name: 'web', meaning: '', state: 'enforced', pods: 0, workloads: [], workloads_hidden: 0,
  rules: 1, never_hit: 0, decisions: 0, open: 0, denied: 0, term: '', findings: [], ...of,
});
const finding = (severity: PolicyLint['severity']): PolicyLint => ({ severity, code: severity, line: 1, column: 1, field: '', problem: '', remedy: '' });

it('says how often a policy decided, and nothing of one that can not have', () => {
  expect(hits(entry({ decisions: 12345 }), true)).toBe('12,345');
  expect(hits(entry({ decisions: 1 }), false)).toBe('1 connection');
  expect(hits(entry({ decisions: 9, denied: 2 }), false)).toBe('9 connections, 2 denied');
  expect(hits(entry({}), true)).toBe('never hit');
  expect(hits(entry({ state: 'refused' }), true)).toBe('');
});

it('tells a rate of nothing from one that is not known', () => {
  expect(pace(entry({}))).toBe('');
  expect(pace(entry({ rate: 0 }))).toBe('0/s');
  expect(pace(entry({ rate: 12.34 }))).toBe('12/s');
});

it('sums findings up, the worst first', () => {
  const findings = ['note', 'warning', 'note'].map((severity) => finding(severity as PolicyLint['severity']));
  expect(summed(findings)).toBe('1 warning, 2 notes');
  expect(worst(findings).map(({ severity }) => severity)).toEqual(['warning', 'note', 'note']);
  expect(summed([])).toBe('');
});
