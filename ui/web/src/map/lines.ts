// How edges are drawn.

import type { Edge } from './graph';
import { HEAD, LINE, type Box } from './layout';

export interface Point {
  x: number;
  y: number;
}

export interface Line {
  path: string;
  /** Places on it for a word, its middle first. */
  points: Point[];
}

/** Parts of the way at which a word may stand. */
const PARTS = [0.5, 0.36, 0.64, 0.24, 0.76];

/** Points of a curve (Bézier, cubic). */
function along(...[a, b, c, d]: [Point, Point, Point, Point]): Point[] {
  return PARTS.map((t) => {
    const s = 1 - t;
    const mix = (of: (point: Point) => number) => s * s * s * of(a) + 3 * s * s * t * of(b) + 3 * s * t * t * of(c) + t * t * t * of(d);
    return { x: mix(({ x }) => x), y: mix(({ y }) => y) };
  });
}

/** From the right side of `from` to the line of the port on the left side of `to`. */
export function line(edge: Edge, from: Box, to: Box): Line {
  const sx = from.x + from.w;
  const sy = from.y + HEAD / 2;
  const tx = to.x;
  const ty = edge.port < 0 ? to.y + HEAD / 2 : to.y + HEAD + edge.port * LINE + LINE / 2;
  if (edge.source === edge.destination) {
    const x = sx + 34;
    return { path: `M${sx} ${sy}C${x} ${sy} ${x} ${ty} ${sx} ${ty}`, points: [{ x: sx + 26, y: (sy + ty) / 2 }] };
  }
  const gap = tx - sx;
  // Backwards: a wide swing, so that it is seen to come round.
  const reach = gap > 40 ? Math.max(30, gap / 2) : Math.min(160, 60 + Math.abs(gap) / 4);
  const [x1, x2] = [sx + reach, tx - reach];
  return {
    path: `M${sx} ${sy}C${x1} ${sy} ${x2} ${ty} ${tx} ${ty}`,
    points: along({ x: sx, y: sy }, { x: x1, y: sy }, { x: x2, y: ty }, { x: tx, y: ty }),
  };
}

/** Width in px: grows with the order of magnitude. */
export function thickness(flows: number, seconds: number): number {
  return Math.min(5, 1.2 + Math.log10(1 + flows / Math.max(seconds, 1)) * 1.3);
}
