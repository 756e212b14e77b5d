// The ways of edges: along lines between the boxes, around every card, with few bends.

import { HEAD, LINE, TITLE, type Box, type Layout } from './layout';

export interface Point {
  x: number;
  y: number;
}

/** What an edge's way depends on. */
export interface End {
  id: string;
  source: string;
  destination: string;
  /** Line of the destination's card; -1 for the card as a whole. */
  port: number;
}

/** More than these are not drawn one by one: they get no ways. */
export const MOST_EDGES = 250;
const MOST_CARDS = 150;

/** A bend is worth this much of a detour, px. */
const BEND = 40;
/** How much longer a way counts where it leads through a namespace that it has nothing to do with. */
const FOREIGN = 2.5;
/** And where another edge lies already. */
const SHARED = 1.6;
/** Between edges that lie on one line, px. */
const LANE = 5;

export function start(box: Box): Point {
  return { x: box.x + box.w, y: box.y + HEAD / 2 };
}

export function end(box: Box, port: number): Point {
  return { x: box.x, y: port < 0 ? box.y + HEAD / 2 : box.y + HEAD + port * LINE + LINE / 2 };
}

/** Lines of a grid, and where each is. */
class Axis {
  readonly at: number[];
  #index = new Map<number, number>();

  constructor(values: number[]) {
    this.at = [...new Set(values.map(Math.round))].sort((a, b) => a - b);
    this.at.forEach((value, index) => this.#index.set(value, index));
  }

  index(value: number): number {
    return this.#index.get(Math.round(value)) ?? 0;
  }

  /** Indices of the lines within bounds, the bounds left out. */
  within(from: number, to: number): [number, number] {
    const first = this.at.findIndex((value) => value > from);
    if (first < 0) return [0, -1];
    let last = first - 1;
    while (last + 1 < this.at.length && (this.at[last + 1] ?? Infinity) < to) last++;
    return [first, last];
  }
}

/** A heap of numbers by their cost. */
class Heap {
  #items: number[] = [];
  #costs: number[] = [];

  get size(): number {
    return this.#items.length;
  }

  push(item: number, cost: number): void {
    let at = this.#items.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((this.#costs[parent] as number) <= cost) break;
      this.#items[at] = this.#items[parent] as number;
      this.#costs[at] = this.#costs[parent] as number;
      at = parent;
    }
    this.#items[at] = item;
    this.#costs[at] = cost;
  }

  pop(): number {
    const top = this.#items[0] as number;
    const [item, cost] = [this.#items.pop() as number, this.#costs.pop() as number];
    const size = this.#items.length;
    let at = 0;
    while (at * 2 + 1 < size) {
      let child = at * 2 + 1;
      if (child + 1 < size && (this.#costs[child + 1] as number) < (this.#costs[child] as number)) child++;
      if ((this.#costs[child] as number) >= cost) break;
      this.#items[at] = this.#items[child] as number;
      this.#costs[at] = this.#costs[child] as number;
      at = child;
    }
    if (size) {
      this.#items[at] = item;
      this.#costs[at] = cost;
    }
    return top;
  }
}

/** A grid whose lines pass beside all boxes, and what lies on it. */
class Grid {
  readonly xs: Axis;
  readonly ys: Axis;
  /** By point, to its right and below: nothing leads there. */
  readonly #blocked: [Uint8Array, Uint8Array];
  readonly #used: [Uint8Array, Uint8Array];
  /** By point: number of the namespace that it is in; 0 for none. */
  readonly #group: Uint16Array;

  /** `beside`: between a box and the lines that pass it. */
  constructor(cards: Box[], groups: [string, Box][], ports: number[], beside: number) {
    const boxes = groups.map(([, box]) => box);
    this.xs = new Axis([...cards, ...boxes].flatMap(({ x, w }) => [x - beside, x + w + beside]));
    this.ys = new Axis([...[...cards, ...boxes].flatMap(({ y, h }) => [y - beside, y + h + beside]), ...ports]);
    const size = this.xs.at.length * this.ys.at.length;
    this.#blocked = [new Uint8Array(size), new Uint8Array(size)];
    this.#used = [new Uint8Array(size), new Uint8Array(size)];
    this.#group = new Uint16Array(size);
    groups.forEach(([, { x, y, w, h }], number) => {
      const [left, right] = this.xs.within(x, x + w);
      const [top, bottom] = this.ys.within(y, y + h);
      for (let row = top; row <= bottom; row++) for (let column = left; column <= right; column++) this.#group[this.point(column, row)] = number + 1;
    });
    for (const card of cards) this.#block(card, beside - 1);
    // Nothing lies over the names of namespaces.
    for (const [name, { x, y, w }] of groups) this.#block({ x, y, w: Math.min(w, name.length * 8 + 20), h: TITLE }, 0);
  }

  point(column: number, row: number): number {
    return row * this.xs.at.length + column;
  }

  #block({ x, y, w, h }: Box, by: number): void {
    const [x0, x1, y0, y1] = [x - by, x + w + by, y - by, y + h + by];
    const [left, right] = this.xs.within(x0, x1);
    const [top, bottom] = this.ys.within(y0, y1);
    for (let row = top; row <= bottom; row++) {
      for (let column = Math.max(0, left - 1); column <= Math.max(right, left - 1); column++) this.#blocked[0][this.point(column, row)] = 1;
    }
    for (let column = left; column <= right; column++) {
      for (let row = Math.max(0, top - 1); row <= Math.max(bottom, top - 1); row++) this.#blocked[1][this.point(column, row)] = 1;
    }
  }

  /** The cheapest way from a point, leaving to the right, to another, coming from the left. */
  way(from: number, to: number, own: readonly number[]): number[] | null {
    const columns = this.xs.at.length;
    const rows = this.ys.at.length;
    // A state is a point, and whether it was reached along a line or up and down.
    const cost = new Float64Array(columns * rows * 2).fill(Infinity);
    const came = new Int32Array(columns * rows * 2).fill(-1);
    const heap = new Heap();
    const x = (point: number) => this.xs.at[point % columns] as number;
    const y = (point: number) => this.ys.at[Math.floor(point / columns)] as number;
    const left = (point: number) => Math.abs(x(point) - x(to)) + Math.abs(y(point) - y(to));
    cost[from * 2] = 0;
    heap.push(from * 2, left(from));
    while (heap.size) {
      const state = heap.pop();
      const point = state >> 1;
      const upright = state & 1;
      if (point === to && !upright) break;
      const here = cost[state] as number;
      // From above or below it bends into the card.
      if (point === to && here + BEND < (cost[to * 2] as number)) {
        cost[to * 2] = here + BEND;
        came[to * 2] = state;
        heap.push(to * 2, here + BEND);
      }
      const go = (next: number, line: number, direction: number) => {
        if (this.#blocked[direction]![line]) return;
        const group = this.#group[line] as number;
        let length = direction ? Math.abs(y(next) - y(point)) : Math.abs(x(next) - x(point));
        if (group && !own.includes(group)) length *= FOREIGN;
        if (this.#used[direction]![line]) length *= SHARED;
        const total = here + length + (direction === upright ? 0 : BEND);
        const reached = next * 2 + direction;
        if (total >= (cost[reached] as number)) return;
        cost[reached] = total;
        came[reached] = state;
        heap.push(reached, total + left(next));
      };
      const column = point % columns;
      const row = Math.floor(point / columns);
      if (column + 1 < columns) go(point + 1, point, 0);
      if (column > 0) go(point - 1, point - 1, 0);
      if (row + 1 < rows) go(point + columns, point, 1);
      if (row > 0) go(point - columns, point - columns, 1);
    }
    let state = to * 2;
    if (cost[state] === Infinity) return null;
    const points: number[] = [];
    for (; state >= 0; state = came[state] as number) {
      if (points[0] !== state >> 1) points.unshift(state >> 1);
    }
    points.forEach((point, at) => {
      const next = points[at + 1];
      if (next !== undefined) this.#used[Math.abs(next - point) === 1 ? 0 : 1]![Math.min(point, next)] = 1;
    });
    return points;
  }

  at(point: number): Point {
    const columns = this.xs.at.length;
    return { x: this.xs.at[point % columns] as number, y: this.ys.at[Math.floor(point / columns)] as number };
  }

  group(names: readonly string[], name: string | undefined): number {
    return name ? names.indexOf(name) + 1 : 0;
  }
}

/** Only the points at which a way bends, and its ends. */
function bends(points: Point[]): Point[] {
  return points.filter((point, at) => {
    const [before, after] = [points[at - 1], points[at + 1]];
    if (!before || !after) return true;
    return !((before.x === point.x && point.x === after.x) || (before.y === point.y && point.y === after.y));
  });
}

/** Puts parts that lie on one line side by side. */
function apart(ways: Point[][], room: number): void {
  for (const [along, across] of [['x', 'y'], ['y', 'x']] as const) {
    const lines = new Map<number, { way: Point[]; at: number; from: number; to: number; lane: number }[]>();
    for (const way of ways) {
      // The first and the last part belong to the cards.
      for (let at = 1; at + 2 < way.length; at++) {
        const [a, b] = [way[at] as Point, way[at + 1] as Point];
        if (a[across] !== b[across]) continue;
        const parts = lines.get(a[across]) ?? [];
        lines.set(a[across], parts);
        parts.push({ way, at, from: Math.min(a[along], b[along]), to: Math.max(a[along], b[along]), lane: 0 });
      }
    }
    for (const parts of lines.values()) {
      parts.sort((a, b) => a.from - b.from || a.to - b.to);
      const ends: number[] = [];
      for (const part of parts) {
        const free = ends.findIndex((end) => end <= part.from);
        part.lane = free < 0 ? ends.length : free;
        ends[part.lane] = part.to;
      }
      const gap = Math.min(LANE, room / Math.max(1, ends.length - 1));
      for (const { way, at, lane } of parts) {
        const by = (lane - (ends.length - 1) / 2) * gap;
        (way[at] as Point)[across] += by;
        (way[at + 1] as Point)[across] += by;
      }
    }
  }
}

/** The ways of edges by their id; of those that there is none for, none. */
export function routes(edges: readonly End[], groupOf: ReadonlyMap<string, string>, layout: Layout): Record<string, Point[]> {
  const cards = [...groupOf.keys()].flatMap((id) => layout.cards[id] ?? []);
  if (edges.length > MOST_EDGES || cards.length > MOST_CARDS) return {};
  const open = new Set(groupOf.values());
  const groups = Object.entries(layout.groups).filter(([name]) => open.has(name));
  const names = groups.map(([name]) => name);
  const ends = edges.flatMap((edge) => {
    const [from, to] = [layout.cards[edge.source], layout.cards[edge.destination]];
    return from && to ? [{ edge, from: start(from), to: end(to, edge.port) }] : [];
  });
  // Half of what is between two cards: both have the same line beside them.
  const beside = layout.gap / 2;
  const grid = new Grid(cards, groups, ends.flatMap(({ from, to }) => [from.y, to.y]), beside);
  // The short ones first: they have least choice.
  ends.sort((a, b) => Math.hypot(a.from.x - a.to.x, a.from.y - a.to.y) - Math.hypot(b.from.x - b.to.x, b.from.y - b.to.y));
  const found: [string, Point[]][] = [];
  for (const { edge, from, to } of ends) {
    const own = [grid.group(names, groupOf.get(edge.source)), grid.group(names, groupOf.get(edge.destination))];
    const first = grid.point(grid.xs.index(from.x + beside), grid.ys.index(from.y));
    const last = grid.point(grid.xs.index(to.x - beside), grid.ys.index(to.y));
    const way = grid.way(first, last, own);
    if (!way) continue;
    const points = way.map((point) => grid.at(point));
    // The grid is of whole numbers; cards are not.
    const [head, tail] = [points[0] as Point, points.at(-1) as Point];
    found.push([edge.id, bends([{ x: from.x, y: head.y }, ...points, { x: to.x, y: tail.y }])]);
  }
  apart(found.map(([, way]) => way), layout.gap - 6);
  return Object.fromEntries(found);
}
