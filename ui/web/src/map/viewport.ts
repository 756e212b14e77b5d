// Which part of the map is seen, and how large.

import { largest, MARGIN, READABLE, type Area, type Box } from './layout';

export interface Viewport {
  /** Of the map's corner on the screen, px. */
  x: number;
  y: number;
  zoom: number;
}

export const NEAREST = 2;
export const FARTHEST = 0.02;

/** A map that is smaller than the panel is not shown larger than this. */
const LARGEST = 1.25;

/**
 * All of `box` in the panel, as large as can be. One that could not be read is shown from its beginning on,
 * a `crowd` whole: of that a picture is wanted first.
 */
export function fit(box: Box, area: Area, crowd: boolean): Viewport {
  const zoom = Math.max(crowd ? FARTHEST : READABLE, Math.min(LARGEST, largest(box, area)));
  const from = (margin: number, room: number, length: number) => Math.max(margin, (room - length * zoom) / 2);
  return { x: from(MARGIN.x, area.w, box.w) - box.x * zoom, y: from(MARGIN.y, area.h, box.h) - box.y * zoom, zoom };
}

/** Nearer or farther, with the point (px, py) of the screen staying where it is. */
export function zoomed(viewport: Viewport, factor: number, px: number, py: number): Viewport {
  const zoom = Math.min(NEAREST, Math.max(FARTHEST, viewport.zoom * factor));
  const by = zoom / viewport.zoom;
  return { x: px - (px - viewport.x) * by, y: py - (py - viewport.y) * by, zoom };
}

/** The part of the map that is seen. */
export function visible({ x, y, zoom }: Viewport, w: number, h: number): Box {
  return { x: -x / zoom, y: -y / zoom, w: w / zoom, h: h / zoom };
}

/**
 * The part that is drawn: more than is seen, and the same as before as long as that has all that is seen
 * and not much more. So what is drawn seldom changes while the map is moved.
 */
export function drawn(viewport: Viewport, w: number, h: number, before: Box | null): Box {
  const seen = visible(viewport, w, h);
  if (before) {
    const within = before.x <= seen.x && before.y <= seen.y && before.x + before.w >= seen.x + seen.w && before.y + before.h >= seen.y + seen.h;
    if (within && before.w < seen.w * 2.2) return before;
  }
  return { x: seen.x - seen.w / 5, y: seen.y - seen.h / 5, w: seen.w * 1.4, h: seen.h * 1.4 };
}

export function meets(a: Box, b: Box): boolean {
  return a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;
}
