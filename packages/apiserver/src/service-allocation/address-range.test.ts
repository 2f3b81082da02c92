import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressRange, canonicalAddress } from './address-range.js';
import { Bitmap } from './bitmap.js';

test('the addresses of a range, its size and where dynamic ones begin (KEP-3070)', () => {
  const cases = [
    ['10.96.0.0/16', 1n, '10.96.0.1', 65534n, '10.96.1.1'],
    ['10.96.5.7/16', 10n, '10.96.0.10', 65534n, '10.96.1.1'],
    ['10.0.0.0/24', 254n, '10.0.0.254', 254n, '10.0.0.17'],
    ['10.0.0.0/20', 1n, '10.0.0.1', 4094n, '10.0.1.0'],
    ['192.168.1.240/28', 14n, '192.168.1.254', 14n, '192.168.1.241'],
    ['fd00:10:96::/112', 10n, 'fd00:10:96::a', 65535n, 'fd00:10:96::101'],
    ['fd00:10:96::/64', 65536n, 'fd00:10:96::1:0', (1n << 64n) - 1n, 'fd00:10:96::101'],
    ['1:2:3:4:5:6:7:0/112', 8n, '1:2:3:4:5:6:7:8', 65535n, '1:2:3:4:5:6:7:101'],
  ] as const;
  for (const [cidr, n, address, size, dynamic] of cases) {
    const range = new AddressRange(cidr);
    assert.equal(range.at(n), address, cidr);
    assert.equal(range.size, size, cidr);
    assert.equal(range.at(range.dynamicFrom), dynamic, cidr);
    assert.ok(range.contains(address));
  }
});

test('what is no address for a Service', () => {
  const range = new AddressRange('10.96.0.0/16');
  for (const address of ['10.97.0.1', '::1', '10.96.0.0', '10.96.255.255', '', 'x']) {
    assert.equal(range.contains(address), false, address);
  }
  assert.equal(new AddressRange('fd00::/112').contains('fd00::'), false);
  assert.equal(new AddressRange('fd00::/112').contains('fd00::ffff'), true);
  for (const bad of ['10.96.0.0', '10.96.0.0/33', 'x/8', '10.0.0.0/']) {
    assert.throws(() => new AddressRange(bad), /invalid CIDR/);
  }
  assert.throws(() => new AddressRange('fd00::/63'), /shortest allowed prefix length for service CIDR is 64, got 63/);
  assert.equal(canonicalAddress('FD00:0:0:0:0:0:0:0A'), 'fd00::a');
});

test('a bitmap hands out each number once and survives its encoding', () => {
  const bitmap = new Bitmap(10);
  for (const n of [0, 3, 9]) {
    bitmap.add(n);
  }
  const copy = new Bitmap(10, bitmap.encode());
  assert.equal(copy.count(), 3);
  assert.equal(copy.nextFree(9, 1), 1);
  assert.equal(copy.nextFree(3), 4);
  copy.delete(3);
  assert.equal(copy.nextFree(3), 3);
  for (let n = copy.nextFree(0); n !== undefined; n = copy.nextFree(0)) {
    copy.add(n);
  }
  assert.equal(copy.has(5), true);
});
