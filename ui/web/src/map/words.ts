// What is counted on the map, in words.

import { counted, whole } from '../format';
import { view } from '../state';

/** `3 connections`, or of events `3 flows`. */
export function many(count: number): string {
  return counted(count, view.value.unit === 'events' ? 'flow' : 'connection');
}

/** `3 denied`, or of events `3 drops`. */
export function denied(count: number): string {
  return view.value.unit === 'events' ? counted(count, 'drop') : `${whole(count)} denied`;
}
