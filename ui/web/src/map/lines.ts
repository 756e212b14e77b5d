// How edges are drawn.

import type { Edge } from './graph';
import { HEAD, LINE, type Box } from './layout';

export interface Line {
  path: string;
  /** Its middle. */
  x: number;
  y: number;
}

/** From the right side of `from` to the line of the port on the left side of `to`. */
export function line(edge: Edge, from: Box, to: Box): Line {
  const sx = from.x + from.w;
  const sy = from.y + HEAD / 2;
  const tx = to.x;
  const ty = edge.port < 0 ? to.y + HEAD / 2 : to.y + HEAD + edge.port * LINE + LINE / 2;
  if (edge.source === edge.destination) {
    const x = sx + 34;
    return { path: `M${sx} ${sy}C${x} ${sy} ${x} ${ty} ${sx} ${ty}`, x: sx + 26, y: (sy + ty) / 2 };
  }
  const gap = tx - sx;
  // Backwards: a wide swing, so that it is seen to come round.
  const reach = gap > 40 ? Math.max(30, gap / 2) : Math.min(160, 60 + Math.abs(gap) / 4);
  const [x1, x2] = [sx + reach, tx - reach];
  return {
    path: `M${sx} ${sy}C${x1} ${sy} ${x2} ${ty} ${tx} ${ty}`,
    x: (sx + 3 * x1 + 3 * x2 + tx) / 8,
    y: (sy + ty) / 2,
  };
}

/** Width in px: grows with the order of magnitude. */
export function thickness(flows: number, seconds: number): number {
  return Math.min(5, 1.2 + Math.log10(1 + flows / Math.max(seconds, 1)) * 1.3);
}
