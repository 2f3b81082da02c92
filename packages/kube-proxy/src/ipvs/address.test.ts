import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalIp, storableNets } from './address.js';

test('addresses as the tools show them', () => {
  assert.equal(canonicalIp('10.0.0.1'), '10.0.0.1');
  assert.equal(canonicalIp('FD00:0:0::00AB'), 'fd00::ab');
  assert.equal(canonicalIp('fd00:0:0:1:0:0:0:1'), 'fd00:0:0:1::1');
});

test('networks as a set of type hash:ip,port,net holds them', () => {
  assert.deepEqual(storableNets('10.1.2.3/8'), ['10.0.0.0/8']);
  assert.deepEqual(storableNets('192.168.77.129/25'), ['192.168.77.128/25']);
  assert.deepEqual(storableNets('10.1.2.3/32'), ['10.1.2.3']);
  assert.deepEqual(storableNets('0.0.0.0/0'), ['0.0.0.0/1', '128.0.0.0/1']);
  assert.deepEqual(storableNets('fd00:1:2:3:4::1/64'), ['fd00:1:2:3::/64']);
  assert.deepEqual(storableNets('2001:db8:ffff::1/33'), ['2001:db8:8000::/33']);
  assert.deepEqual(storableNets('fd00::1/128'), ['fd00::1']);
  assert.deepEqual(storableNets('::/0'), ['::/1', '8000::/1']);
});
