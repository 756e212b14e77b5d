import { describe, expect, it } from 'vitest';
import { places, type Place, type Wish } from './labels';

const wish = (id: string, y: number, cross = true): Wish => ({
  id,
  points: [0, -60, 60, -110, 110].map((dx) => ({ x: 300 + dx, y: y + dx / 10 })),
  letters: 8,
  cross,
});

function overlapping(found: Place[], w: number, h: number, of: (place: Place) => { x: number; y: number } | undefined): number {
  const points = found.flatMap((place) => of(place) ?? []);
  let count = 0;
  points.forEach((a, at) => {
    for (const b of points.slice(at + 1)) if (Math.abs(a.x - b.x) < w && Math.abs(a.y - b.y) < h) count++;
  });
  return count;
}

describe('words of edges', () => {
  it('do not lie over each other, however many edges come together', () => {
    const wishes = Array.from({ length: 40 }, (_, at) => wish(`e${at}`, 100 + (at % 20) * 6));
    const found = [...places(wishes, []).values()];
    expect(found).toHaveLength(40);
    expect(overlapping(found, 8 * 6.3, 14, ({ text }) => text)).toBe(0);
    expect(found.filter(({ text }) => text).length).toBeGreaterThan(5);
  });

  it('crosses are always there, and apart where there is room', () => {
    const found = [...places([wish('a', 100), wish('b', 104), wish('c', 108)], []).values()];
    expect(overlapping(found, 18, 18, ({ mark }) => mark)).toBe(0);
    const crowded = places(Array.from({ length: 30 }, (_, at) => wish(`e${at}`, 100)), []);
    expect([...crowded.values()].every(({ mark }) => Number.isFinite(mark.x))).toBe(true);
  });

  it('do not lie over cards', () => {
    const all = { x: 0, y: 0, w: 1000, h: 400 };
    expect(places([wish('a', 100, false)], [all]).get('a')?.text).toBeUndefined();
    expect(places([wish('a', 100, false)], [{ ...all, y: 110 }]).get('a')?.text?.y).toBeLessThan(110);
  });

  it('are not there for who wants none', () => {
    expect(places([{ ...wish('a', 100), letters: 0 }], []).get('a')).toEqual({ mark: { x: 300, y: 100 } });
  });
});
