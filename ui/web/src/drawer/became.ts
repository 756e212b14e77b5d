// What became of a request, in a word.

import type { CarriedRequest } from '../openapi';

/** `200`, `Denied`, `No answer`. */
export function became({ verdict, answer }: Pick<CarriedRequest, 'verdict' | 'answer'>): string {
  if (verdict === 'DROPPED') return 'Denied';
  if (verdict === 'ERROR') return answer === undefined || answer === 'failed' ? 'Failed' : `Failed, ${answer}`;
  return answer ?? 'No answer';
}
