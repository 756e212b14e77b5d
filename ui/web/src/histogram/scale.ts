// Where things are on the time axis.

import type { Histogram } from '../types';

/** Steps of the axis' marks, in ms. */
const STEPS = [10, 50, 250, 1000, 5000, 15_000, 30_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000];

export interface Tick {
  time: number;
  /** Part of the width, 0 to 1. */
  at: number;
}

export function length(histogram: Histogram): number {
  return histogram.width * histogram.passed.length;
}

/** Round times along the axis, at most `most`. */
export function ticks(histogram: Histogram, most: number, zone = new Date().getTimezoneOffset()): { step: number; ticks: Tick[] } {
  const whole = length(histogram);
  const step = STEPS.find((step) => whole / step <= most) ?? 86_400_000 * Math.ceil(whole / 86_400_000 / most);
  const shift = zone * 60_000;
  const ticks: Tick[] = [];
  if (whole <= 0) return { step, ticks };
  const first = Math.ceil((histogram.start - shift) / step) * step + shift;
  for (let time = first; time < histogram.start + whole; time += step) {
    ticks.push({ time, at: (time - histogram.start) / whole });
  }
  return { step, ticks };
}

/** Where the text of a mark stands: beside it at the ends, where its half would be outside. */
export function side(at: number): 'start' | 'middle' | 'end' {
  return at < 0.07 ? 'start' : at > 0.93 ? 'end' : 'middle';
}

/** The greatest bucket. */
export function highest(histogram: Histogram): number {
  let most = 0;
  for (let at = 0; at < histogram.passed.length; at++) {
    most = Math.max(most, (histogram.passed[at] ?? 0) + (histogram.dropped[at] ?? 0));
  }
  return most;
}

/** Height of a count, 0 to 1: the root, so that three drops beside a thousand are seen. */
export function height(count: number, most: number): number {
  return count <= 0 ? 0 : Math.sqrt(count / most);
}

/**
 * The bars as one path in a box of (buckets) by 100: drops stand at the bottom, what passed on top of
 * them, so that drops have the same base line everywhere.
 */
export function bars(histogram: Histogram, what: 'passed' | 'dropped', most: number): string {
  let path = '';
  for (let at = 0; at < histogram.passed.length; at++) {
    const dropped = histogram.dropped[at] ?? 0;
    const all = (histogram.passed[at] ?? 0) + dropped;
    if ((what === 'dropped' ? dropped : all - dropped) === 0) continue;
    const top = height(all, most);
    // A drop among thousands still has a height that is seen.
    const low = dropped ? Math.max(Math.min(height(dropped, most), top), 0.06) : 0;
    const [from, to] = what === 'dropped' ? [0, low] : [low, Math.max(top, low)];
    if (to <= from) continue;
    path += `M${at + 0.08} ${round(100 - from * 100)}V${round(100 - to * 100)}H${at + 0.92}V${round(100 - from * 100)}Z`;
  }
  return path;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** The bucket at a part of the width. */
export function bucketAt(histogram: Histogram, part: number): number {
  const count = histogram.passed.length;
  return Math.min(count - 1, Math.max(0, Math.floor(part * count)));
}

/** The time that buckets `from` to `to` (either way round) cover. */
export function covered(histogram: Histogram, from: number, to: number): { since: number; until: number } {
  const [first, last] = from <= to ? [from, to] : [to, from];
  return {
    since: histogram.start + first * histogram.width,
    until: histogram.start + (last + 1) * histogram.width,
  };
}
