// Puts a rule into a policy's YAML: by lines, so that the rest stays as somebody wrote it.

const indent = (line: string) => line.length - line.trimStart().length;
const isText = (line: string) => line.trim() !== '' && !line.trimStart().startsWith('#');

/** The line after the block that a line opens. A list may stand as far left as its key. */
function end(lines: string[], opens: number, isList: boolean): number {
  const depth = indent(lines[opens] ?? '');
  for (let at = opens + 1; at < lines.length; at++) {
    const line = lines[at] ?? '';
    if (!isText(line)) continue;
    const inList = isList && indent(line) === depth && line.trimStart().startsWith('- ');
    if (indent(line) <= depth && !inList) return at;
  }
  return lines.length;
}

/** The line of a key at a depth, in a part of the lines. */
function key(lines: string[], name: string, from: number, to: number, depth?: number): number {
  for (let at = from; at < to; at++) {
    const line = lines[at] ?? '';
    if (!isText(line)) continue;
    const bare = line.replace(/^(\s*)- /, '$1  ');
    if (new RegExp(`^\\s*${name}:(\\s|$)`).test(bare) && (depth === undefined || indent(bare) === depth)) return at;
  }
  return -1;
}

/**
 * A policy with a rule more at the front of a list (`ingress`, `egress`) of its `spec` or `specs[n]`; `null` if that place is
 * not to be found, as where it is written in braces.
 */
export function withRule(yaml: string, spec: string, list: string, rule: string): string | null {
  const lines = yaml.replace(/\r\n/g, '\n').replace(/^(\s*\n)+/, '').trimEnd().split('\n');
  const number = /\[(\d+)\]/.exec(spec)?.[1];
  let from = key(lines, number === undefined ? 'spec' : 'specs', 0, lines.length, 0);
  if (from < 0) return null;
  let to = end(lines, from, number !== undefined);
  if (number !== undefined) {
    const items: number[] = [];
    const first = lines.findIndex((line, at) => at > from && isText(line));
    const depth = indent(lines[first] ?? '');
    for (let at = from + 1; at < to; at++) {
      const line = lines[at] ?? '';
      if (indent(line) === depth && line.trimStart().startsWith('- ')) items.push(at);
    }
    const item = items[Number(number)];
    if (item === undefined) return null;
    to = items[Number(number) + 1] ?? to;
    from = item - 1;
  }
  // The keys of the spec stand alike.
  const start = from + 1;
  const first = lines.findIndex((line, at) => at >= start && at < to && isText(line));
  if (first < 0) return null;
  const depth = indent((lines[first] ?? '').replace(/^(\s*)- /, '$1  '));
  const at = key(lines, list, start, to, depth);
  if (at < 0) return null;
  const opening = lines[at] ?? '';
  const value = opening.slice(opening.indexOf(`${list}:`) + list.length + 1).replace(/\s#.*$/, '').trim();
  if (value !== '' && value !== '[]' && value !== 'null') return null;
  const item = lines.slice(at + 1, to).find(isText);
  const inside = item !== undefined && item.trimStart().startsWith('- ') && indent(item) >= depth;
  const pad = ' '.repeat(inside ? indent(item) : depth + 2);
  const added = rule.trimEnd().split('\n').map((line) => pad + line);
  const opened = value === '' ? opening : opening.replace(/(\[\]|null)/, '').trimEnd();
  return [...lines.slice(0, at), opened, ...added, ...lines.slice(at + 1), ''].join('\n');
}
