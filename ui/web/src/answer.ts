// An answer of the server's that is kept up to date while somebody sees it.

import { useEffect, useState } from 'preact/hooks';
import { ask, said, tokenNeeded, type Answer, type Params, type ReadPath } from './api';
import { hidden, stream } from './state';

export interface Asked<P extends ReadPath> {
  /** The last answer to this question. */
  answer: Answer<P> | null;
  /** Why the last look gave none. */
  error: string;
}

/** Asks again every so many ms (0: once), and at once when the question or `mark` becomes another one; not while
 * nobody sees the page. */
export function useAnswer<P extends ReadPath>(path: P, params: Params | null, every: number, mark: unknown = ''): Asked<P> {
  const key = params && JSON.stringify(params);
  const [asked, setAsked] = useState<Asked<P> & { key: string | null }>({ answer: null, error: '', key });
  const idle = hidden.value || tokenNeeded.value || stream.value.state !== 'open' || params === null;
  useEffect(() => {
    if (idle) return;
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      try {
        const answer = await ask(path, params ?? {}, abort.signal);
        if (!abort.signal.aborted) setAsked({ answer, error: '', key });
      } catch (error) {
        if (!abort.signal.aborted) setAsked((before) => ({ answer: before.key === key ? before.answer : null, error: said(error), key }));
      }
      if (every > 0 && !abort.signal.aborted) timer = setTimeout(() => void look(), every);
    };
    void look();
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [path, key, every, idle, mark]);
  return asked.key === key ? asked : { answer: null, error: '' };
}
