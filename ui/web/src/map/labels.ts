// Where the words of edges stand: none lies over another, over a cross, or over a card. What finds no
// place is left out; it is said when the pointer is on the edge.

import type { Point } from './lines';
import type { Box } from './layout';

export interface Wish {
  id: string;
  /** Along the edge, the best first. */
  points: Point[];
  /** Letters of its text; none: no text is wanted. */
  letters: number;
  /** Letters of a shorter one, for where that has no room. */
  brief?: number;
  /** Whether it has a cross. */
  cross: boolean;
}

export interface Place {
  /** Where the cross stands, or the text would. */
  mark: Point;
  /** The middle of the text's base line; absent if there is no room. */
  text?: Point;
  /** It is the shorter text that has room there. */
  brief?: boolean;
}

const LETTER = 6.8;
const HEIGHT = 15;
const CROSS = 18;

/** Boxes in a grid: what is near is found without looking at all. */
class Taken {
  static readonly CELL = 128;
  #cells = new Map<string, Box[]>();

  add(box: Box): void {
    for (const key of this.#keys(box)) {
      const cell = this.#cells.get(key);
      if (cell) cell.push(box);
      else this.#cells.set(key, [box]);
    }
  }

  meets(box: Box): boolean {
    return this.#keys(box).some((key) =>
      this.#cells.get(key)?.some((other) => box.x < other.x + other.w && other.x < box.x + box.w && box.y < other.y + other.h && other.y < box.y + box.h),
    );
  }

  #keys({ x, y, w, h }: Box): string[] {
    const cell = (value: number) => Math.floor(value / Taken.CELL);
    const keys: string[] = [];
    for (let column = cell(x); column <= cell(x + w); column++) for (let row = cell(y); row <= cell(y + h); row++) keys.push(`${column} ${row}`);
    return keys;
  }
}

function around({ x, y }: Point, w: number, h: number): Box {
  return { x: x - w / 2, y: y - h / 2, w, h };
}

/** Places for all wishes, those that come first first. */
export function places(wishes: readonly Wish[], cards: Iterable<Box>): Map<string, Place> {
  const taken = new Taken();
  for (const card of cards) taken.add(card);
  const found = new Map<string, Place>();
  // A cross is always shown: its worst place is the middle.
  for (const { id, points, cross } of wishes) {
    const middle = points[0];
    if (!middle) continue;
    const mark = cross ? (points.find((point) => !taken.meets(around(point, CROSS, CROSS))) ?? middle) : middle;
    found.set(id, { mark });
    if (cross) taken.add(around(mark, CROSS, CROSS));
  }
  for (const { id, points, letters, brief, cross } of wishes) {
    const place = found.get(id);
    if (!place || !letters) continue;
    for (const width of brief !== undefined && brief < letters ? [letters, brief] : [letters]) {
      const w = width * LETTER;
      const free = room(place.mark, points, cross, w, taken);
      if (!free) continue;
      taken.add(around(free, w, HEIGHT));
      place.text = { x: free.x, y: free.y + 4 };
      if (width !== letters) place.brief = true;
      break;
    }
  }
  return found;
}

/** The first place beside a cross, or along an edge, at which a text of a width lies over nothing. */
function room({ x, y }: Point, points: readonly Point[], cross: boolean, w: number, taken: Taken): Point | undefined {
  const [up, aside] = [CROSS / 2 + HEIGHT / 2 + 1, CROSS / 2 + w / 2 + 2];
  const candidates = cross
    ? [{ x, y: y - up }, { x, y: y + up }, { x: x + aside, y }, { x: x - aside, y }]
    : points.flatMap(({ x, y }) => [{ x, y: y - HEIGHT / 2 - 2 }, { x, y: y + HEIGHT / 2 + 3 }]);
  return candidates.find((point) => !taken.meets(around(point, w, HEIGHT)));
}
