import { describe, expect, it } from 'vitest';
import { distance, line, routed } from './lines';

const box = (x: number, y: number) => ({ x, y, w: 100, h: 60 });
const edge = (port: number) => ({ source: 'a', destination: 'b', port });

describe('the distance to an edge', () => {
  const { way } = line(edge(-1), box(0, 0), box(400, 200));
  const [start, end] = [way[0]!, way.at(-1)!];

  it.each([
    [start, 0],
    [end, 0],
    [{ x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 }, 0],
    [{ x: start.x - 3, y: start.y }, 3],
    [{ x: start.x, y: start.y + 200 }, Infinity],
    [{ x: -1000, y: 0 }, Infinity],
  ])('from %o', (point, wanted) => {
    const found = distance(way, point, 7);
    if (wanted === Infinity) expect(found).toBe(Infinity);
    else expect(found).toBeCloseTo(wanted, 0);
  });

  it('is known of one that comes back to where it began', () => {
    const self = line({ source: 'a', destination: 'a', port: 0 }, box(0, 0), box(0, 0));
    expect(distance(self.way, self.points[0] ?? start, 7)).toBeLessThan(7);
  });
});

describe('a way with bends', () => {
  const way = [{ x: 0, y: 0 }, { x: 100, y: 0 }, { x: 100, y: 60 }, { x: 140, y: 60 }];

  it('has its word in its middle', () => expect(routed(way).points[0]).toEqual({ x: 100, y: 0 }));

  it('is drawn round, and no rounder than its parts are long', () => {
    expect(routed(way).path).toBe('M0 0L93 0Q100 0 100 7L100 53Q100 60 107 60L140 60');
    expect(routed([{ x: 0, y: 0 }, { x: 4, y: 0 }, { x: 4, y: 4 }]).path).toBe('M0 0L2 0Q4 0 4 2L4 4');
  });

  it('is near where it passes only', () => {
    expect(distance(way, { x: 103, y: 30 }, 7)).toBe(3);
    expect(distance(way, { x: 50, y: 30 }, 7)).toBe(Infinity);
  });
});
