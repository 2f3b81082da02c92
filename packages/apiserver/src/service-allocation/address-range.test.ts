import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressRange } from './address-range.js';
import { Bitmap } from './bitmap.js';

test('addresses of a range and their numbers', () => {
  const cases = [
    ['10.96.0.0/16', 1, '10.96.0.1', 65536],
    ['10.96.5.7/16', 10, '10.96.0.10', 65536],
    ['192.168.1.240/28', 15, '192.168.1.255', 16],
    ['fd00:10:96::/112', 10, 'fd00:10:96::a', 65536],
    ['fd00:10:96::/64', 65536, 'fd00:10:96::1:0', 1 << 20],
    ['1:2:3:4:5:6:7:0/112', 8, '1:2:3:4:5:6:7:8', 65536],
  ] as const;
  for (const [cidr, n, address, size] of cases) {
    const range = new AddressRange(cidr);
    assert.equal(range.at(n), address, cidr);
    assert.equal(range.indexOf(address), n, cidr);
    assert.equal(range.size, size, cidr);
    assert.ok(range.contains(address));
  }
  assert.equal(new AddressRange('10.96.0.0/16').contains('10.97.0.1'), false);
  assert.equal(new AddressRange('10.96.0.0/16').contains('::1'), false);
  for (const bad of ['10.96.0.0', '10.96.0.0/33', 'x/8', '10.0.0.0/']) {
    assert.throws(() => new AddressRange(bad), /invalid CIDR/);
  }
});

test('a bitmap hands out each number once and survives its encoding', () => {
  const bitmap = new Bitmap(10);
  for (const n of [0, 3, 9]) {
    bitmap.add(n);
  }
  const copy = new Bitmap(10, bitmap.encode());
  assert.equal(copy.nextFree(9, 1), 1);
  assert.equal(copy.nextFree(3), 4);
  copy.delete(3);
  assert.equal(copy.nextFree(3), 3);
  for (let n = copy.nextFree(0); n !== undefined; n = copy.nextFree(0)) {
    copy.add(n);
  }
  assert.equal(copy.has(5), true);
});
