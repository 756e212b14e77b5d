// Links within the page: real ones, which a browser can open beside this page, and a click follows at once.

import type { ComponentChildren } from 'preact';
import { visible } from './format';
import { go, view } from './state';
import { encode, type View } from './url';

interface Props {
  to: Partial<View>;
  class?: string;
  title?: string;
  label?: string;
  children: ComponentChildren;
}

export function Go({ to, class: look, title, label, children }: Props) {
  const query = encode({ ...view.value, ...to });
  return (
    <a
      href={`${location.pathname}${query && `?${query}`}`}
      class={look}
      title={title}
      aria-label={label}
      onClick={(event) => {
        // What opens it elsewhere is the browser's.
        if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        go(to);
      }}
    >
      {children}
    </a>
  );
}

/** Where the page of a workload or pod is, `shop/web`. */
export function workloadPage(name: string): Partial<View> {
  return { panel: 'workload', workload: name, flow: null, connection: null };
}

/** Where all about a policy is, `cnp shop/web`. */
export function policyPage(policy: string): Partial<View> {
  return { panel: 'policies', policy, flow: null, connection: null };
}

/** Where connections are, by an expression. */
export function connectionsOf(...filters: string[]): Partial<View> {
  return { panel: 'flows', unit: 'connections', filters, since: '', until: '', namespaces: [], flow: null, connection: null, columns: [], sort: '-timestamp' };
}

export function WorkloadLink({ name }: { name: string }) {
  return (
    <Go to={workloadPage(name)} class="link-text">
      <bdi>{visible(name)}</bdi>
    </Go>
  );
}

export function PolicyLink({ policy }: { policy: string }) {
  return (
    <Go to={policyPage(policy)} class="link-text">
      <bdi>{visible(policy)}</bdi>
    </Go>
  );
}
