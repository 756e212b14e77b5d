import { expect, it } from 'vitest';
import { byteLength, charAt, insert } from './text';

it('counts bytes', () => {
  expect(byteLength('é = 🙂')).toBe(9);
});

it('puts completions in by bytes', () => {
  const offer = { label: '', kind: 'value' as const };
  expect(insert('src.p', { ...offer, start: 0, end: 5, insert: 'src.pod' })).toEqual({ text: 'src.pod', cursor: 7 });
  expect(insert('"é" and ver == 1', { ...offer, start: 9, end: 12, insert: 'verdict' })).toEqual({
    text: '"é" and verdict == 1',
    cursor: 15,
  });
});

it('shortens', () => {
  expect(charAt('abcdef', 6)).toBe('abcdef');
  expect(charAt('abcdefg', 6)).toBe('abcde…');
});
