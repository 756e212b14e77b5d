// Shows a page for some seconds in a real Chromium and prints what its main thread and memory say, a
// row of JSON each. node e2e/bench.mjs URL SECONDS FLOWS_PER_SECOND
import { chromium } from 'playwright-core';

const [url, seconds, rate] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.addInitScript(() => {
    window.longTasks = [];
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) window.longTasks.push({ startTime, duration });
    }).observe({ type: 'longtask', buffered: true });
  });
  await page.goto(url);
  await page.locator('.window .row[data-seq]').first().waitFor();
  const client = await page.context().newCDPSession(page);
  await client.send('Performance.enable');
  const heap = async () => {
    await client.send('HeapProfiler.collectGarbage');
    const { metrics } = await client.send('Performance.getMetrics');
    return metrics.find(({ name }) => name === 'JSHeapUsedSize').value;
  };
  // The start is over, and the store fills.
  await page.waitForTimeout(5000);
  const [from, before] = [await page.evaluate(() => performance.now()), await heap()];
  const busyBefore = (await client.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value;
  await page.waitForTimeout(Number(seconds) * 1000);
  const busy = (await client.send('Performance.getMetrics')).metrics.find(({ name }) => name === 'TaskDuration').value - busyBefore;
  const tasks = (await page.evaluate(() => window.longTasks)).filter(({ startTime }) => startTime > from);
  const after = await heap();
  const status = await page.evaluate(async () => (await fetch('api/status')).json());
  const coming = Number(await page.locator('.facts dd').first().innerText().then((text) => text.replace('/s', '').replace('k', 'e3')));
  const what = `${Number(rate).toLocaleString('en')} flows/s`;
  const row = (name, value, unit, goal) => console.log(JSON.stringify({ name: `${name}, ${what}`, value, unit, ...(goal && { goal }) }));
  row('flows that the page says come', coming, 'flows/s');
  row('tasks over 100 ms on the main thread', tasks.filter(({ duration }) => duration > 100).length, 'tasks', '0');
  row('longest task on the main thread', Math.max(0, ...tasks.map(({ duration }) => duration)), 'ms', '<= 100');
  row('main thread busy', (busy / Number(seconds)) * 100, '%');
  row('memory of the page before', before / 2 ** 20, 'MiB');
  row('memory of the page after', after / 2 ** 20, 'MiB', 'as before');
  row('flows held by flows-ui', status.held.flows, 'flows');
} finally {
  await browser.close();
}
