import { describe, expect, it } from 'vitest';
import { distance, line } from './lines';

const box = (x: number, y: number) => ({ x, y, w: 100, h: 60 });
const edge = (port: number) => ({ source: 'a', destination: 'b', port });

describe('the distance to an edge', () => {
  const { curve } = line(edge(-1), box(0, 0), box(400, 200));
  const [start, , , end] = curve;

  it.each([
    [start, 0],
    [end, 0],
    [{ x: (start.x + end.x) / 2, y: (start.y + end.y) / 2 }, 0],
    [{ x: start.x - 3, y: start.y }, 3],
    [{ x: start.x, y: start.y + 200 }, Infinity],
    [{ x: -1000, y: 0 }, Infinity],
  ])('from %o', (point, wanted) => {
    const found = distance(curve, point, 7);
    if (wanted === Infinity) expect(found).toBe(Infinity);
    else expect(found).toBeCloseTo(wanted, 0);
  });

  it('is known of one that comes back to where it began', () => {
    const self = line({ source: 'a', destination: 'a', port: 0 }, box(0, 0), box(0, 0));
    expect(distance(self.curve, self.points[0] ?? start, 7)).toBeLessThan(7);
  });
});
