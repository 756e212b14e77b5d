// A menu below a button: closes when it is left, and by Escape.

import type { ComponentChildren, RefObject } from 'preact';
import { useRef } from 'preact/hooks';
import { Icon } from './icons';

interface Props {
  /** What the button says, and how it looks. */
  label: ComponentChildren;
  look: string;
  title?: string;
  /** Opens to the left. */
  right?: boolean;
  /** To close it from inside. */
  element?: RefObject<HTMLDetailsElement | null>;
  children: ComponentChildren;
}

export function Menu({ label, look, title, right, element, children }: Props) {
  const own = useRef<HTMLDetailsElement>(null);
  const details = element ?? own;
  return (
    <details
      class={`menu${right ? ' right' : ''}`}
      ref={details}
      onFocusOut={(event) => {
        const next = event.relatedTarget;
        if (next instanceof Node && !details.current?.contains(next)) details.current?.removeAttribute('open');
      }}
      onKeyDown={(event) => {
        if (event.key !== 'Escape' || !details.current?.open) return;
        event.preventDefault();
        details.current.open = false;
        details.current.querySelector('summary')?.focus();
      }}
    >
      <summary class={look} title={title}>
        {label}
        <Icon name="down" />
      </summary>
      <fieldset>{children}</fieldset>
    </details>
  );
}
