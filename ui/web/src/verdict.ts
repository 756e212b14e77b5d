// How verdicts look: a word and a shape, and a colour besides.

import type { Judged, Verdict } from './openapi';

export type Tone = 'good' | 'bad' | 'warn' | 'via' | 'plain';

interface Look {
  word: string;
  tone: Tone;
  /** Path of the shape in a box of 12 by 12, drawn with a stroke. */
  shape: string;
}

const ARROW = 'M2 6h7.500M6.500 3 9.500 6l-3 3';
const CROSS = 'm3 3 6 6m0-6-6 6';
const LOOKS: Record<Verdict, Look> = {
  FORWARDED: { word: 'Forwarded', tone: 'good', shape: ARROW },
  DROPPED: { word: 'Dropped', tone: 'bad', shape: CROSS },
  ERROR: { word: 'Error', tone: 'bad', shape: 'M6 2v5m0 2.500v.500' },
  AUDIT: { word: 'Audit', tone: 'warn', shape: 'M6 2 10.500 10h-9z' },
  REDIRECTED: { word: 'Redirected', tone: 'via', shape: 'M2 9V5h7M6.500 2.500 9 5 6.500 7.500' },
  TRACED: { word: 'Traced', tone: 'plain', shape: 'M2 6h2m1 0h2m1 0h2' },
  TRANSLATED: { word: 'Translated', tone: 'plain', shape: 'M2 4h8M2 8h8' },
  VERDICT_UNKNOWN: { word: 'Unknown', tone: 'plain', shape: 'M5 6h2' },
};

export function look(verdict: Verdict | undefined): Look {
  return LOOKS[verdict ?? 'VERDICT_UNKNOWN'] ?? LOOKS.VERDICT_UNKNOWN;
}

/** From the bottom of a stack to its top. */
export const TONES: readonly Tone[] = ['good', 'via', 'plain', 'warn', 'bad'];

const JUDGED: Record<Judged, string> = {
  ALLOWED: 'Allowed',
  DENIED: 'Denied',
  DROPPED: 'Dropped',
  AUDITED: 'Audited',
  ERROR: 'Error',
  UNKNOWN: 'Unknown',
};

/** The word for a connection; nothing of what is none. */
export function judgedWord(judged: Judged | undefined): string | undefined {
  return judged && JUDGED[judged];
}
