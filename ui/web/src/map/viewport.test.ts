import { expect, it } from 'vitest';
import { drawn, FARTHEST, fit, meets, NEAREST, visible, zoomed } from './viewport';
import { MARGIN, READABLE } from './layout';

it('fits all of a map, in its middle', () => {
  const { x, y, zoom } = fit({ x: 100, y: 0, w: 952, h: 400 }, { w: 1000, h: 600 }, false);
  expect(zoom).toBe(1);
  expect([x + 100, y]).toEqual([24, 100]);
  expect(fit({ x: 0, y: 0, w: 10, h: 10 }, { w: 1000, h: 1000 }, false).zoom).toBe(1.25);
});

it('shows a map that is too large from its beginning, as large as can be read', () => {
  const { x, y, zoom } = fit({ x: 100, y: 50, w: 9000, h: 400 }, { w: 1000, h: 600 }, false);
  expect(zoom).toBe(READABLE);
  expect(x + 100 * zoom).toBe(MARGIN.x);
  expect(y + 50 * zoom).toBeCloseTo((600 - 400 * zoom) / 2);
});

it('shows all of a crowd', () => {
  expect(fit({ x: 0, y: 0, w: 9520, h: 400 }, { w: 1000, h: 600 }, true).zoom).toBe(0.1);
});

it('zooms around a point, within bounds', () => {
  const before = { x: 10, y: 20, zoom: 1 };
  const after = zoomed(before, 1.5, 110, 120);
  expect((110 - after.x) / after.zoom).toBeCloseTo((110 - before.x) / before.zoom);
  expect((120 - after.y) / after.zoom).toBeCloseTo((120 - before.y) / before.zoom);
  expect(zoomed(before, 100, 0, 0).zoom).toBe(NEAREST);
  expect(zoomed(before, 0.0001, 0, 0).zoom).toBe(FARTHEST);
});

it('what is on the screen is visible', () => {
  const part = visible({ x: -500, y: 0, zoom: 0.5 }, 400, 300);
  expect(meets(part, { x: 1000, y: 0, w: 10, h: 10 })).toBe(true);
  expect(meets(part, { x: 5000, y: 0, w: 10, h: 10 })).toBe(false);
});

it('what is drawn stays while the map is moved a little, and follows when it is moved far', () => {
  const first = drawn({ x: 0, y: 0, zoom: 1 }, 1000, 500, null);
  expect(drawn({ x: 100, y: -50, zoom: 1 }, 1000, 500, first)).toBe(first);
  for (const viewport of [{ x: 400, y: 0, zoom: 1 }, { x: 0, y: 0, zoom: 0.5 }, { x: 0, y: 0, zoom: 2 }]) {
    const next = drawn(viewport, 1000, 500, first);
    expect(next).not.toBe(first);
    const seen = visible(viewport, 1000, 500);
    expect(next.x <= seen.x && next.x + next.w >= seen.x + seen.w && next.y <= seen.y && next.y + next.h >= seen.y + seen.h).toBe(true);
  }
});
