import { expect, it } from 'vitest';
import { sameChanges } from './changes';
import type { Change } from './openapi';

const change = (time: number, more: Partial<Change> = {}): Change => ({ time, action: 'changed', object: `cnp shop/n${time}`, kind: 'CiliumNetworkPolicy', summary: '', place: '', revision: 7, nodes: ['one'], while_away: false, ...more });

it.each([
  ['the same', [change(1), change(2), change(3)], true],
  ['one more', [change(1), change(2), change(3), change(4)], false],
  ['another one in the middle', [change(1), change(2, { object: 'cnp shop/x' }), change(3)], false],
  ['a node more', [change(1), change(2), change(3, { nodes: ['one', 'two'] })], false],
  ['a later revision', [change(1), change(2), change(3, { revision: 8 })], false],
])('%s', (_, next, same) => expect(sameChanges([change(1), change(2), change(3)], next)).toBe(same));
