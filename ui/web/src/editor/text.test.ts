import { describe, expect, it } from 'vitest';
import type { Diagnostic } from '../openapi';
import { fileName, lineMarks, newLine, place, shift } from './text';

describe('shift', () => {
  const text = 'a:\n  b: 1\n\n  c: 2\nd';
  it('moves the selected lines, and no empty one', () => {
    expect(shift(text, 3, text.indexOf('\nd') + 1, false)).toEqual({ text: 'a:\n    b: 1\n\n    c: 2\nd', from: 5, to: 22 });
    expect(shift(text, 1, 1, false)).toEqual({ text: `  ${text}`, from: 3, to: 3 });
  });
  it('moves back as far as there is something', () => {
    const moved = shift(text, 0, text.length, true);
    expect(moved.text).toBe('a:\nb: 1\n\nc: 2\nd');
    expect(moved.to).toBe(moved.text.length);
    expect(shift('  x', 1, 1, true)).toEqual({ text: 'x', from: 0, to: 0 });
  });
});

it('a new line stands as the one before', () => {
  expect(newLine('  a: b', 6)).toBe('\n  ');
  expect(newLine('  a:', 4)).toBe('\n    ');
  expect(newLine('x\n', 2)).toBe('\n');
});

it('finds a line and column, whatever letters are before', () => {
  const text = 'a\n🙂b: ü\nc';
  expect(text.slice(place(text, 2, 2))).toBe('b: ü\nc');
  expect(place(text, 3, 1)).toBe(text.length - 1);
  expect(place(text, 9, 9)).toBe(text.length);
  expect(place(text, 0, 0)).toBe(0);
});

it('marks each line once, with its worst', () => {
  const one = (line: number, severity: Diagnostic['severity'], problem: string): Diagnostic => ({ severity, line, problem, column: 1, code: '', object: '', field: '', remedy: '' });
  expect(lineMarks([one(7, 'note', 'a'), one(0, 'error', 'b'), one(7, 'warning', 'c')])).toEqual([
    { line: 1, severity: 'error', text: 'b' },
    { line: 7, severity: 'warning', text: 'a\nc' },
  ]);
});

it('a file is named after its first policy', () => {
  expect(fileName(['cnp shop/web', 'cnp shop/db'])).toBe('web.yaml');
  expect(fileName(['ccnp all'])).toBe('all.yaml');
  expect(fileName([])).toBe('policy.yaml');
  expect(fileName(['cnp a/"<'])).toBe('policy.yaml');
});
