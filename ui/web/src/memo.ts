// Leaves a component as it is while `same` says that nothing changed for it.

import { Component, type ComponentChildren, type FunctionComponent, h } from 'preact';

export function memo<P extends object>(view: FunctionComponent<P>, same: (before: P, after: P) => boolean): FunctionComponent<P> {
  class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !same(this.props as P, next);
    }
    override render(props: P): ComponentChildren {
      return h(view, props as P);
    }
  }
  return Memo as unknown as FunctionComponent<P>;
}

/** Whether all properties are the same things. */
export function shallow<P extends object>(before: P, after: P): boolean {
  return (Object.keys(after) as (keyof P)[]).every((name) => before[name] === after[name]);
}
