import { expect, it } from 'vitest';
import { policyIn, withPolicies, workloadAmong, workloadOf } from './name';

it('finds the workload or pod that a term is about', () => {
  expect(workloadOf('src.workload == shop/web')).toBe('shop/web');
  expect(workloadOf('pod == "shop/web-1"')).toBe('shop/web-1');
  expect(workloadOf('dst.workload == "a/b\\"c"')).toBe('a/b"c');
  for (const other of ['ns == shop', 'dst.port == 53', 'pod == web', 'pod == shop/a or pod == shop/b', 'not (pod == shop/web)']) {
    expect(workloadOf(other), other).toBeNull();
  }
});

it('takes a workload before its pod', () => {
  expect(workloadAmong(['src.pod == shop/web-1', 'src.workload == shop/web'])).toBe('shop/web');
  expect(workloadAmong(['ns == shop', 'pod == shop/web-1'])).toBe('shop/web-1');
  expect(workloadAmong(['ns == shop'])).toBeNull();
});

it('finds a policy in what is said of a decision', () => {
  expect(policyIn('cnp shop/db · default deny')).toBe('cnp shop/db');
  expect(policyIn('default deny ingress: netpol a/b selects it')).toBe('netpol a/b');
  expect(policyIn('ccnp baseline: allows all')).toBe('ccnp baseline');
  expect(policyIn('no policy selects either end')).toBeNull();
});

it('finds each policy of a decision where it stands', () => {
  const text = 'cnp a/db-2 · app=web; ccnp all · anyone';
  expect(withPolicies(text, ['ccnp all', 'cnp a/db', 'cnp a/db-2'])).toEqual([
    { text: 'cnp a/db-2', policy: 'cnp a/db-2' },
    { text: ' · app=web; ' },
    { text: 'ccnp all', policy: 'ccnp all' },
    { text: ' · anyone' },
  ]);
  expect(withPolicies('no policy', [])).toEqual([{ text: 'no policy' }]);
  expect(withPolicies('', ['cnp a/b'])).toEqual([]);
});
