// A shop of 40 pods and 24 workloads with eight causes of denial, out of a recording: whether its map, its
// connections and what is denied can be read.

import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { serious } from './axe';
import { picture } from './browser';
import { CONNECTIONS, Fixture } from './fixture';

const SHOP = fileURLToPath(new URL('../../../testdata/shop/flows.jsonl', import.meta.url));
const SIZES = [
  { width: 1440, height: 900 },
  { width: 1920, height: 1080 },
  { width: 390, height: 844 },
];
/** px: less can't be read. */
const READABLE = 11;

const fixture = new Fixture([], { timezoneId: 'Europe/Berlin' }, ['--input-file', SHOP]);

/** Opens the map and waits until it stands still. */
async function show(query: string): Promise<void> {
  const { page, server } = fixture;
  await page.goto(`${server.url}?show=map${query}`);
  await page.locator('.card, .cell').first().waitFor();
  await page.locator('.tablehead', { hasText: 'computing' }).waitFor({ state: 'detached' });
  await still();
}

/** Waits until nothing moves. */
async function still(): Promise<void> {
  await fixture.page.waitForFunction(() => document.getAnimations().every(({ playState, effect }) => playState !== 'running' || effect?.getTiming().iterations === Infinity));
}

interface Measures {
  /** The smallest text that is seen, px of the screen, and what it says. */
  text: { px: number; says: string };
  overlapping: string[];
  /** Edges that lead through a card that is not their own. */
  through: string[];
  /** Of lines and borders against what is below them. */
  contrasts: Record<string, number>;
  /** What is out of the panel. */
  outside: string[];
  /** Of edges, and of those that have a word. */
  words: { edges: number; with: number; most: number };
}

function measure(): Promise<Measures> {
  return fixture.page.evaluate(() => {
    const map = document.querySelector('.map') as HTMLElement;
    const canvas = document.querySelector('.canvas') as HTMLElement;
    const zoom = Number((document.querySelector('.world') as HTMLElement).style.getPropertyValue('--zoom'));
    const text = { px: Infinity, says: '' };
    const walker = document.createTreeWalker(map, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      const parent = node.parentElement;
      if (!parent || !node.textContent?.trim() || parent.closest('.hidden, title') || !parent.checkVisibility()) continue;
      const px = parseFloat(getComputedStyle(parent).fontSize) * (parent.closest('.world') ? zoom : 1);
      if (px < text.px) Object.assign(text, { px, says: node.textContent });
    }
    const boxes = (selector: string) => [...document.querySelectorAll<HTMLElement>(selector)].map((each) => ({ name: each.dataset['card'] ?? each.innerText, box: each.getBoundingClientRect() }));
    const meet = (a: DOMRect, b: DOMRect) => a.left < b.right - 0.5 && b.left < a.right - 0.5 && a.top < b.bottom - 0.5 && b.top < a.bottom - 0.5;
    const [cards, groups] = [boxes('.card'), boxes('.group')];
    const overlapping = [cards, groups].flatMap((all) => all.flatMap((a, at) => all.slice(at + 1).flatMap((b) => (meet(a.box, b.box) ? `${a.name} and ${b.name}` : []))));
    const through = [...document.querySelectorAll<SVGGElement>('.edge')].flatMap((edge) => {
      const line = edge.querySelector<SVGPathElement>('.line') as SVGPathElement;
      const matrix = line.getScreenCTM() as DOMMatrix;
      const crossed = new Set<string>();
      for (let at = 0; at <= line.getTotalLength(); at += 3) {
        const { x, y } = line.getPointAtLength(at).matrixTransform(matrix);
        for (const { name, box } of cards) if (x > box.left + 1 && x < box.right - 1 && y > box.top + 1 && y < box.bottom - 1) crossed.add(name);
      }
      return [...crossed].map((name) => `${edge.dataset['edge']} through ${name}`);
    });
    const colour = (text: string) => {
      const context = new OffscreenCanvas(1, 1).getContext('2d') as OffscreenCanvasRenderingContext2D;
      context.fillStyle = text;
      context.fillRect(0, 0, 1, 1);
      return [...context.getImageData(0, 0, 1, 1).data.slice(0, 3)];
    };
    const luminance = (text: string) => {
      const [r = 0, g = 0, b = 0] = colour(text).map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const contrast = (a: string, b: string) => {
      const [high = 0, low = 0] = [luminance(a), luminance(b)].sort((a, b) => b - a);
      return (high + 0.05) / (low + 0.05);
    };
    const contrasts: Record<string, number> = {};
    const ground = getComputedStyle(canvas).backgroundColor;
    const surface = getComputedStyle(document.querySelector('.card') as HTMLElement).backgroundColor;
    for (const [selector, property] of [['.edge .line:not(.bad)', 'stroke'], ['.edge .line.bad', 'stroke'], ['.card', 'borderTopColor'], ['.group', 'borderTopColor']] as const) {
      const found = document.querySelector(selector);
      if (!found) continue;
      const style = getComputedStyle(found);
      // One that is let through in part has less.
      contrasts[selector] = Math.min(...[ground, surface].map((below) => contrast(style[property], below))) * Number(style.opacity);
    }
    const panel = canvas.getBoundingClientRect();
    const outside = [...cards, ...groups].flatMap(({ name, box }) => (box.left < panel.left || box.right > panel.right || box.top < panel.top || box.bottom > panel.bottom ? name : []));
    const counts = [...document.querySelectorAll('.edge')].map((edge) => edge.querySelectorAll('text').length);
    const words = { edges: counts.length, with: counts.filter(Boolean).length, most: Math.max(...counts) };
    return { text, overlapping, through, contrasts, outside, words };
  });
}

describe.each(['light', 'dark'] as const)('the map, %s', (colorScheme) => {
  it.each(SIZES)('can be read at $width by $height', async (size) => {
    const { page } = fixture;
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme });
    await show('');
    const { text, overlapping, through, contrasts, outside, words } = await measure();
    console.log(`${size.width}x${size.height} ${colorScheme}: ${words.with} of ${words.edges} edges with a word, smallest text ${text.px.toFixed(1)} px, contrasts ${JSON.stringify(contrasts, (_, value: unknown) => (typeof value === 'number' ? Number(value.toFixed(1)) : value))}`);
    expect(text.px, text.says).toBeGreaterThanOrEqual(READABLE);
    expect(overlapping).toEqual([]);
    expect(through).toEqual([]);
    expect(outside).toEqual([]);
    expect(words.most).toBe(1);
    expect(Object.keys(contrasts)).toContain('.edge .line.bad');
    for (const [what, ratio] of Object.entries(contrasts)) expect(ratio, what).toBeGreaterThanOrEqual(3);
    expect(await serious(page)).toEqual([]);
    await picture(page, `shop-${colorScheme}-${size.width}`);
  });
});

it('shows workloads, and namespaces closed where there is no room for all', async () => {
  const { page } = fixture;
  await page.setViewportSize({ width: 1440, height: 900 });
  await show('');
  expect(await page.locator('.card').count()).toBe(25);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.locator('.card.namespace').first().waitFor();
  // What somebody opens is open, and can be read.
  await page.locator('.card.namespace', { hasText: 'shop' }).click();
  await page.locator('.card', { hasText: 'recommender' }).waitFor();
  await still();
  expect((await measure()).text.px).toBeGreaterThanOrEqual(READABLE);
  // And from afar: what would be smaller is not there.
  for (let step = 0; step < 8; step++) {
    await page.getByRole('button', { name: 'Zoom out' }).click();
    expect((await measure()).text.px).toBeGreaterThanOrEqual(READABLE);
  }
});

it('is arranged and fitted anew for what a filter leaves', async () => {
  const { page } = fixture;
  await show('');
  await fixture.page.getByRole('button', { name: 'Dropped', exact: true }).click();
  await page.locator('.map .tablehead', { hasText: '15 nodes, 8 edges' }).waitFor();
  await page.waitForFunction(() => document.querySelectorAll('.card').length === 15);
  await still();
  const { overlapping, through, outside } = await measure();
  expect([...overlapping, ...through, ...outside]).toEqual([]);
  const [first, last] = await page.evaluate(() => {
    const boxes = [...document.querySelectorAll('.card')].map((card) => card.getBoundingClientRect());
    return [Math.min(...boxes.map(({ left }) => left)), Math.max(...boxes.map(({ right }) => right))] as const;
  });
  const panel = await page.locator('.canvas').boundingBox();
  expect(last - first).toBeGreaterThan((panel?.width ?? 0) / 2);
  await picture(page, 'shop-dropped');
});

describe('the matrix', () => {
  it.each(SIZES)('can be read at $width by $height, with what is denied in red', async (size) => {
    const { page } = fixture;
    await page.setViewportSize(size);
    await show('');
    await page.getByRole('button', { name: 'Matrix', exact: true }).click();
    await page.locator('.cell').first().waitFor();
    const denied = page.locator('.cell.denied, .cell.partly');
    // The eight causes of denial are between eight pairs of namespaces.
    expect(await denied.count()).toBe(8);
    const smallest = await page.locator('.matrix').evaluate((matrix) =>
      Math.min(...[...matrix.querySelectorAll<HTMLElement>('b, i, span, .cell')].filter((each) => each.innerText).map((each) => parseFloat(getComputedStyle(each).fontSize))),
    );
    expect(smallest).toBeGreaterThanOrEqual(READABLE);
    expect(await serious(page)).toEqual([]);
    await picture(page, `shop-matrix-${size.width}`);
    // A cell opens its namespaces, and then filters.
    await page.getByRole('button', { name: /^identity to data/ }).click();
    const cell = page.getByRole('button', { name: /^identity\/sessions to data\/event-queue: .*Policy denied/ });
    await cell.click();
    await page.locator('.chip', { hasText: 'event-queue' }).waitFor();
    expect(new URL(page.url()).searchParams.get('matrix')).toBe('identity,data');
    await page.goBack();
    await page.getByRole('button', { name: 'Expand all' }).click();
    await page.locator('.rows .line.workload').first().waitFor();
    await picture(page, `shop-matrix-open-${size.width}`);
  });
});

describe.each(['light', 'dark'] as const)('what is denied, %s', (colorScheme) => {
  it.each(SIZES)('is eight causes that can be read at $width by $height', async (size) => {
    const { page, server } = fixture;
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme });
    await page.goto(`${server.url}?show=denied`);
    const incidents = page.locator('.incident');
    await incidents.nth(7).waitFor();
    expect(await incidents.count()).toBe(8);
    const cart = incidents.filter({ hasText: 'shop/recommender' });
    expect(await cart.innerText()).toMatch(/shop\/recommender\s*→\s*shop\/cart:8080/);
    expect(await cart.innerText()).toContain('cnp shop/cart');
    // Nothing is wider than its place.
    const beyond = await page.locator('.incidents *').evaluateAll((all) => all.filter((each) => each.getBoundingClientRect().right > innerWidth + 0.5).length);
    expect(beyond).toBe(0);
    expect(await serious(page)).toEqual([]);
    await picture(page, `shop-denied-${colorScheme}-${size.width}`);
    await cart.locator('.cause').click();
    const drawer = page.locator('.drawer');
    await drawer.getByText('Denied', { exact: true }).first().waitFor();
    expect(await drawer.locator('.sides').innerText()).toContain('cnp shop/cart · default deny');
    await drawer.getByText('flows why shop/recommender shop/cart:8080').waitFor();
    await page.locator('.incident.chosen').waitFor();
    expect(await serious(page)).toEqual([]);
    await picture(page, `shop-denied-open-${colorScheme}-${size.width}`);
  });

  it.each(SIZES)('connections can be read at $width by $height', async (size) => {
    const { page, server } = fixture;
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme });
    await page.goto(`${server.url}?show=flows`);
    await fixture.flows();
    const { flows } = await server.ask<{ flows: number }>('connections', { limit: '1' });
    await fixture.totals(flows);
    // No template's hash, and every port.
    const ends = await page.locator('.window [data-column=destination] .host').allInnerTexts();
    expect(ends.filter((text) => /-[bcdf-hj-np-tv-xz2456789]{8,10}-[bcdf-hj-np-tv-xz2456789]{5}\b/.test(text))).toEqual([]);
    expect(await serious(page)).toEqual([]);
    await picture(page, `shop-connections-${colorScheme}-${size.width}`);
  });
});

it('an incident leads to its connections', async () => {
  const { page, server } = fixture;
  await page.goto(`${server.url}?show=denied`);
  await page.getByRole('button', { name: /^\d+ connections? of shop\/recommender to shop\/cart$/ }).click();
  await page.waitForURL(/show=flows/);
  await page.waitForFunction((rows) => {
    const all = [...document.querySelectorAll(rows)];
    return all.length > 0 && all.every((row) => row.textContent?.includes('shop/recommender'));
  }, CONNECTIONS);
  const { incidents } = await server.ask<{ incidents: { source: { name: string }; connections: number }[] }>('incidents');
  const cart = incidents.find(({ source }) => source.name === 'recommender');
  await fixture.totals(cart?.connections ?? 0);
});

it('says of how many connections none is denied', async () => {
  const { page, server } = fixture;
  await page.goto(`${server.url}?show=denied&f=verdict+%3D%3D+FORWARDED`);
  await page.locator('.denied').getByText(/^None of [\d,]+ matching connections is denied\.$/).waitFor();
});

it('keys go through what is denied', async () => {
  const { page, server } = fixture;
  await page.goto(server.url);
  await fixture.flows();
  await page.keyboard.press('4');
  await page.locator('.incident').nth(7).waitFor();
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('Enter');
  await page.locator('.drawer .sides').waitFor();
  expect(await page.locator('.incident.chosen').getAttribute('data-incident')).toBe(await page.locator('.incident').nth(1).getAttribute('data-incident'));
  await page.keyboard.press('Escape');
  await page.locator('.drawer').waitFor({ state: 'detached' });
});
