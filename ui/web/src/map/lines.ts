// How edges are drawn.

import type { Edge } from './graph';
import { HEAD, LINE, type Box } from './layout';

export interface Point {
  x: number;
  y: number;
}

/** A cubic Bézier curve. */
type Curve = [Point, Point, Point, Point];

export interface Line {
  path: string;
  curve: Curve;
  /** Places on it for a word, its middle first. */
  points: Point[];
}

/** Parts of the way at which a word may stand. */
const PARTS = [0.5, 0.36, 0.64, 0.24, 0.76];

function at([a, b, c, d]: Curve, t: number): Point {
  const s = 1 - t;
  const [A, B, C, D] = [s * s * s, 3 * s * s * t, 3 * s * t * t, t * t * t];
  return { x: A * a.x + B * b.x + C * c.x + D * d.x, y: A * a.y + B * b.y + C * c.y + D * d.y };
}

/** Straight parts that a curve is taken for when a distance to it is wanted. */
const PIECES = 24;

/** How far a point is from a curve; anything beyond `most` is infinitely far. */
export function distance(curve: Curve, { x, y }: Point, most: number): number {
  // A curve lies within its control points.
  if (curve.every((point) => point.x < x - most) || curve.every((point) => point.x > x + most)) return Infinity;
  if (curve.every((point) => point.y < y - most) || curve.every((point) => point.y > y + most)) return Infinity;
  let nearest = Infinity;
  let from = curve[0];
  for (let piece = 1; piece <= PIECES; piece++) {
    const to = at(curve, piece / PIECES);
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const part = Math.min(1, Math.max(0, ((x - from.x) * dx + (y - from.y) * dy) / (dx * dx + dy * dy || 1)));
    nearest = Math.min(nearest, Math.hypot(x - from.x - part * dx, y - from.y - part * dy));
    from = to;
  }
  return nearest > most ? Infinity : nearest;
}

/** From the right side of `from` to the line of the port on the left side of `to`. */
export function line(edge: Pick<Edge, 'source' | 'destination' | 'port'>, from: Box, to: Box): Line {
  const sx = from.x + from.w;
  const sy = from.y + HEAD / 2;
  const tx = to.x;
  const ty = edge.port < 0 ? to.y + HEAD / 2 : to.y + HEAD + edge.port * LINE + LINE / 2;
  if (edge.source === edge.destination) {
    const x = sx + 34;
    const curve: Curve = [{ x: sx, y: sy }, { x, y: sy }, { x, y: ty }, { x: sx, y: ty }];
    return { path: `M${sx} ${sy}C${x} ${sy} ${x} ${ty} ${sx} ${ty}`, curve, points: [{ x: sx + 26, y: (sy + ty) / 2 }] };
  }
  const gap = tx - sx;
  // Backwards: a wide swing, so that it is seen to come round.
  const reach = gap > 40 ? Math.max(30, gap / 2) : Math.min(160, 60 + Math.abs(gap) / 4);
  const [x1, x2] = [sx + reach, tx - reach];
  const curve: Curve = [{ x: sx, y: sy }, { x: x1, y: sy }, { x: x2, y: ty }, { x: tx, y: ty }];
  return { path: `M${sx} ${sy}C${x1} ${sy} ${x2} ${ty} ${tx} ${ty}`, curve, points: PARTS.map((part) => at(curve, part)) };
}

/** Width in px: grows with the order of magnitude. */
export function thickness(flows: number, seconds: number): number {
  return Math.min(5, 1.2 + Math.log10(1 + flows / Math.max(seconds, 1)) * 1.3);
}
