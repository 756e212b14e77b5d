import { describe, expect, it } from 'vitest';
import type { Incident } from '../openapi';
import { arranged, incidentOf, moment, opened, said, standing, unit } from './incident';

function incident(id: string, newest: string): Incident {
  const end = { kind: 'workload' as const, namespace: 'shop', name: id, pods: [] };
  return { id, status: 'ongoing', judged: 'DENIED', source: end, destination: end, port: '80', why: '', drops: 1, connections: 1, since: 0, last: 0, trend: [], term: '', newest, flow: '' };
}

const all = [incident('a', '1'), incident('b', '2'), incident('c', '3')];

it('puts what somebody knows of last, or leaves it out', () => {
  const known = new Map([['a', true]]);
  expect(arranged(all, known, false).map(({ id }) => id)).toEqual(['b', 'c', 'a']);
  expect(arranged(all, known, true).map(({ id }) => id)).toEqual(['b', 'c']);
  expect(arranged(all, new Map(), true)).toEqual(all);
});

it('an incident stays the chosen one when its newest connection is another', () => {
  expect(incidentOf(all, '2', null)?.id).toBe('b');
  expect(incidentOf(all, '9', { id: 'c', connection: '9' })?.id).toBe('c');
  expect(incidentOf(all, '9', { id: 'c', connection: '8' })).toBeUndefined();
});

it('an incident of requests is of their flows', () => {
  const request = { ...incident('d', '4'), request: { subject: 'POST /admin/delete', reason: '' } };
  expect(unit(request)).toBe('request');
  expect(unit(all[0] as Incident)).toBe('connection');
  expect(opened({ connection: null, flow: '4' })).toBe('4');
  expect(opened({ connection: '3', flow: '4' })).toBe('3');
  expect(incidentOf([...all, request], '4', null)?.id).toBe('d');
  expect(standing(request)).toBe('Ongoing');
  expect(standing({ status: 'allowed' })).toBe('Allowed since');
});

describe('moments ahead', () => {
  const berlin = (time: number) => new Date(time).getTimezoneOffset();
  it.each([
    ['2026-01-02T12:00:00Z', '2026-01-03T08:00:00Z'],
    // Still the day before in UTC.
    ['2026-01-02T23:30:00Z', '2026-01-04T08:00:00Z'],
    // The clocks change in the night between.
    ['2026-03-28T12:00:00Z', '2026-03-29T07:00:00Z'],
    ['2026-10-24T12:00:00Z', '2026-10-25T08:00:00Z'],
  ])('%s: tomorrow at nine is %s', (now, then) => {
    expect(new Date(moment('tomorrow', Date.parse(now), berlin)).toISOString().replace('.000', '')).toBe(then);
  });
  it('hours count from now', () => {
    expect(moment('1h', 5, berlin)).toBe(3_600_005);
    expect(moment('8h', 5, berlin)).toBe(28_800_005);
  });
});

it('says who knows of it, until when, and why', () => {
  const now = Date.parse('2026-01-02T12:00:00Z');
  const one = { incident: 'a', until: now + 3_600_000, by: 'ann', reason: 'moves\u202e', time: now };
  expect(said(one, now)).toBe('Acknowledged by ann until 14:00: moves<U+202E>');
  expect(said({ ...one, until: now + 2 * 86_400_000, reason: '' }, now)).toBe('Acknowledged by ann until 2026-01-04 13:00 CET');
});
