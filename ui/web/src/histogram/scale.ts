// Where things are on the time axis.

import { clock, visible } from '../format';
import type { Histogram } from '../openapi';
import { parts, west, zoneName } from '../zone';

/** Steps of the axis' marks, in ms. */
const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const STEPS = [10, 20, 50, 100, 200, 500, ...[1, 2, 5, 10, 15, 30].map((count) => count * SECOND), ...[1, 2, 5, 10, 15, 30].map((count) => count * MINUTE), ...[1, 2, 3, 6, 12].map((count) => count * HOUR), DAY];

export interface Tick {
  time: number;
  /** Part of the width, 0 to 1. */
  at: number;
}

export function length(histogram: Histogram): number {
  return histogram.width * histogram.passed.length;
}

/** Round times along the axis, at most `most`. */
export function ticks(histogram: Histogram, most: number, zone = west(histogram.start)): { step: number; ticks: Tick[] } {
  const whole = length(histogram);
  const step = STEPS.find((step) => whole / step <= most) ?? DAY * Math.ceil(whole / DAY / most);
  const shift = zone * 60_000;
  const ticks: Tick[] = [];
  if (whole <= 0) return { step, ticks };
  const first = Math.ceil((histogram.start - shift) / step) * step + shift;
  for (let time = first; time < histogram.start + whole; time += step) {
    ticks.push({ time, at: (time - histogram.start) / whole });
  }
  return { step, ticks };
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `23 Nov`, in the zone of the page. */
export function day(time: number): string {
  const date = parts(time);
  return `${date.day} ${MONTHS[date.month] ?? ''}`;
}

/** The days that the axis is of, and their zone. */
export function days(histogram: Histogram): string {
  const [first, last] = [histogram.start, histogram.start + Math.max(0, length(histogram) - 1)];
  const [from, to] = [day(first), day(last)];
  return `${from === to ? from : `${from} – ${to}`} ${parts(last).year}, ${zoneName(last)}`;
}

/** What a mark says: the time of day, at midnight the day. */
export function tickText(time: number, step: number): string {
  const text = clock(time, step);
  return step >= MINUTE && text === '00:00' ? day(time) : text;
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

/** Of whom there are no data in a stretch of time; empty: there are all. */
export function noData({ outages }: Histogram, { since, until }: { since: number; until: number }): string {
  const within = outages.filter((outage) => outage.since < until && outage.until > since);
  if (within.some(({ node }) => node === '')) return 'no data: no connection';
  const names = [...new Set(within.map(({ node }) => visible(node)))];
  return names.length ? `no data from ${names.slice(0, 3).join(', ')}${names.length > 3 ? ', …' : ''}` : '';
}

/** Where data are missing on the axis, as parts of its width, and of whom. */
export function hatched(histogram: Histogram): { left: number; width: number; text: string }[] {
  const all = length(histogram);
  if (all <= 0) return [];
  const edges = histogram.outages.flatMap(({ since, until }) => [since, until]).map((time) => Math.min(Math.max(time, histogram.start), histogram.start + all));
  const times = [...new Set(edges)].sort((a, b) => a - b);
  const found: { left: number; width: number; text: string }[] = [];
  for (const [at, since] of times.entries()) {
    const until = times[at + 1];
    const text = until === undefined ? '' : noData(histogram, { since, until });
    if (until === undefined || !text) continue;
    const [left, width] = [(since - histogram.start) / all, (until - since) / all];
    const last = found.at(-1);
    if (last?.text === text && Math.abs(last.left + last.width - left) < 1e-9) last.width += width;
    else found.push({ left, width, text });
  }
  return found;
}
