// Views that are fetched when they are first shown.

import { h, type FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { said } from './api';

/** A view out of a module of its own; until it is there, a line says so. */
export function lazy<P extends object>(name: string, load: () => Promise<FunctionComponent<P>>): FunctionComponent<P> {
  let loaded: FunctionComponent<P> | null = null;
  return function Lazy(props: P) {
    const [View, setView] = useState<FunctionComponent<P> | null>(() => loaded);
    const [error, setError] = useState('');
    useEffect(() => {
      if (View) return;
      let gone = false;
      load().then(
        (view) => {
          loaded = view;
          if (!gone) setView(() => view);
        },
        (error: unknown) => gone || setError(said(error)),
      );
      return () => {
        gone = true;
      };
    }, []);
    if (View) return h(View, props);
    return (
      <section class="nothing" aria-label={name} aria-busy={!error}>
        <p role={error ? 'alert' : undefined}>{error ? `This view could not be loaded: ${error}. Reload the page.` : 'Loading…'}</p>
      </section>
    );
  };
}
