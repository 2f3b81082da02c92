import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LineSplitter } from './json-lines.js';

const split = (chunks: Buffer[]): string[] => {
  const splitter = new LineSplitter();
  return chunks.flatMap((chunk) => splitter.push(chunk));
};

test('lines come out the same wherever the chunks are cut, also inside a character', () => {
  const bytes = Buffer.from('{"a":"käse"}\n{"b":"日本"}\n\n{"c":1}\n');
  const expected = ['{"a":"käse"}', '{"b":"日本"}', '{"c":1}'];
  for (let i = 0; i <= bytes.length; i++) {
    for (let j = i; j <= bytes.length; j++) {
      assert.deepEqual(split([bytes.subarray(0, i), bytes.subarray(i, j), bytes.subarray(j)]), expected, `${i},${j}`);
    }
  }
});

test('a line that was cut off is not a line', () => {
  const splitter = new LineSplitter();
  assert.deepEqual(splitter.push(Buffer.from('one\ntw')), ['one']);
  assert.equal(splitter.rest(), 'tw');
});
