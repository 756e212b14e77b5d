// The head of a drawer: what it is about, when that was, a link to it, and the way out.

import type { ComponentChildren } from 'preact';
import { stamp } from '../format';
import { Icon } from '../icons';
import { copy } from '../state';

/** `time`: Unix milliseconds; none if it isn't known. `before`: what stands first. */
export function Head({ time, before, close, children }: { time: number | undefined; before?: ComponentChildren; close: () => void; children: ComponentChildren }) {
  return (
    <header>
      {before}
      <h2 id="drawer-title">{children}</h2>
      {time !== undefined && <time class="quiet-text">{time > 0 ? stamp(time) : ''}</time>}
      <span class="stretch" />
      <button class="quiet" onClick={() => void copy(location.href, 'The link')} title="Copy a link to this" aria-label="Copy a link to this">
        <Icon name="link" />
      </button>
      <button class="quiet" onClick={close} title="Close (Esc)" aria-label="Close">
        <Icon name="close" />
      </button>
    </header>
  );
}
