// Places in a text: the server counts bytes of UTF-8, the browser units of UTF-16.

import type { Completion } from '../openapi';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** The text with a completion put in, and where the cursor is then. */
export function insert(text: string, { start, end, insert }: Completion): { text: string; cursor: number } {
  const bytes = encoder.encode(text);
  const before = decoder.decode(bytes.slice(0, start)) + insert;
  return { text: before + decoder.decode(bytes.slice(end)), cursor: before.length };
}

/** At most so many characters, with a sign that there are more. */
export function charAt(text: string, most: number): string {
  const all = [...text];
  return all.length <= most ? text : `${all.slice(0, most - 1).join('')}…`;
}
