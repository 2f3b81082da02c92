import assert from 'node:assert/strict';
import { it } from 'node:test';
import { StatusError } from '@kubelab/apimachinery';
import { parseYamlBody, yamlProblems } from './yaml-body.js';

const parse = (text: string) => parseYamlBody(Buffer.from(text), 'no YAML');

it('takes the last of two equal keys and remembers where it stands', () => {
  const value = parse('spec:\n  color: red\n  color: green\n  list:\n  - {a: 1, a: 2}\n') as object;
  assert.deepEqual(value, { spec: { color: 'green', list: [{ a: 2 }] } });
  assert.deepEqual(yamlProblems(value), [
    'line 3: key "color" already set in map',
    'line 5: key "a" already set in map',
  ]);
  assert.deepEqual(yamlProblems(parse('a: 1\nb: 2\n') as object), []);
});

it('refuses what is no YAML, and aliases without end', () => {
  const isBad = (e: unknown) => e instanceof StatusError && e.code === 400 && /^no YAML: /.test(e.message);
  assert.throws(() => parse('a: [1'), isBad);
  const bomb = ['a: &a [x]', ...'bcdefghi'.split('').map((c, i) => `${c}: &${c} [${`*${'abcdefgh'[i]},`.repeat(9)}]`)];
  assert.throws(() => parse(bomb.join('\n')), isBad);
});
