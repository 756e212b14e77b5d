// What is what in a line of YAML.

/** A line in parts: indent and dashes, key, value, comment. Enough for reading manifests. */
export function parts(line: string): { kind: 'plain' | 'key' | 'value' | 'comment'; text: string }[] {
  const comment = /^\s*#/.test(line);
  if (comment) return [{ kind: 'comment', text: line }];
  const match = /^([\s-]*)((?:"[^"]*"|[^\s:"'#{[][^:#]*):)(\s.*)?$/.exec(line);
  if (!match) return [{ kind: 'value', text: line }];
  const [, indent = '', key = '', value = ''] = match;
  return [
    { kind: 'plain' as const, text: indent },
    { kind: 'key' as const, text: key },
    { kind: 'value' as const, text: value },
  ].filter(({ text }) => text !== '');
}
