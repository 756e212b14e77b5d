// What happens to the text while somebody writes.

import type { Diagnostic } from '../openapi';

export interface Edited {
  text: string;
  /** What is selected then. */
  from: number;
  to: number;
}

const STEP = '  ';

/** Moves the lines of a selection to the right, or to the left. */
export function shift(text: string, from: number, to: number, back: boolean): Edited {
  const start = text.lastIndexOf('\n', from - 1) + 1;
  // A line of which nothing is selected stays.
  const last = to > from && text[to - 1] === '\n' ? to - 1 : to;
  const stop = text.indexOf('\n', last) < 0 ? text.length : text.indexOf('\n', last);
  const before = text.slice(start, stop).split('\n');
  const after = before.map((line) => (back ? line.replace(/^( {1,2}|\t)/, '') : line && STEP + line));
  const first = (after[0]?.length ?? 0) - (before[0]?.length ?? 0);
  const changed = after.join('\n');
  return {
    text: text.slice(0, start) + changed + text.slice(stop),
    from: Math.max(start, from + first),
    to: Math.max(start, to + changed.length - (stop - start)),
  };
}

/** A new line that stands as the one before; after a key or a dash a step to the right. */
export function newLine(text: string, from: number): string {
  const line = text.slice(text.lastIndexOf('\n', from - 1) + 1, from);
  const indent = /^ */.exec(line)?.[0] ?? '';
  return `\n${indent}${/:\s*$/.test(line) ? STEP : ''}`;
}

/** Where a line and column (both from 1) are in the text. */
export function place(text: string, line: number, column: number): number {
  let at = 0;
  for (let skipped = 1; skipped < line; skipped++) {
    const next = text.indexOf('\n', at);
    if (next < 0) break;
    at = next + 1;
  }
  const end = text.indexOf('\n', at);
  // Columns are characters; the browser counts halves of those beyond the first 65,536.
  const letters = [...text.slice(at, end < 0 ? text.length : end)];
  return at + letters.slice(0, Math.max(0, column - 1)).join('').length;
}

export interface LineMark {
  line: number;
  severity: Diagnostic['severity'];
  /** What is said there, a line each. */
  text: string;
}

const WORST = ['error', 'warning', 'note'];

/** What is marked at the lines, the worst of each. */
export function lineMarks(diagnostics: readonly Diagnostic[]): LineMark[] {
  const marks = new Map<number, LineMark>();
  for (const { line, severity, problem } of diagnostics) {
    const at = Math.max(1, line);
    const known = marks.get(at);
    if (!known) marks.set(at, { line: at, severity, text: problem });
    else {
      known.text += `\n${problem}`;
      if (WORST.indexOf(severity) < WORST.indexOf(known.severity)) known.severity = severity;
    }
  }
  return [...marks.values()].sort((one, other) => one.line - other.line);
}

/** A name for the file: of the first policy. */
export function fileName(policies: readonly string[]): string {
  const name = policies[0]?.split(/[ /]/).at(-1)?.replace(/[^\w.-]/g, '') ?? '';
  return `${name || 'policy'}.yaml`;
}
