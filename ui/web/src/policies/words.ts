// What is said of a policy in words.

import { counted, rate, whole } from '../format';
import type { PolicyEntry, PolicyLint } from '../openapi';

/** Whether it is in force. */
export const STATES: Record<PolicyEntry['state'], { word: string; tone: 'good' | 'warn' | 'bad' | 'plain'; about: string }> = {
  enforced: { word: 'Enforced', tone: 'good', about: 'The version of its manifest is in force' },
  stale: { word: 'Last good version in force', tone: 'warn', about: 'Its present version is refused' },
  refused: { word: 'NOT ENFORCED', tone: 'bad', about: 'It is refused, and no version of it was ever good' },
  seen: { word: 'Seen', tone: 'plain', about: 'Connections in memory name it; whether it is in force is not known' },
  gone: { word: 'Gone', tone: 'plain', about: 'It was in force, and is no more' },
};

/** How often it decided. */
export function hits({ decisions, denied, state }: PolicyEntry, kernel: boolean): string {
  if (state === 'refused' || state === 'gone') return '';
  if (decisions === 0) return 'never hit';
  if (kernel) return whole(decisions);
  return denied === 0 ? counted(decisions, 'connection') : `${counted(decisions, 'connection')}, ${whole(denied)} denied`;
}

/** Decisions per second; nothing while that is not known. */
export function pace({ rate: per }: PolicyEntry): string {
  if (per === undefined) return '';
  return per === 0 ? '0/s' : rate(per, 1);
}

/** `1 warning, 2 notes`. */
export function summed(findings: readonly PolicyLint[]): string {
  const of = (severity: PolicyLint['severity']) => findings.filter((finding) => finding.severity === severity).length;
  const parts = (['error', 'warning', 'note'] as const).map((severity) => (of(severity) ? counted(of(severity), severity) : ''));
  return parts.filter(Boolean).join(', ');
}

/** The worst first. */
export function worst(findings: readonly PolicyLint[]): PolicyLint[] {
  const rank = { error: 0, warning: 1, note: 2 };
  return [...findings].sort((one, other) => rank[one.severity] - rank[other.severity]);
}
