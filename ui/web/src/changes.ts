// What changed in the cluster's state, as the server tells it again and again.

import type { Change } from './openapi';

/** Whether two answers say the same: a change that is known can still get further nodes. */
export function sameChanges(known: readonly Change[], next: readonly Change[]): boolean {
  const same = (one: Change, other: Change | undefined) =>
    other !== undefined &&
    one.time === other.time &&
    one.object === other.object &&
    one.action === other.action &&
    one.summary === other.summary &&
    one.revision === other.revision &&
    one.while_away === other.while_away &&
    one.nodes.join() === other.nodes.join();
  return known.length === next.length && known.every((one, at) => same(one, next[at]));
}
