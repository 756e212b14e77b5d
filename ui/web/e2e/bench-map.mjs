// Shows a map of many workloads in a real Chromium, does with it what people do, and prints the longest
// task of the main thread of each, a row of JSON each. node e2e/bench-map.mjs URL SECONDS FLOWS_PER_SECOND WORKLOADS
import { show, row } from './bench-page.mjs';

const [url, seconds, rate, workloads] = process.argv.slice(2);
const { browser, page, tasks } = await show(`${url}?show=map`);
try {
  const what = `map of ${Number(workloads).toLocaleString('en')} workloads`;
  const longest = async (name) => row(`longest task, ${what}, ${name}`, Math.max(0, ...(await tasks())), 'ms', '<= 100');
  const number = workloads.replace(/\B(?=(\d{3})+$)/g, ',');
  const whole = () => page.locator('.map .tablehead').getByText(`${number} nodes`).waitFor();
  const [x, y] = [720, 550];

  // All of it is there when the page comes, closed and open.
  await whole();
  await tasks();
  await page.reload();
  await whole();
  // Few are drawn as cards, many as spots.
  const drawn = async (what) => {
    await page.locator(what).first().waitFor({ state: 'attached' });
    await page.locator('.tablehead', { hasText: 'computing' }).waitFor({ state: 'detached' });
    await page.waitForTimeout(1000);
  };
  const all = Number(workloads) > 150 ? '.spots .spot' : '.card:not(.namespace)';
  await drawn('.card');
  await longest('first drawing');
  const expand = page.getByRole('button', { name: 'Expand all' });
  if ((await expand.count()) > 0) await expand.click();
  await drawn(all);
  await longest('opening all');
  const address = page.url();
  await page.goto('about:blank');
  await page.goto(address);
  await whole();
  await drawn(all);
  await longest('first drawing, all open');

  const drag = async (dx, dy) => {
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let step = 1; step <= 20; step++) await page.mouse.move(x + (dx * step) / 20, y + (dy * step) / 20);
    await page.mouse.up();
  };
  await page.mouse.move(x, y);
  for (const way of [-1, 1]) {
    for (let step = 0; step < 40; step++) {
      await page.mouse.wheel(0, 100 * way);
      await page.waitForTimeout(20);
      if (step % 8 === 7) {
        await drag(-300, 150);
        await drag(300, -150);
      }
    }
  }
  await longest('pan and zoom');

  await page.getByRole('button', { name: 'Fit to view' }).click();
  await tasks();
  const come = async (name) => {
    await page.waitForTimeout(Number(seconds) * 1000);
    await longest(`${Number(rate).toLocaleString('en')} flows/s come, ${name}`);
  };
  await come('all in sight');
  await page.mouse.move(x, y);
  for (let step = 0; step < 40 && (await page.locator('.card').count()) === 0; step++) {
    await page.mouse.wheel(0, -100);
    await page.waitForTimeout(100);
  }
  await tasks();
  await come('near');
  await page.getByRole('button', { name: 'Collapse all' }).click();
  await drawn('.card.namespace');
  await longest('closing all');
  await come('all closed');

  await page.getByRole('button', { name: 'Matrix', exact: true }).click();
  await drawn('.cell');
  await longest('matrix');
  await expand.click();
  await drawn('.cell');
  await longest('matrix, opening all');
  await page.locator('.matrix').evaluate(async (matrix) => {
    for (let step = 1; step <= 40; step++) {
      matrix.scrollTo(step * 300, step * 200);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  });
  await longest('matrix, scrolling');
  await come('matrix, all open');
} finally {
  await browser.close();
}
