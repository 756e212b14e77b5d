import { expect, it } from 'vitest';
import { EventParser } from './sse';

const STREAM = ': hello\n\nevent: update\ndata: {"a":\ndata: 1}\n\ndata:x\r\n\r\nevent: lost\n\nevent: status\ndata: {}\n\n';
const EVENTS = [
  { name: 'update', data: '{"a":\n1}' },
  { name: 'message', data: 'x' },
  { name: 'status', data: '{}' },
];

it('reads events however they are cut', () => {
  for (let size = 1; size <= STREAM.length; size++) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < STREAM.length; at += size) found.push(...parser.push(STREAM.slice(at, at + size)));
    expect(found).toEqual(EVENTS);
  }
});

it('keeps what is not whole', () => {
  const parser = new EventParser();
  expect(parser.push('event: update\ndata: 1\n')).toEqual([]);
  expect(parser.push('\n')).toEqual([{ name: 'update', data: '1' }]);
});
