// Which part of the map is seen, and how large.

import type { Box } from './layout';

export interface Viewport {
  /** Of the map's corner on the screen, px. */
  x: number;
  y: number;
  zoom: number;
}

export const NEAREST = 2;
export const FARTHEST = 0.06;

/** All of `box` in an area of `w` by `h`, not larger than life. */
export function fit(box: Box, w: number, h: number): Viewport {
  const margin = 24;
  const zoom = Math.max(FARTHEST, Math.min(1, (w - 2 * margin) / Math.max(box.w, 1), (h - 2 * margin) / Math.max(box.h, 1)));
  return { x: (w - box.w * zoom) / 2 - box.x * zoom, y: (h - box.h * zoom) / 2 - box.y * zoom, zoom };
}

/** Nearer or farther, with the point (px, py) of the screen staying where it is. */
export function zoomed(viewport: Viewport, factor: number, px: number, py: number): Viewport {
  const zoom = Math.min(NEAREST, Math.max(FARTHEST, viewport.zoom * factor));
  const by = zoom / viewport.zoom;
  return { x: px - (px - viewport.x) * by, y: py - (py - viewport.y) * by, zoom };
}

/** The part of the map that is seen, and some around it. */
export function visible({ x, y, zoom }: Viewport, w: number, h: number): Box {
  const margin = 200;
  return { x: (-x - margin) / zoom, y: (-y - margin) / zoom, w: (w + 2 * margin) / zoom, h: (h + 2 * margin) / zoom };
}

export function meets(a: Box, b: Box): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
