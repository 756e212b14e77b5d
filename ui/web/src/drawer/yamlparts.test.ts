import { expect, it } from 'vitest';
import { parts } from './yamlparts';

const texts = (line: string) => parts(line).map(({ kind, text }) => `${kind}:${text}`);

it.each([
  ['kind: Pod', ['key:kind:', 'value: Pod']],
  ['  - port: "80"', ['plain:  - ', 'key:port:', 'value: "80"']],
  ['spec:', ['key:spec:']],
  ['  - 10.0.0.0/8', ['value:  - 10.0.0.0/8']],
  ['# a: b', ['comment:# a: b']],
  ['', ['value:']],
  ['  "k8s:app": web', ['plain:  ', 'key:"k8s:app":', 'value: web']],
  ['image: a:b', ['key:image:', 'value: a:b']],
])('%s', (line, wanted) => {
  expect(texts(line)).toEqual(wanted);
  expect(parts(line).map(({ text }) => text).join('')).toBe(line);
});
