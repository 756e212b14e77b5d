// Times as the address has them: milliseconds of Unix time, or durations before now.

const UNITS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a duration such as `1h30m`; `null` if it is none. */
export function duration(text: string): number | null {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (!parts.length || parts.map(([part]) => part).join('') !== text) return null;
  return parts.reduce((sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0), 0);
}

/** Unix milliseconds of a time; `null` if it is none. */
export function begin(text: string, now: number): number | null {
  if (/^\d{11,14}$/.test(text)) return Number(text);
  const ago = duration(text);
  if (ago !== null) return now - ago;
  const time = Date.parse(text);
  return /^\d{4}-/.test(text) && !Number.isNaN(time) ? time : null;
}
