// Shows a page for some seconds in a real Chromium and prints what its main thread and memory say, a
// row of JSON each. node e2e/bench.mjs URL SECONDS FLOWS_PER_SECOND
import { show, row as print } from './bench-page.mjs';

const [url, seconds, rate] = process.argv.slice(2);
const { browser, page, client, tasks } = await show(url);
try {
  await page.locator('.window .row[data-seq]').first().waitFor();
  await client.send('Performance.enable');
  const metric = async (wanted) => (await client.send('Performance.getMetrics')).metrics.find(({ name }) => name === wanted).value;
  const heap = async () => {
    await client.send('HeapProfiler.collectGarbage');
    return metric('JSHeapUsedSize');
  };
  // The start is over, and the store fills.
  await page.waitForTimeout(5000);
  const before = await heap();
  const busyBefore = await metric('TaskDuration');
  await tasks();
  await page.waitForTimeout(Number(seconds) * 1000);
  const busy = (await metric('TaskDuration')) - busyBefore;
  const long = await tasks();
  const after = await heap();
  const status = await page.evaluate(async () => (await fetch('api/status')).json());
  const coming = Number(await page.locator('.facts dd').first().innerText().then((text) => text.replace(' flows/s', '').replace('k', 'e3')));
  const what = `${Number(rate).toLocaleString('en')} flows/s`;
  const row = (name, value, unit, goal) => print(`${name}, ${what}`, value, unit, goal);
  row('flows that the page says come', coming, 'flows/s');
  row('tasks over 100 ms on the main thread', long.filter((duration) => duration > 100).length, 'tasks', '0');
  row('longest task on the main thread', Math.max(0, ...long), 'ms', '<= 100');
  row('main thread busy', (busy / Number(seconds)) * 100, '%');
  row('memory of the page before', before / 2 ** 20, 'MiB');
  row('memory of the page after', after / 2 ** 20, 'MiB', 'as before');
  row('flows held by flows-ui', status.held.flows, 'flows');
} finally {
  await browser.close();
}
