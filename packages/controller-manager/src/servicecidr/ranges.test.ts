import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canGo, holding, overlapping, type ServiceCidr } from './ranges.js';

const cidr = (name: string, ...cidrs: string[]): ServiceCidr =>
  ({ metadata: { name }, spec: { cidrs } }) as unknown as ServiceCidr;

const main = cidr('kubernetes', '10.96.0.0/16');
const twin = cidr('twin', '10.96.0.0/16');
const outer = cidr('outer', '10.0.0.0/8');
const inner = cidr('inner', '10.96.8.0/24');
const dual = cidr('dual', '10.97.0.0/16', 'fd00::/112');

test('when a ServiceCIDR can go', () => {
  const cases: [string, ServiceCidr, ServiceCidr[], string[], boolean][] = [
    ['nothing in use', main, [main], [], true],
    ['an address of its own', main, [main], ['10.96.0.1'], false],
    ['an address of another', main, [main, dual], ['10.97.0.1', 'fd00::5'], true],
    ['the same range again', main, [main, twin], ['10.96.0.1'], true],
    ['a larger range', main, [main, outer], ['10.96.0.1'], true],
    ['the address lies in a smaller one', main, [main, inner], ['10.96.8.1'], true],
    ['one address does, one does not', main, [main, inner], ['10.96.8.1', '10.96.9.1'], false],
    // Not an address of the smaller range, though inside of its bits.
    ["the smaller one's broadcast address", main, [main, inner], ['10.96.8.255'], false],
    ['the second family is in use', dual, [main, dual, outer], ['fd00::5'], false],
  ];
  for (const [name, going, all, inUse, expected] of cases) assert.equal(canGo(going, all, inUse), expected, name);
});

test('which ServiceCIDRs an address or a new range is about', () => {
  const names = (cidrs: ServiceCidr[]) => cidrs.map(({ metadata }) => metadata.name);
  const all = [main, outer, inner, dual];
  assert.deepEqual(names(holding(all, '10.96.8.7')), ['kubernetes', 'outer', 'inner']);
  assert.deepEqual(names(holding(all, 'fd00::7')), ['dual']);
  assert.deepEqual(names(overlapping(all, inner)), ['kubernetes', 'outer', 'inner']);
});
