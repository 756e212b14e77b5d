// What changed, as marks on the time axis: those that would lie on each other are one.

import { clock, counted, visible } from '../format';
import type { Change, Histogram } from '../openapi';
import { length } from './scale';

export interface ChangeMark {
  /** Part of the width, 0 to 1. */
  at: number;
  changes: Change[];
}

/** Changes that a mark tells of; of the others their number. */
const MOST = 6;

/** The marks of an axis on which they must be `apart` (a part of its width) to be told apart. */
export function marks(changes: readonly Change[], histogram: Histogram, apart: number): ChangeMark[] {
  const all = length(histogram);
  const found: ChangeMark[] = [];
  if (all <= 0) return found;
  for (const change of changes) {
    const at = (change.time - histogram.start) / all;
    if (at < 0 || at > 1) continue;
    const last = found.at(-1);
    if (last && at - last.at < apart) last.changes.push(change);
    else found.push({ at, changes: [change] });
  }
  return found;
}

/** `cnp shop/cart lost rule ingress[0] (...)` */
function said({ object, summary, action, while_away }: Change): string {
  return visible(`${object} ${summary || action}${while_away ? ' (while no agent ran)' : ''}`);
}

/** What a mark tells, a line each. */
export function lines({ changes }: ChangeMark): string[] {
  const told = changes.slice(0, MOST).map((change) => `${clock(change.time, 1000)} ${said(change)}${change.revision ? `, revision ${change.revision}` : ''}`);
  return changes.length > MOST ? [...told, `and ${counted(changes.length - MOST, 'more change')}`] : told;
}

/** One of the changes of a mark, in full: which it is of how many, and what. */
export function one({ changes }: ChangeMark, at: number): string[] {
  const change = changes[at];
  if (!change) return [];
  const { time, revision, place, nodes } = change;
  const which = changes.length > 1 ? `${at + 1} of ${changes.length}, ` : '';
  const more = [revision ? `revision ${revision}` : '', nodes.length ? `on ${visible(nodes.join(', '))}` : '', place ? `at ${visible(place)}` : ''].filter(Boolean);
  return [`${which}${clock(time, 1000)} ${said(change)}`, more.join(', ')].filter(Boolean);
}

/** What changed in a stretch of time, in a few words; empty if nothing did. */
export function changed(changes: readonly Change[], { since, until }: { since: number; until: number }): string {
  const within = changes.filter(({ time }) => time >= since && time < until);
  const [first] = within;
  if (!first) return '';
  return within.length === 1 ? `changed: ${said(first)}` : `${counted(within.length, 'change')}: ${said(first)}, …`;
}
