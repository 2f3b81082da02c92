import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NodePortAddresses } from './node-port-addresses.js';

const make = (...given: string[]) =>
  new NodePortAddresses(given, ['192.168.0.2', 'fd00::2'], () => [
    '127.0.0.1',
    '192.168.0.2',
    '10.0.0.2',
    '::1',
    'fd00::2',
  ]);

test('all addresses, those of CIDRs, the primary ones', () => {
  assert.equal(make().addresses('ipv4'), undefined);
  assert.equal(make('0.0.0.0/0', '192.168.0.0/16').addresses('ipv4'), undefined);
  assert.deepEqual(make('192.168.0.0/16', '10.0.0.0/8').addresses('ipv4'), ['10.0.0.2', '192.168.0.2']);
  assert.deepEqual(make('192.168.0.0/16').addresses('ipv6'), []);
  assert.deepEqual(make('primary').addresses('ipv4'), ['192.168.0.2']);
  assert.deepEqual(make('primary').addresses('ipv6'), ['fd00::2']);
  assert.throws(() => make('192.168.0.1'), /neither a CIDR nor "primary"/);
});

test('localhost needs route_localnet only if it is among them', () => {
  assert.equal(make().hasLoopback, true);
  assert.equal(make('127.0.0.0/8').hasLoopback, true);
  assert.equal(make('127.0.0.1/32').hasLoopback, true);
  assert.equal(make('0.0.0.0/0').hasLoopback, true);
  assert.equal(make('192.168.0.0/16').hasLoopback, false);
  assert.equal(make('primary').hasLoopback, false);
});
