// How edges are drawn.

import type { Edge } from './graph';
import type { Box } from './layout';
import { end, start, type Point } from './route';

export type { Point };

export interface Line {
  path: string;
  /** The way in straight parts. */
  way: Point[];
  /** Places on it for a word, its middle first. */
  points: Point[];
}

/** Parts of the way at which a word may stand. */
const PARTS = [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74];
/** How round bends are, px. */
const ROUND = 7;
/** Straight parts that a curve is taken for. */
const PIECES = 16;

/** How far a point is from a way; anything beyond `most` is infinitely far. */
export function distance(way: readonly Point[], { x, y }: Point, most: number): number {
  let nearest = Infinity;
  for (let at = 0; at + 1 < way.length; at++) {
    const [from, to] = [way[at] as Point, way[at + 1] as Point];
    if (Math.max(from.x, to.x) < x - most || Math.min(from.x, to.x) > x + most) continue;
    if (Math.max(from.y, to.y) < y - most || Math.min(from.y, to.y) > y + most) continue;
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const part = Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / (dx * dx + dy * dy || 1)));
    nearest = Math.min(nearest, Math.hypot(x - from.x - part * dx, y - from.y - part * dy));
  }
  return nearest > most ? Infinity : nearest;
}

/** Places on a way, by parts of its length. */
function along(way: readonly Point[], parts: readonly number[]): Point[] {
  const lengths = way.slice(1).map((to, at) => Math.hypot(to.x - (way[at] as Point).x, to.y - (way[at] as Point).y));
  const whole = lengths.reduce((sum, length) => sum + length, 0);
  return parts.map((part) => {
    let left = part * whole;
    for (let at = 0; at < lengths.length; at++) {
      const length = lengths[at] as number;
      const [from, to] = [way[at] as Point, way[at + 1] as Point];
      if (left <= length) return { x: from.x + ((to.x - from.x) * left) / (length || 1), y: from.y + ((to.y - from.y) * left) / (length || 1) };
      left -= length;
    }
    return way.at(-1) ?? { x: 0, y: 0 };
  });
}

/** A way with its bends rounded. */
export function routed(way: Point[]): Line {
  const [first, ...others] = way;
  let path = first ? `M${first.x} ${first.y}` : '';
  others.forEach((point, at) => {
    const [before, after] = [way[at] as Point, way[at + 2]];
    if (!after) {
      path += `L${point.x} ${point.y}`;
      return;
    }
    const [into, out] = [Math.hypot(point.x - before.x, point.y - before.y), Math.hypot(after.x - point.x, after.y - point.y)];
    const round = Math.min(ROUND, into / 2, out / 2);
    const toward = (other: Point, length: number) => `${point.x + ((other.x - point.x) * round) / (length || 1)} ${point.y + ((other.y - point.y) * round) / (length || 1)}`;
    path += `L${toward(before, into)}Q${point.x} ${point.y} ${toward(after, out)}`;
  });
  return { path, way, points: along(way, PARTS) };
}

/** Without a way: from the right side of `from` to the line of the port on the left side of `to`. */
export function line(edge: Pick<Edge, 'source' | 'destination' | 'port'>, from: Box, to: Box): Line {
  const { x: sx, y: sy } = start(from);
  let { x: tx, y: ty } = end(to, edge.port);
  let [x1, x2] = [sx + 34, sx + 34];
  if (edge.source === edge.destination) tx = sx;
  else {
    const gap = tx - sx;
    // Backwards: a wide swing, so that it is seen to come round.
    const reach = gap > 40 ? Math.max(30, gap / 2) : Math.min(160, 60 + Math.abs(gap) / 4);
    [x1, x2] = [sx + reach, tx - reach];
  }
  const at = (t: number): Point => {
    const s = 1 - t;
    const [a, b, c, d] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
    return { x: a * sx + b * x1 + c * x2 + d * tx, y: (a + b) * sy + (c + d) * ty };
  };
  const way = Array.from({ length: PIECES + 1 }, (_, piece) => at(piece / PIECES));
  return { path: `M${sx} ${sy}C${x1} ${sy} ${x2} ${ty} ${tx} ${ty}`, way, points: PARTS.map(at) };
}

/** Width in px: grows with the order of magnitude. */
export function thickness(flows: number, seconds: number): number {
  return Math.min(4.5, 1.4 + Math.log10(1 + flows / Math.max(seconds, 1)) * 1.1);
}
