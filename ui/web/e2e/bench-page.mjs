// What the benches share: a page in a real Chromium that writes down its long tasks.
import { chromium } from 'playwright-core';

export async function show(url) {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
  });
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window.longTasks.push(duration);
    }).observe({ type: 'longtask', buffered: true });
  });
  await page.goto(url);
  const client = await page.context().newCDPSession(page);
  /** Durations of the long tasks (over 50 ms) since the last call. */
  const tasks = () =>
    page.evaluate(async () => {
      // A task is told of when it has ended, in one of its own.
      await new Promise((resolve) => setTimeout(resolve, 100));
      return window.longTasks.splice(0);
    });
  return { browser, page, client, tasks };
}

export function row(name, value, unit, goal) {
  console.log(JSON.stringify({ name, value, unit, ...(goal && { goal }) }));
}
