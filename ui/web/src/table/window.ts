// The arithmetic of a table of which only what is seen exists.

/** Browsers give up on elements much higher than this (px). */
export const HIGHEST = 8_000_000;

export interface Geometry {
  /** Rows of the whole table. */
  total: number;
  /** Height of a row and of what is seen, px. */
  row: number;
  view: number;
}

/** Height of the element that is scrolled: the table's own, until that is too high. */
export function scrollHeight({ total, row, view }: Geometry): number {
  return Math.max(view, Math.min(total * row, HIGHEST));
}

/** Where the seen part begins in the whole table (px), when the element is scrolled to `top`. */
export function offset(geometry: Geometry, top: number): number {
  const whole = Math.max(0, geometry.total * geometry.row - geometry.view);
  const range = scrollHeight(geometry) - geometry.view;
  if (range <= 0) return 0;
  const clamped = Math.min(Math.max(top, 0), range);
  return whole <= range ? clamped : (clamped / range) * whole;
}

/** Where to scroll to so that row `index` is seen, or the present place if it is. */
export function reveal(geometry: Geometry, top: number, index: number): number {
  const from = offset(geometry, top);
  const start = index * geometry.row;
  let wanted = from;
  if (start < from) wanted = start;
  else if (start + geometry.row > from + geometry.view) wanted = start + geometry.row - geometry.view;
  if (wanted === from) return top;
  const whole = Math.max(1, geometry.total * geometry.row - geometry.view);
  const range = scrollHeight(geometry) - geometry.view;
  return whole <= range ? wanted : (wanted / whole) * range;
}

/** Rows `first..last` are seen, with one more on each side. */
export function seen(geometry: Geometry, top: number): { first: number; last: number; shift: number } {
  const from = offset(geometry, top);
  const first = Math.max(0, Math.floor(from / geometry.row) - 1);
  const last = Math.min(geometry.total, Math.ceil((from + geometry.view) / geometry.row) + 1);
  return { first, last, shift: first * geometry.row - from };
}
