import { describe, expect, it } from 'vitest';
import { negated, quoted, toggleFilter, withFilter } from './terms';

describe('filters', () => {
  it('toggle', () => {
    expect(toggleFilter(['a'], 'b')).toEqual(['a', 'b']);
    expect(toggleFilter(['a', 'b'], 'b')).toEqual(['a']);
  });

  it('are not doubled, and replace their opposites', () => {
    expect(withFilter(['a'], 'a')).toEqual(['a']);
    expect(withFilter(['not (a)', 'b'], 'a')).toEqual(['b', 'a']);
    expect(withFilter(['a'], 'not (a)')).toEqual(['not (a)']);
  });

  it.each([
    ['a == 1', 'not (a == 1)'],
    ['(a) or (b)', 'not ((a) or (b))'],
    ['src.pod == "a)("', 'not (src.pod == "a)(")'],
  ])('negated and back: %s', (filter, opposite) => {
    expect(negated(filter)).toBe(opposite);
    expect(negated(opposite)).toBe(filter);
  });

  it('what only looks like an opposite is negated as a whole', () => {
    expect(negated('not (a) or (b)')).toBe('not (not (a) or (b))');
  });
});

it('strings are quoted', () => {
  expect(quoted('a"b\\c')).toBe('"a\\"b\\\\c"');
});
