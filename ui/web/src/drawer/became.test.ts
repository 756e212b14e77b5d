import { expect, it } from 'vitest';
import { became } from './became';

it.each([
  [{ verdict: 'DROPPED' as const }, 'Denied'],
  [{ verdict: 'FORWARDED' as const, answer: '200' }, '200'],
  [{ verdict: 'FORWARDED' as const }, 'No answer'],
  [{ verdict: 'ERROR' as const, answer: 'failed' }, 'Failed'],
  [{ verdict: 'ERROR' as const, answer: '503' }, 'Failed, 503'],
])('of %o is said', (request, text) => expect(became(request)).toBe(text));
