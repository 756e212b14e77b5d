// How numbers and times are written.

import type { RulePath } from './openapi';
import { parts, zoneName } from './zone';

const THOUSANDS = new Intl.NumberFormat('en-US');

/** All digits, in groups of three. */
export function whole(value: number): string {
  return THOUSANDS.format(Math.round(value));
}

/** At most four characters and a unit: `7`, `1.2k`, `34M`. */
export function short(value: number): string {
  if (value < 1000) return value < 10 && value % 1 !== 0 ? value.toFixed(1) : String(Math.round(value));
  for (const [limit, unit] of [[1e6, 'k'], [1e9, 'M'], [1e12, 'G']] as const) {
    // 999,950 would round to 1000.0k.
    if (value < limit * 0.99995) {
      const scaled = value / (limit / 1000);
      return `${scaled < 9.995 ? scaled.toFixed(1).replace(/\.0$/, '') : scaled.toFixed(0)}${unit}`;
    }
  }
  return `${(value / 1e12).toFixed(1)}T`;
}

const LISTS = { INGRESS: 'ingress', INGRESS_DENY: 'ingressDeny', EGRESS: 'egress', EGRESS_DENY: 'egressDeny' };

const LAYER7 = { HTTP: 'rules.http', DNS: 'rules.dns', KAFKA: 'rules.kafka', SERVER_NAMES: 'serverNames' };

/** `specs[1].egressDeny[2]`, of layer 7 `spec.ingress[0].toPorts[0].rules.http[1]` */
export function rulePath(path: RulePath | undefined): string {
  if (!path) return '';
  const spec = path.spec_index === undefined ? 'spec' : `specs[${path.spec_index}]`;
  if (!path.list) return spec;
  // A list that is newer than this page comes as a number.
  const list = LISTS[path.list];
  if (!list) return '';
  const rule = `${spec}.${list}[${path.index ?? 0}]`;
  if (path.port_rule_index === undefined) return rule;
  const ports = `${rule}.toPorts[${path.port_rule_index}]`;
  const layer7 = path.layer7_list && LAYER7[path.layer7_list];
  return layer7 ? `${ports}.${layer7}[${path.layer7_index ?? 0}]` : ports;
}

/** Why, where requests asked one thing: what was asked and how it was answered comes before whose rules decided, which many rows have alike. */
export function askedFirst(why: string): string {
  const [, policy, asked] = /^(.+?) · (.+: .+)$/s.exec(why) ?? [];
  return policy === undefined || asked === undefined ? why : `${asked} · ${policy}`;
}

/** Per second. */
export function rate(count: number, seconds: number): string {
  const value = count / Math.max(seconds, 1);
  return value > 0 && value < 0.1 ? `${short(value * 60)}/min` : `${short(value)}/s`;
}

/** Bytes with a binary unit. */
export function bytes(value: number): string {
  let scaled = value;
  for (const unit of ['B', 'KiB', 'MiB', 'GiB']) {
    if (scaled < 1024) return `${scaled < 10 && unit !== 'B' ? scaled.toFixed(1) : Math.round(scaled)} ${unit}`;
    scaled /= 1024;
  }
  return `${scaled.toFixed(1)} TiB`;
}

/** A span of time in its one or two largest units: `850 ms`, `1.2 s`, `3 min`, `2 h 5 min`. */
export function span(milliseconds: number): string {
  const ms = Math.max(0, milliseconds);
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 60_000) return `${Math.round(ms / 1000)} s`;
  const minutes = Math.round(ms / 60_000);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return minutes % 60 ? `${hours} h ${minutes % 60} min` : `${hours} h`;
  const days = Math.floor(hours / 24);
  return hours % 24 ? `${days} d ${hours % 24} h` : `${days} d`;
}

const two = (value: number) => String(value).padStart(2, '0');

/** Time of day of Unix milliseconds in the zone of the page, to what `step` (ms) needs. */
export function clock(time: number, step = 1): string {
  const { hour, minute, second, ms } = parts(time);
  const minutes = `${two(hour)}:${two(minute)}`;
  if (step >= 60_000) return minutes;
  const seconds = `${minutes}:${two(second)}`;
  return step >= 1000 ? seconds : `${seconds}.${String(ms).padStart(3, '0')}`;
}

/** Day and time with the zone: `2026-01-02 03:04:05.006 CET`. */
export function stamp(time: number): string {
  const { year, month, day } = parts(time);
  return `${year}-${two(month + 1)}-${two(day)} ${clock(time)} ${zoneName(time)}`;
}

/** A text of the server, which writes times in UTC, with them in the zone of the page. */
export function inZone(text: string): string {
  return text.replace(/\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, (utc) => {
    const time = Date.parse(utc);
    return Number.isNaN(time) ? utc : stamp(time);
  });
}

/** `1 flow`, `2 flows`. */
export function counted(count: number, noun: string): string {
  return `${whole(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Letters that steer a terminal, or turn or hide what follows, as `proto::json::steers` has them. */
const STEERS = /[\p{Cc}\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

/**
 * A name as it is, also if it has characters that steer a terminal, or turn or hide what follows:
 * `ev<U+202E>il`.
 */
export function visible(text: string): string {
  return text.replace(STEERS, (sign) => `<U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}>`);
}

/** The same of a text with several lines. */
export function visibleLines(text: string): string {
  return text.split('\n').map(visible).join('\n');
}

/** JSON with such letters escaped, which says the same. */
export function safeJson(value: unknown): string {
  const text = JSON.stringify(value, null, 2) ?? '';
  const escaped = (sign: string) => [...Array(sign.length).keys()].map((at) => `\\u${sign.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');
  return text.replace(STEERS, (sign) => (sign === '\n' ? sign : escaped(sign)));
}

/** How long an answer took, of milliseconds: `0.42 ms`, `1.4 ms`, `120 ms`, `2.5 s`. */
export function latency(ms: number): string {
  if (ms >= 999.5) return `${(ms / 1000).toFixed(ms < 9950 ? 1 : 0)} s`;
  return `${ms < 0.995 ? ms.toFixed(2) : ms < 9.95 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
