import assert from 'node:assert/strict';
import test from 'node:test';
import { CidrSet, formatCidr, parseCidr } from './cidr-set.js';

test('CIDRs are read and written canonically', () => {
  const cases = [
    ['10.244.7.9/16', '10.244.0.0/16'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['fd00:10:244::5/56', 'fd00:10:244::/56'],
  ];
  for (const [text = '', canonical] of cases) assert.equal(formatCidr(parseCidr(text)), canonical);
  for (const text of ['10.0.0.0', '10.0.0.0/33', '300.0.0.0/8', 'x/8'])
    assert.throws(() => parseCidr(text), Error, text);
});

test('subnets are given out once, in order, and again after their release', () => {
  const set = new CidrSet(parseCidr('10.244.0.0/22'), 24);
  set.occupy('10.244.1.0/24');
  assert.deepEqual(
    [set.allocate(), set.allocate(), set.allocate()],
    ['10.244.0.0/24', '10.244.2.0/24', '10.244.3.0/24'],
  );
  assert.equal(set.allocate(), undefined);
  set.release('10.244.2.0/24');
  assert.equal(set.allocate(), '10.244.2.0/24');
  assert.equal(set.contains('10.245.0.0/24'), false);
});

test('IPv6, and a range larger than a subnet', () => {
  const set = new CidrSet(parseCidr('fd00::/60'), 64);
  set.occupy('fd00::/62');
  assert.equal(set.allocate(), 'fd00:0:0:4::/64');
  assert.throws(() => new CidrSet(parseCidr('10.0.0.0/8'), 25));
});
