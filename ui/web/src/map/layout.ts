// Where cards stand. Two levels: cards within their namespace's box, then boxes among each other, each
// from left (who asks) to right (who is asked). That is readable, and quick: 2,000 cards in one level
// take dagre minutes.
//
// What has a place keeps it: new cards are put where there is room, and push away only what they would
// cover. Everything is arranged anew only when asked for, or when little of it is known.

import { Graph as Dagre, layout as dagre } from '@dagrejs/dagre';

/** What decides where a card stands. */
export interface Shape {
  id: string;
  /** The namespace's box; empty if in none. */
  group: string;
  ports: { length: number };
}

/** What is arranged. */
export interface Plan {
  cards: Shape[];
  edges: { source: string; destination: string }[];
  groups: string[];
}

export interface Box {
  x: number;
  y: number;
  w: number;
  h: number;
}

export interface Layout {
  /** By card id; from the whole map's corner. */
  cards: Record<string, Box>;
  /** By name of the open namespace. */
  groups: Record<string, Box>;
}

export const WIDTH = 196;
export const HEAD = 34;
export const LINE = 20;
const PAD = 14;
const TITLE = 26;
const GAP = 18;

export function size(card: Shape): { w: number; h: number } {
  return { w: WIDTH, h: HEAD + card.ports.length * LINE + (card.ports.length ? 6 : 0) };
}

interface Item {
  id: string;
  w: number;
  h: number;
}
interface Link {
  from: string;
  to: string;
}

/** Places from (0, 0) on. */
function arrange(items: Item[], links: Link[], across: number): Record<string, Box> {
  const linked = new Set(links.flatMap(({ from, to }) => (from === to ? [] : [from, to])));
  const boxes: Record<string, Box> = {};
  const some = items.filter(({ id }) => linked.has(id));
  let bottom = 0;
  if (some.length) {
    const graph = new Dagre({ multigraph: false });
    graph.setGraph({ rankdir: 'LR', nodesep: GAP, ranksep: across, edgesep: 6, ranker: some.length > 150 ? 'longest-path' : 'network-simplex' });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const { id, w, h } of some) graph.setNode(id, { width: w, height: h });
    for (const { from, to } of strongest(links, some.length * 2)) graph.setEdge(from, to);
    dagre(graph);
    for (const { id, w, h } of some) {
      const node = graph.node(id) as { x: number; y: number };
      boxes[id] = { x: node.x - w / 2, y: node.y - h / 2, w, h };
    }
    fold(boxes, across);
    const all = Object.values(boxes);
    const [left, top] = [Math.min(...all.map(({ x }) => x)), Math.min(...all.map(({ y }) => y))];
    for (const box of all) {
      box.x -= left;
      box.y -= top;
      bottom = Math.max(bottom, box.y + box.h + GAP);
    }
  }
  // The others stand below, in rows as wide as what is above, at least about square.
  const rest = items.filter(({ id }) => !linked.has(id));
  const area = rest.reduce((sum, { w, h }) => sum + (w + GAP) * (h + GAP), 0);
  const wide = Math.max(extent(Object.values(boxes)).w, Math.sqrt(area) * 1.3);
  let [x, y, high] = [0, bottom, 0];
  for (const { id, w, h } of rest) {
    if (x > 0 && x + w > wide) [x, y, high] = [0, y + high + GAP, 0];
    boxes[id] = { x, y, w, h };
    x += w + GAP;
    high = Math.max(high, h);
  }
  return boxes;
}

/** Width by height up to which a part is left as it is, and what it is folded to: screens are wide. */
const WIDE = 2.6;
const SCREEN = 1.8;
/** Height by width from which on a part is broken, unless it is lower than a screen. */
const TALL = 1;
const HIGH = 900;

/**
 * Chains of many steps, and circles, make dagre's columns many and short. Neighbouring columns are then
 * put on top of each other, so many that the whole has the shape of a screen; left stays left, up to
 * some edges that go back. Where many ask one, a column is so high that nothing of it can be read: it is
 * broken into several, side by side.
 */
function fold(boxes: Record<string, Box>, across: number): void {
  const { w, h } = extent(Object.values(boxes));
  const tall = h > w * TALL && h > HIGH;
  if (w <= h * WIDE && !tall) return;
  const ranks = new Map<number, Box[]>();
  for (const box of Object.values(boxes)) {
    const middle = Math.round(box.x + box.w / 2);
    ranks.set(middle, [...(ranks.get(middle) ?? []), box]);
  }
  if (ranks.size < 4 && !tall) return;
  const columns = [...ranks].sort(([a], [b]) => a - b).map(([, column]) => column.sort((a, b) => a.y - b.y));
  const measured = (parts: Box[][]) => {
    const heights = parts.map((part) => part.reduce((sum, { h }) => sum + h + GAP, -GAP));
    const widths = parts.map((part) => Math.max(...part.map(({ w }) => w)));
    return { parts, heights, widths, w: widths.reduce((sum, w) => sum + w + across, -across), h: Math.max(...heights) };
  };
  const folded = (count: number) => {
    const parts: Box[][] = Array.from({ length: count }, () => []);
    columns.forEach((column, rank) => parts[Math.floor((rank * count) / columns.length)]?.push(...column));
    return measured(parts);
  };
  const broken = (count: number) => {
    const most = h / count;
    return measured(columns.flatMap((column) => {
      const high = column.reduce((sum, { h }) => sum + h + GAP, -GAP);
      const parts: Box[][] = Array.from({ length: Math.max(1, Math.ceil(high / most)) }, () => []);
      column.forEach((box, at) => parts[Math.floor((at * parts.length) / column.length)]?.push(box));
      return parts.filter((part) => part.length);
    }));
  };
  let best = measured(columns);
  const tries = tall ? Array.from({ length: 30 }, (_, at) => broken(at + 2)) : Array.from({ length: columns.length - 2 }, (_, at) => folded(columns.length - 1 - at));
  for (const next of tries) {
    if (Math.abs(Math.log(next.w / next.h / SCREEN)) < Math.abs(Math.log(best.w / best.h / SCREEN))) best = next;
  }
  let x = 0;
  best.parts.forEach((part, at) => {
    let y = (best.h - (best.heights[at] ?? 0)) / 2;
    for (const box of part) {
      box.x = x;
      box.y = y;
      y += box.h + GAP;
    }
    x += (best.widths[at] ?? 0) + across;
  });
}

/**
 * The links that say most about who stands before whom: each once, those that stand for most edges
 * first. Where everybody talks to everybody, all of them would say nothing, slowly.
 */
function strongest(links: Link[], most: number): Link[] {
  const weights = new Map<string, Link & { weight: number }>();
  for (const { from, to } of links) {
    if (from === to) continue;
    const link = weights.get(`${from} ${to}`);
    if (link) link.weight++;
    else weights.set(`${from} ${to}`, { from, to, weight: 1 });
  }
  return [...weights.values()].sort((a, b) => b.weight - a.weight).slice(0, most);
}

export function extent(boxes: Box[]): Box {
  if (boxes.length === 0) return { x: 0, y: 0, w: 0, h: 0 };
  const x = Math.min(...boxes.map((box) => box.x));
  const y = Math.min(...boxes.map((box) => box.y));
  return {
    x,
    y,
    w: Math.max(...boxes.map((box) => box.x + box.w)) - x,
    h: Math.max(...boxes.map((box) => box.y + box.h)) - y,
  };
}

/** Everything anew. */
export function arrangeAll(graph: Plan): Layout {
  const of = new Map(graph.cards.map((card) => [card.id, card.group]));
  const inner: Record<string, Record<string, Box>> = {};
  const outer: Item[] = [];
  for (const group of graph.groups) {
    const cards = graph.cards.filter((card) => card.group === group).map((card) => ({ id: card.id, ...size(card) }));
    const links = graph.edges
      .filter(({ source, destination }) => of.get(source) === group && of.get(destination) === group)
      .map(({ source, destination }) => ({ from: source, to: destination }));
    const boxes = arrange(cards, links, 92);
    inner[group] = boxes;
    const { w, h } = extent(Object.values(boxes));
    outer.push({ id: `ns:${group}`, w: w + 2 * PAD, h: h + 2 * PAD + TITLE });
  }
  for (const card of graph.cards) if (!card.group) outer.push({ id: card.id, ...size(card) });
  const home = (id: string) => (of.get(id) ? `ns:${of.get(id)}` : id);
  const links = graph.edges.map(({ source, destination }) => ({ from: home(source), to: home(destination) }));
  const places = arrange(outer, links, 96);

  const layout: Layout = { cards: {}, groups: {} };
  for (const { id } of outer) {
    const place = places[id];
    if (!place) continue;
    const boxes = inner[id.slice(3)];
    if (!id.startsWith('ns:') || !boxes) {
      layout.cards[id] = place;
      continue;
    }
    layout.groups[id.slice(3)] = place;
    for (const [card, box] of Object.entries(boxes)) {
      layout.cards[card] = { ...box, x: place.x + PAD + box.x, y: place.y + PAD + TITLE + box.y };
    }
  }
  return layout;
}

function overlap(a: Box, b: Box, gap: number): boolean {
  return a.x < b.x + b.w + gap && b.x < a.x + a.w + gap && a.y < b.y + b.h + gap && b.y < a.y + a.h + gap;
}

/** Pushes boxes down until none covers another; `shove` moves one with all that is in it. */
function clear<T extends Box>(boxes: T[], gap: number, shove: (box: T, by: number) => void): void {
  const sorted = [...boxes].sort((a, b) => a.y - b.y || a.x - b.x);
  for (let at = 1; at < sorted.length; at++) {
    const box = sorted[at] as T;
    for (let tries = 0; tries < at; tries++) {
      const above = sorted.slice(0, at).find((other) => overlap(other, box, gap - 0.5));
      if (!above) break;
      shove(box, above.y + above.h + gap - box.y);
    }
    sorted.splice(0, sorted.length, ...sorted.sort((a, b) => a.y - b.y || a.x - b.x));
  }
}

/** The layout for a graph when there was one before. */
export function extend(graph: Plan, before: Layout): Layout {
  const known = graph.cards.filter(({ id }) => before.cards[id]);
  if (known.length < graph.cards.length * 0.6 || graph.groups.some((group) => !before.groups[group])) {
    return arrangeAll(graph);
  }
  const layout: Layout = { cards: {}, groups: {} };
  for (const card of known) {
    const box = before.cards[card.id];
    if (box) layout.cards[card.id] = { ...box, ...size(card) };
  }
  for (const group of graph.groups) {
    const box = before.groups[group];
    if (box) layout.groups[group] = { ...box };
  }
  for (const card of graph.cards) {
    if (layout.cards[card.id]) continue;
    layout.cards[card.id] = { ...spot(card, graph, layout), ...size(card) };
  }
  // Within a namespace first, then its box grows, then boxes make way.
  for (const group of graph.groups) {
    const box = layout.groups[group];
    const cards = graph.cards.filter((card) => card.group === group).flatMap(({ id }) => layout.cards[id] ?? []);
    if (!box || cards.length === 0) continue;
    clear(cards, GAP, (card, by) => (card.y += by));
    const { x, y, w, h } = extent(cards);
    box.w = Math.max(box.w, x + w + PAD - box.x);
    box.h = Math.max(box.h, y + h + PAD - box.y);
  }
  const outer = [
    ...graph.groups.flatMap((group) => layout.groups[group] ?? []),
    ...graph.cards.filter(({ group }) => !group).flatMap(({ id }) => layout.cards[id] ?? []),
  ];
  clear(outer, GAP, (box, by) => {
    box.y += by;
    const group = graph.groups.find((name) => layout.groups[name] === box);
    if (group === undefined) return;
    for (const card of graph.cards) {
      const inside = card.group === group ? layout.cards[card.id] : undefined;
      if (inside) inside.y += by;
    }
  });
  return layout;
}

/** Where a new card is put: below a card of its kind of role, in its own box. */
function spot(card: Shape, graph: Plan, layout: Layout): { x: number; y: number } {
  const siblings = graph.cards.filter(({ id, group }) => group === card.group && id !== card.id && layout.cards[id]);
  const asks = new Set(graph.edges.filter(({ source }) => source === card.id).map(({ destination }) => destination));
  const asked = new Set(graph.edges.filter(({ destination }) => destination === card.id).map(({ source }) => source));
  // Who asks the same, or is asked by the same, stands in the right column already.
  const like = siblings.find(({ id }) =>
    graph.edges.some(({ source, destination }) => (source === id && asks.has(destination)) || (destination === id && asked.has(source))),
  );
  const column = (like ?? siblings[0]) && layout.cards[(like ?? siblings[0])!.id];
  const group = layout.groups[card.group];
  const x = column?.x ?? (group ? group.x + PAD : 0);
  const inColumn = siblings.flatMap(({ id }) => {
    const box = layout.cards[id];
    return box && Math.abs(box.x - x) < WIDTH ? [box] : [];
  });
  const top = group ? group.y + PAD + TITLE : extent(Object.values(layout.cards)).y;
  const y = Math.max(top, ...inColumn.map((box) => box.y + box.h + GAP));
  return { x, y };
}
