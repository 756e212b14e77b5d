// What follows a build: checks that the page needs nobody else and runs nothing inline, writes the
// licences of what is in it, and compresses what gets smaller by it.
import { readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = new URL('../', import.meta.url);
const dist = new URL('dist/', root);

const index = await readFile(new URL('index.html', dist), 'utf8');
for (const [bad, what] of [
  [/<script(?![^>]*\bsrc=)/i, 'an inline script'],
  [/<style/i, 'an inline style'],
  [/\sstyle=/i, 'a style attribute'],
  [/\son\w+=/i, 'an inline handler'],
  [/(src|href)="(https?:)?\/\//i, 'a foreign address'],
]) {
  if (bad.test(index)) throw new Error(`index.html has ${what}`);
}
if (!index.includes('<base href="/"')) throw new Error('index.html has no <base href="/">');

const { dependencies } = JSON.parse(await readFile(new URL('package.json', root), 'utf8'));
const licences = [];
for (const name of [...Object.keys(dependencies), '@preact/signals-core', '@dagrejs/graphlib'].sort()) {
  const directory = new URL(`node_modules/${name}/`, root);
  const files = await readdir(directory).catch(() => []);
  const file = files.find((file) => /^licen[cs]e/i.test(file));
  if (!file) continue;
  licences.push(`${name}\n\n${(await readFile(new URL(file, directory), 'utf8')).trim()}\n`);
}
if (licences.length < Object.keys(dependencies).length) throw new Error('a licence is missing');
await writeFile(new URL('licenses.txt', dist), licences.join(`\n${'-'.repeat(72)}\n\n`));

let total = 0;
for (const entry of await readdir(dist, { recursive: true })) {
  if (!/\.(js|css|svg|txt)$/.test(entry)) continue;
  const file = new URL(entry, dist);
  if (!(await stat(file)).isFile()) continue;
  const bytes = await readFile(file);
  const packed = {
    br: brotliCompressSync(bytes, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } }),
    gz: gzipSync(bytes, { level: 9 }),
  };
  for (const [end, data] of Object.entries(packed)) {
    if (data.length < bytes.length) await writeFile(new URL(`${entry}.${end}`, dist), data);
  }
  total += packed.br.length;
}
console.log(`scripts and styles: ${(total / 1024).toFixed(1)} KiB with brotli`);
