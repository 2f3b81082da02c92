import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nthAddress, nthIpv6Address, ofFamily } from './address.js';

test('addresses by number, of both families', () => {
  assert.equal(nthAddress('10.96.0.0/16', 10), '10.96.0.10');
  assert.equal(nthIpv6Address('fd00:10:30::/64', 11), 'fd00:10:30::b');
  for (const wrong of ['10.0.0.0/8', 'fd00::/120', 'fd00::1/64', 'fd00:xyz::/64', 'fd00::']) {
    assert.throws(() => nthIpv6Address(wrong, 1), /not an IPv6 network/, wrong);
  }
});

test('the part of a family', () => {
  assert.equal(ofFamily('10.0.0.0/8,fd00::/64', 'ipv6'), 'fd00::/64');
  assert.equal(ofFamily('10.0.0.0/8,fd00::/64', 'ipv4'), '10.0.0.0/8');
  assert.equal(ofFamily('10.0.0.0/8', 'ipv6'), undefined);
});
