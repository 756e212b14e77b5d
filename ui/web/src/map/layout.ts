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
  /** Between cards, px: edges pass there. */
  gap: number;
}

/** The panel that the map is seen in, px. */
export interface Area {
  w: number;
  h: number;
}

export const WIDTH = 152;
export const HEAD = 28;
export const LINE = 18;
/** Between cards that stand above each other, and around them in their namespace. */
const GAP = 16;
/** More where there is room: edges are told apart better. */
const ROOMY = 24;
/** Between columns of cards, as a multiple. */
const ASIDE = 2.75;
export const TITLE = 22;
/** Beside the whole map, and above and below it, px of the screen: edges and their words go round it. */
export const MARGIN = { x: 24, y: 34 };
/** The smallest text is 12 px, and is never shown with less than 11. */
export const READABLE = 0.92;

export function size(card: { ports: { length: number } }): { w: number; h: number } {
  return { w: WIDTH, h: HEAD + card.ports.length * LINE + (card.ports.length ? 5 : 0) };
}

/** What a card needs of the panel, the way to the next one included. */
export function roomFor(card: { ports: { length: number } }): number {
  const { w, h } = size(card);
  return (w + GAP) * (h + GAP) * READABLE * READABLE;
}

/** What a closed namespace needs. */
export const CLOSED = roomFor({ ports: [] });

/** How large a map can be shown, so that all of it is in the panel. */
export function largest({ w, h }: { w: number; h: number }, area: Area): number {
  return Math.min((area.w - 2 * MARGIN.x) / Math.max(w, 1), (area.h - 2 * MARGIN.y) / Math.max(h, 1));
}

/** Whether all of a map is in the panel, and can be read. */
export function fits(box: { w: number; h: number }, area: Area): boolean {
  return largest(box, area) >= READABLE;
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

/** What boxes are packed into. */
interface Panel extends Area {
  /** At least so many columns. */
  columns: number;
  /** Shown larger than this is no better. */
  enough: number;
}

/** Places from (0, 0) on, as large as possible in a panel; without one, as dagre puts them. */
function arrange(items: Item[], links: Link[], panel: Panel | null, gap: number): Record<string, Box> {
  const linked = new Set(links.flatMap(({ from, to }) => (from === to ? [] : [from, to])));
  let boxes: Record<string, Box> = {};
  const some = items.filter(({ id }) => linked.has(id));
  const rest = items.filter(({ id }) => !linked.has(id));
  const area = rest.reduce((sum, { w, h }) => sum + (w + gap) * (h + gap), 0);
  if (some.length) boxes = { ...ranked(some, links, gap) };
  if (some.length && panel) boxes = packed(boxes, panel, area, gap);
  // The others stand below, in rows as wide as what is above, or in the shape of the panel.
  const above = extent(Object.values(boxes));
  const wide = Math.max(above.w, Math.sqrt(area * Math.min(8, panel ? panel.w / panel.h : 1)), ...rest.map(({ w }) => w));
  let [x, y, high] = [0, some.length ? above.h + gap : 0, 0];
  for (const { id, w, h } of rest) {
    if (x > 0 && x + w > wide) [x, y, high] = [0, y + high + gap, 0];
    boxes[id] = { x, y, w, h };
    x += w + gap;
    high = Math.max(high, h);
  }
  return boxes;
}

/** What dagre made of the same before: namespaces are tried open and closed, in several shapes. */
const known = new Map<string, Record<string, Box>>();
const KNOWN = 200;

/** Columns from left to right, as dagre puts them. */
function ranked(items: Item[], links: Link[], gap: number): Record<string, Box> {
  const strong = strongest(links, items.length * 2);
  const key = JSON.stringify([items.map(({ id, w, h }) => [id, w, h]), strong.map(({ from, to }) => [from, to]), gap]);
  const before = known.get(key);
  if (before) return before;
  const graph = new Dagre({ multigraph: false });
  graph.setGraph({ rankdir: 'LR', nodesep: gap, ranksep: gap * ASIDE, edgesep: 6, ranker: items.length > 150 ? 'longest-path' : 'network-simplex' });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const { id, w, h } of items) graph.setNode(id, { width: w, height: h });
  for (const { from, to } of strong) graph.setEdge(from, to);
  dagre(graph);
  const boxes: Record<string, Box> = {};
  for (const { id, w, h } of items) {
    const node = graph.node(id) as { x: number; y: number };
    boxes[id] = { x: node.x - w / 2, y: node.y - h / 2, w, h };
  }
  const { x, y } = extent(Object.values(boxes));
  for (const box of Object.values(boxes)) {
    box.x -= x;
    box.y -= y;
  }
  if (known.size >= KNOWN) known.clear();
  known.set(key, boxes);
  return boxes;
}

/** How much larger a tighter arrangement must be shown to be worth crossings that dagre avoids. */
const WORTH = 1.12;
const COLUMNS = 16;
/** How far apart boxes may stand where there is room, as a multiple of what is between them anyway. */
const APART = 2.5;

/**
 * dagre's columns are few and high, or many and short, and centred with room between. Where the panel has
 * another shape, the same boxes in the same order, left to right and top to bottom, are put into as many
 * columns as show them largest. `below`: what else needs room, px².
 */
function packed(boxes: Record<string, Box>, panel: Panel, below: number, gap: number): Record<string, Box> {
  const aside = gap * ASIDE;
  const ordered = Object.entries(boxes).sort(([, a], [, b]) => Math.round(a.x + a.w / 2 - b.x - b.w / 2) || a.y - b.y);
  const scale = (w: number, h: number) => Math.min(panel.enough, panel.w / w, panel.h / (h + below / w));
  const whole = extent(Object.values(boxes));
  let found = boxes;
  let best = scale(whole.w, whole.h) * WORTH;
  for (let count = panel.columns; count <= Math.min(ordered.length, COLUMNS); count++) {
    const columns = columnsOf(ordered.map(([, box]) => box), count, gap);
    const heights = columns.map((column) => column.reduce((sum, at) => sum + (ordered[at]?.[1].h ?? 0) + gap, -gap));
    const widths = columns.map((column) => Math.max(...column.map((at) => ordered[at]?.[1].w ?? 0)));
    const [w, h] = [widths.reduce((sum, w) => sum + w + aside, -aside), Math.max(...heights)];
    if (scale(w, h) <= best) continue;
    best = scale(w, h);
    found = {};
    // Where the panel is higher than that, boxes stand apart.
    const most = Math.max(...columns.map((column) => column.length)) - 1;
    const spare = panel.enough === Infinity ? 0 : (panel.h - 2 * MARGIN.y) / Math.min(1, panel.w / w) - h - below / w;
    const more = most > 0 ? Math.max(0, Math.min(gap * APART, spare / most)) : 0;
    let x = 0;
    columns.forEach((column, rank) => {
      let y = (h - (heights[rank] ?? 0) - more * (column.length - 1)) / 2;
      for (const at of column) {
        const [id, box] = ordered[at] ?? [];
        if (id === undefined || !box) continue;
        found[id] = { ...box, x, y };
        y += box.h + gap + more;
      }
      x += (widths[rank] ?? 0) + aside;
    });
    const top = Math.min(...Object.values(found).map(({ y }) => y));
    for (const box of Object.values(found)) box.y -= top;
  }
  return found;
}

/** Splits a row of boxes into at most so many columns, of which the highest is as low as possible. */
function columnsOf(boxes: Box[], count: number, gap: number): number[][] {
  const split = (most: number) => {
    const columns: number[][] = [];
    let high = Infinity;
    boxes.forEach(({ h }, at) => {
      if (high + gap + h > most) {
        columns.push([]);
        high = -gap;
      }
      columns.at(-1)?.push(at);
      high += h + gap;
    });
    return columns;
  };
  let [low, high] = [Math.max(...boxes.map(({ h }) => h)), boxes.reduce((sum, { h }) => sum + h + gap, 0)];
  while (high - low > 1) {
    const middle = (low + high) / 2;
    if (split(middle).length <= count) high = middle;
    else low = middle;
  }
  return split(high);
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

/** More boxes than this above each other are no map: nobody sees where their edges lead. */
const FEW = 3;
/** Shapes that namespaces are tried in, as parts of the panel's; `null`: as dagre puts their cards. */
const SHAPES = [null, 1, 0.5, 0.25, 2];
/** Of more cards only the first is tried. */
const TRIED = 120;

/** Everything anew: of several arrangements the one that the panel shows largest. */
export function arrangeAll(graph: Plan, area: Area): Layout {
  const shapes = graph.cards.length > TRIED ? SHAPES.slice(1, 2) : SHAPES;
  const best = (gap: number) => {
    const tried = shapes.map((part) => {
      const layout = arrangeIn(graph, area, part === null ? null : { w: area.w * part, h: area.h }, gap);
      return { layout, scale: Math.min(1, largest(extent([...Object.values(layout.cards), ...Object.values(layout.groups)]), area)) };
    });
    return tried.reduce((best, next) => (next.scale > best.scale * 1.02 ? next : best));
  };
  const roomy = best(ROOMY);
  return roomy.scale >= READABLE || graph.cards.length > TRIED ? roomy.layout : best(GAP).layout;
}

/** `shape`: what a namespace's box is to look like. */
function arrangeIn(graph: Plan, area: Area, shape: Area | null, gap: number): Layout {
  const of = new Map(graph.cards.map((card) => [card.id, card.group]));
  const inner: Record<string, Record<string, Box>> = {};
  const outer: Item[] = [];
  for (const group of graph.groups) {
    const cards = graph.cards.filter((card) => card.group === group).map((card) => ({ id: card.id, ...size(card) }));
    const links = graph.edges
      .filter(({ source, destination }) => of.get(source) === group && of.get(destination) === group)
      .map(({ source, destination }) => ({ from: source, to: destination }));
    const boxes = arrange(cards, links, shape && { ...shape, columns: 1, enough: Infinity }, gap);
    inner[group] = boxes;
    const { w, h } = extent(Object.values(boxes));
    outer.push({ id: `ns:${group}`, w: w + 2 * gap, h: h + 2 * gap + TITLE });
  }
  for (const card of graph.cards) if (!card.group) outer.push({ id: card.id, ...size(card) });
  const home = (id: string) => (of.get(id) ? `ns:${of.get(id)}` : id);
  const links = graph.edges.map(({ source, destination }) => ({ from: home(source), to: home(destination) }));
  const places = arrange(outer, links, { ...area, columns: outer.length > FEW ? 2 : 1, enough: 1 }, gap);

  const layout: Layout = { cards: {}, groups: {}, gap };
  for (const { id } of outer) {
    const at = places[id];
    if (!at) continue;
    // Whole numbers: ways pass at the same place beside two cards that stand side by side.
    const place = { ...at, x: Math.round(at.x), y: Math.round(at.y) };
    const boxes = inner[id.slice(3)];
    if (!id.startsWith('ns:') || !boxes) {
      layout.cards[id] = place;
      continue;
    }
    layout.groups[id.slice(3)] = place;
    for (const [card, box] of Object.entries(boxes)) {
      layout.cards[card] = { ...box, x: place.x + gap + Math.round(box.x), y: place.y + gap + TITLE + Math.round(box.y) };
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
export function extend(graph: Plan, before: Layout, area: Area): Layout {
  const known = graph.cards.filter(({ id }) => before.cards[id]);
  if (known.length < graph.cards.length * 0.6 || graph.groups.some((group) => !before.groups[group])) {
    return arrangeAll(graph, area);
  }
  const { gap } = before;
  const layout: Layout = { cards: {}, groups: {}, gap };
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
    clear(cards, gap, (card, by) => (card.y += by));
    const { x, y, w, h } = extent(cards);
    box.w = Math.max(box.w, x + w + gap - box.x);
    box.h = Math.max(box.h, y + h + gap - box.y);
  }
  const outer = [
    ...graph.groups.flatMap((group) => layout.groups[group] ?? []),
    ...graph.cards.filter(({ group }) => !group).flatMap(({ id }) => layout.cards[id] ?? []),
  ];
  clear(outer, gap, (box, by) => {
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
  const { gap } = layout;
  const siblings = graph.cards.filter(({ id, group }) => group === card.group && id !== card.id && layout.cards[id]);
  const asks = new Set(graph.edges.filter(({ source }) => source === card.id).map(({ destination }) => destination));
  const asked = new Set(graph.edges.filter(({ destination }) => destination === card.id).map(({ source }) => source));
  // Who asks the same, or is asked by the same, stands in the right column already.
  const like = siblings.find(({ id }) =>
    graph.edges.some(({ source, destination }) => (source === id && asks.has(destination)) || (destination === id && asked.has(source))),
  );
  const column = (like ?? siblings[0]) && layout.cards[(like ?? siblings[0])!.id];
  const group = layout.groups[card.group];
  const x = column?.x ?? (group ? group.x + gap : 0);
  const inColumn = siblings.flatMap(({ id }) => {
    const box = layout.cards[id];
    return box && Math.abs(box.x - x) < WIDTH ? [box] : [];
  });
  const top = group ? group.y + gap + TITLE : extent(Object.values(layout.cards)).y;
  const y = Math.max(top, ...inColumn.map((box) => box.y + box.h + gap));
  return { x, y };
}
