// Making expressions out of clicks.

export const DROPPED = 'verdict == DROPPED';

/** With the filter if it wasn't there, without it if it was. */
export function toggleFilter(filters: readonly string[], filter: string): string[] {
  return filters.includes(filter) ? filters.filter((each) => each !== filter) : [...filters, filter];
}

/** With one more filter; what excludes the same goes, and what is there isn't doubled. */
export function withFilter(filters: readonly string[], filter: string): string[] {
  const opposite = negated(filter);
  const rest = filters.filter((each) => each !== opposite);
  return rest.includes(filter) ? rest : [...rest, filter];
}

/** The opposite; that of an opposite is the thing itself. */
export function negated(filter: string): string {
  const inner = /^not \((.*)\)$/s.exec(filter)?.[1];
  if (inner !== undefined && balanced(inner)) return inner;
  return `not (${filter})`;
}

/** Whether every bracket is closed and none is closed before, strings left aside. */
function balanced(text: string): boolean {
  let depth = 0;
  for (const part of text.replace(/"(?:[^"\\]|\\.)*"/gs, '')) {
    if (part === '(') depth++;
    else if (part === ')' && --depth < 0) return false;
  }
  return depth === 0;
}

/** A text as a string of the language. */
export function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, '\\$&')}"`;
}
