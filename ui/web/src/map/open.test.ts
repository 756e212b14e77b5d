import { describe, expect, it } from 'vitest';
import type { MapEdge } from '../openapi';
import { graph } from './graph';
import { extent, fits } from './layout';
import { ALL, arrangement, OPEN_UP_TO, toggle, wished, type Outline } from './open';

/** Namespaces of growing size, in which each workload asks the next. */
function outline(...sizes: number[]): Outline {
  const nodes = sizes.flatMap((size, space) =>
    Array.from({ length: size }, (_, at) => ({ id: `ns${space}/w${at}`, kind: 'workload' as const, namespace: `ns${space}`, name: `w${at}`, term: '' })),
  );
  const edges = nodes.slice(1).map(({ id }, at): MapEdge => ({ source: nodes[at]!.id, destination: id, port: '80/TCP', flows: 1, dropped: 0, connections: 1, bytes: 0, term: '' }));
  return { nodes, edges };
}

const WIDE = { w: 1364, h: 664 };
const PHONE = { w: 372, h: 540 };

function whole({ layout }: ReturnType<typeof arrangement>) {
  return extent([...Object.values(layout.cards), ...Object.values(layout.groups)]);
}

describe('namespaces', () => {
  it('are open or closed as somebody wished, the last wish first', () => {
    expect(wished([], 'a')).toBe(undefined);
    let toggled = toggle([], 'a', true);
    expect([wished(toggled, 'a'), wished(toggled, 'b')]).toEqual([true, undefined]);
    toggled = toggle(toggled, ALL, false);
    expect([wished(toggled, 'a'), wished(toggled, 'b')]).toEqual([false, false]);
    toggled = toggle(toggled, 'b', true);
    expect([wished(toggled, 'a'), wished(toggled, 'b')]).toEqual([false, true]);
    expect(toggle(toggle(toggled, 'b', false), ALL, true)).toEqual([ALL]);
  });

  it('are all open where they can be read', () => {
    const found = arrangement(outline(4, 4, 4), [], WIDE, null);
    expect(found.open).toHaveLength(3);
    expect(fits(whole(found), WIDE)).toBe(true);
  });

  it('close by themselves before what is in them can not be read, the largest first', () => {
    for (const [map, area] of [
      [outline(3, 8, 60), WIDE],
      [outline(2, 3, 4, 8), PHONE],
      [outline(...Array.from({ length: 50 }, () => 40)), WIDE],
    ] as const) {
      const found = arrangement(map, [], area, null);
      expect(found.open.length).toBeLessThan(new Set(map.nodes.map(({ namespace }) => namespace)).size);
      expect(graph(map, new Set(found.open)).cards.length).toBeLessThanOrEqual(OPEN_UP_TO);
    }
    const found = arrangement(outline(3, 8, 60), [], WIDE, null);
    expect(found.open.sort()).toEqual(['ns0', 'ns1']);
    expect(fits(whole(found), WIDE)).toBe(true);
  });

  it('stay open that somebody opened, and closed that somebody closed', () => {
    const map = outline(2, 40);
    expect(arrangement(map, ['ns1', '-ns0'], PHONE, null).open).toEqual(['ns1']);
    expect(arrangement(map, [`-${ALL}`], WIDE, null).open).toEqual([]);
  });

  it('and cards stay as they were when a workload comes', () => {
    const first = arrangement(outline(4, 4), [], WIDE, null);
    const second = arrangement(outline(4, 5), [], WIDE, first);
    expect(second.open).toEqual(first.open);
    for (const [id, box] of Object.entries(first.layout.cards)) expect(second.layout.cards[id]).toMatchObject({ x: box.x, y: box.y });
  });

  it('close when so many come that they can not be read any more', () => {
    const first = arrangement(outline(4, 4), [], WIDE, null);
    const map = outline(4, 60);
    const second = arrangement(map, [], WIDE, first);
    expect(second.open).toEqual(['ns0']);
    expect(fits(whole(second), WIDE)).toBe(true);
  });
});
