import assert from 'node:assert/strict';
import test from 'node:test';
import type { ControllerDescriptor } from '../framework/controller.js';
import { selectControllers } from './selection.js';
import { controllerTable } from './table.js';

const row = (name: string, disabledByDefault?: boolean): ControllerDescriptor => ({
  name: `${name}-controller`,
  aliases: [name],
  disabledByDefault,
  create: () => undefined,
});
const table = [row('a'), row('b'), row('c', true)];
const select = (...list: string[]): string[] => selectControllers(table, list).flatMap(({ aliases }) => aliases);

test('--controllers', () => {
  assert.deepEqual(select('*'), ['a', 'b']);
  assert.deepEqual(select('*', '-a'), ['b']);
  assert.deepEqual(select('*', 'c'), ['a', 'b', 'c']);
  assert.deepEqual(select('b-controller'), ['b']);
  assert.throws(() => select('d'));
});

test('names in the table are unique', () => {
  const names = controllerTable.flatMap(({ name, aliases }) => [...new Set([name, ...aliases])]);
  assert.equal(new Set(names).size, names.length);
});
