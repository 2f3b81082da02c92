import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressOf, isIpv6Key, parseConnections, parseVirtuals } from './ipvsadm.js';

test('virtual servers from ipvsadm -Sn', () => {
  const saved = [
    '-A -t 10.96.0.1:80 -s rr -p 10800',
    '-a -t 10.96.0.1:80 -r 10.244.0.5:8080 -m -w 1',
    '-a -t 10.96.0.1:80 -r 10.244.0.6:8080 -m -w 0',
    '-A -f 1 -s rr',
    '-a -f 1 -r 10.244.0.6:0 -m -w 1',
    '-A --sctp-service [fd00::1]:80 -s mh -b mh-port',
    '',
  ].join('\n');
  const virtuals = parseVirtuals(saved);
  assert.deepEqual(
    [...virtuals.keys()],
    ['-t 10.96.0.1:80', '--sctp-service [fd00::1]:80'],
    'those by firewall mark are others',
  );
  assert.deepEqual(virtuals.get('-t 10.96.0.1:80'), {
    options: '-s rr -p 10800',
    reals: new Map([
      ['10.244.0.5:8080', 1],
      ['10.244.0.6:8080', 0],
    ]),
  });
  assert.equal(virtuals.get('--sctp-service [fd00::1]:80')?.options, '-s mh -b mh-port');
});

test('keys of virtual servers', () => {
  assert.equal(addressOf('--sctp-service [fd00::1]:80'), 'fd00::1');
  assert.equal(addressOf('-u 10.0.0.1:53'), '10.0.0.1');
  assert.deepEqual(['-t [fd00::1]:80', '-t 10.0.0.1:80'].map(isIpv6Key), [true, false]);
});

test('connections from ipvsadm -Ln', () => {
  const list = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn
TCP  10.0.0.1:80 rr persistent 100
  -> 10.0.0.2:80                  Masq    1      2          3         
FWM  1 rr
  -> 10.0.0.9:0                   Masq    1      7          7         
UDP  [fd00::1]:53 rr
  -> [fd00::2]:53                 Masq    0      0          0         
`;
  assert.deepEqual(
    parseConnections(list),
    new Map([
      ['-t 10.0.0.1:80', new Map([['10.0.0.2:80', 5]])],
      ['-u [fd00::1]:53', new Map([['[fd00::2]:53', 0]])],
    ]),
  );
});
