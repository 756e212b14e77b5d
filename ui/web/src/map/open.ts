// Which namespaces are open: those that somebody opened, and of the others as many as there is room for.

import type { ServiceMap } from '../openapi';
import { graph } from './graph';
import { arrangeAll, CLOSED, extend, extent, fits, roomFor, type Area, type Layout } from './layout';

/** More cards than this are too many to be read, however large the screen is. */
export const OPEN_UP_TO = 60;
/** All of the namespaces, among those that somebody opened. */
export const ALL = '*';
/** Before the name of one that somebody closed. */
const CLOSES = '-';

/** Whether somebody opened or closed a namespace; `undefined`: neither. */
export function wished(toggled: readonly string[], namespace: string): boolean | undefined {
  if (toggled.includes(namespace)) return true;
  if (toggled.includes(CLOSES + namespace)) return false;
  if (toggled.includes(ALL)) return true;
  return toggled.includes(CLOSES + ALL) ? false : undefined;
}

/** What is toggled once a namespace is opened or closed; `ALL`: all of them. */
export function toggle(toggled: readonly string[], namespace: string, open: boolean): string[] {
  const others = namespace === ALL ? [] : toggled.filter((each) => each !== namespace && each !== CLOSES + namespace);
  return [...others, open ? namespace : CLOSES + namespace];
}

/** As much of a map as decides where things stand. */
export interface Outline {
  nodes: ServiceMap['nodes'];
  edges: ServiceMap['edges'];
}

export interface Arrangement {
  layout: Layout;
  /** Names of the open namespaces. */
  open: string[];
}

/**
 * Opens what fits into an area at a size that can be read, and says where it stands. What was open
 * `before` stays so, and in its place, as long as that fits.
 */
export function arrangement(map: Outline, toggled: readonly string[], area: Area, before: Arrangement | null): Arrangement {
  const spaces = [...new Set(map.nodes.flatMap(({ namespace }) => namespace || []))];
  const forced = spaces.filter((name) => wished(toggled, name) === true);
  const free = spaces.filter((name) => wished(toggled, name) === undefined);
  if (before) {
    const open = spaces.filter((name) => before.open.includes(name)).sort();
    const layout = extend(graph(map, new Set(open)), before.layout, area);
    if (fits(extent([...Object.values(layout.cards), ...Object.values(layout.groups)]), area) || open.length === forced.length) return { layout, open };
  }

  // The largest are closed first: that leaves most of them open.
  const all = graph(map, new Set(spaces));
  const cards = new Map<string, number>();
  const room = new Map<string, number>();
  let [count, needed] = [0, 0];
  const isForced = new Set(forced);
  const isFree = new Set(free);
  for (const card of all.cards) {
    const counted = card.group === '' || isForced.has(card.group) || isFree.has(card.group);
    if (!counted) continue;
    const own = roomFor(card);
    cards.set(card.group, (cards.get(card.group) ?? 0) + 1);
    room.set(card.group, (room.get(card.group) ?? 0) + own);
    count++;
    needed += own;
  }
  const closing = [...free].sort((a, b) => (cards.get(a) ?? 0) - (cards.get(b) ?? 0) || (a < b ? 1 : -1));
  const close = () => {
    const name = closing.pop();
    if (name === undefined) return false;
    count -= (cards.get(name) ?? 0) - 1;
    needed -= (room.get(name) ?? 0) - CLOSED;
    return true;
  };
  // What can't fit by its size alone isn't tried.
  while ((count > OPEN_UP_TO || needed > area.w * area.h) && close());
  for (;;) {
    const open = [...forced, ...closing].sort();
    const layout = arrangeAll(graph(map, new Set(open)), area);
    if (fits(extent([...Object.values(layout.cards), ...Object.values(layout.groups)]), area) || !close()) return { layout, open };
  }
}
