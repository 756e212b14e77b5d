import { expect, it } from 'vitest';
import { askedFirst, bytes, clock, counted, latency, rate, rulePath, short, span, whole, visible } from './format';

it.each([
  [0, '0'],
  [0.25, '0.3'],
  [7, '7'],
  [999, '999'],
  [1000, '1k'],
  [1234, '1.2k'],
  [9994, '10k'],
  [34_567, '35k'],
  [999_949, '1000k'],
  [999_951, '1M'],
  [1_500_000, '1.5M'],
  [2e9, '2G'],
  [3e12, '3.0T'],
])('short %d', (value, text) => expect(short(value)).toBe(text));

it.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [10_240, '10 KiB'],
  [5 * 2 ** 30, '5.0 GiB'],
])('bytes %d', (value, text) => expect(bytes(value)).toBe(text));

it.each([
  [-5, '0 ms'],
  [850, '850 ms'],
  [1200, '1.2 s'],
  [59_000, '59 s'],
  [180_000, '3 min'],
  [7_500_000, '2 h 5 min'],
  [86_400_000, '1 d'],
  [90_000_000, '1 d 1 h'],
])('span %d', (value, text) => expect(span(value)).toBe(text));

it('rates of rare things are per minute', () => {
  expect(rate(3, 60)).toBe('3/min');
  expect(rate(6000, 60)).toBe('100/s');
  expect(rate(0, 60)).toBe('0/s');
});

it('clocks show what the step needs', () => {
  const time = new Date(2026, 0, 2, 3, 4, 5, 6).getTime();
  expect(clock(time)).toBe('03:04:05.006');
  expect(clock(time, 1000)).toBe('03:04:05');
  expect(clock(time, 60_000)).toBe('03:04');
});

it('counts', () => {
  expect(whole(1234567)).toBe('1,234,567');
  expect(counted(1, 'flow')).toBe('1 flow');
  expect(counted(2000, 'flow')).toBe('2,000 flows');
});

it.each([
  ['production/web:80', 'production/web:80'],
  ['ev\u202eil\u2069', 'ev<U+202E>il<U+2069>'],
  ['a\u001b[31mb\n', 'a<U+001B>[31mb<U+000A>'],
  ['né 👩 日本', 'né 👩 日本'],
  ['we\u200bb\ufeff\u{e0041}', 'we<U+200B>b<U+FEFF><U+E0041>'],
])('%j is shown as it is', (text, shown) => {
  expect(visible(text)).toBe(shown);
});

it.each([
  [undefined, ''],
  [{}, 'spec'],
  [{ spec_index: 0 }, 'specs[0]'],
  [{ list: 'INGRESS' as const }, 'spec.ingress[0]'],
  [{ spec_index: 1, list: 'EGRESS_DENY' as const, index: 2 }, 'specs[1].egressDeny[2]'],
  [{ list: 'EGRESS' as const, port_rule_index: 1 }, 'spec.egress[0].toPorts[1]'],
  [{ list: 'INGRESS' as const, port_rule_index: 0, layer7_list: 'HTTP' as const }, 'spec.ingress[0].toPorts[0].rules.http[0]'],
  [{ list: 'EGRESS' as const, index: 1, port_rule_index: 0, layer7_list: 'SERVER_NAMES' as const, layer7_index: 2 }, 'spec.egress[1].toPorts[0].serverNames[2]'],
])('path %o', (path, text) => expect(rulePath(path)).toBe(text));

it.each([
  [0.123, '0.12 ms'],
  [1.44, '1.4 ms'],
  [9.96, '10 ms'],
  [95.4, '95 ms'],
  [1000, '1.0 s'],
  [12_345, '12 s'],
])('an answer after %d ms', (ms, text) => expect(latency(ms)).toBe(text));

it.each([
  ['cnp shop/api · POST /admin/delete: 403', 'POST /admin/delete: 403 · cnp shop/api'],
  ['cnp shop/web · A api.test: 192.0.2.7', 'A api.test: 192.0.2.7 · cnp shop/web'],
  ['cnp shop/kafka · app=orders on 9092/TCP (Kafka topic=orders)', 'cnp shop/kafka · app=orders on 9092/TCP (Kafka topic=orders)'],
  ['GET /: 403', 'GET /: 403'],
  ['', ''],
])('why %j', (why, text) => expect(askedFirst(why)).toBe(text));
