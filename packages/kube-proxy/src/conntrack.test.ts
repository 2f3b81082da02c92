import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FlowTarget, parseFlows, staleFilters } from './conntrack.js';

const listed = `udp      17 28 src=10.244.1.12 dst=10.96.0.10 sport=5555 dport=53 src=10.244.1.11 dst=10.244.1.12 sport=8080 dport=5555 [ASSURED] mark=0 use=1
udp      17 10 src=10.244.1.13 dst=10.96.0.10 sport=6000 dport=53 [UNREPLIED] src=10.96.0.10 dst=192.168.0.1 sport=53 dport=6000 mark=0 use=1
udp      17 10 src=192.168.0.9 dst=192.168.0.1 sport=6001 dport=30053 src=10.244.2.5 dst=192.168.0.1 sport=8080 dport=6001 [ASSURED] mark=0 use=1
udp      17 10 src=192.168.0.9 dst=8.8.8.8 sport=6001 dport=53 src=8.8.8.8 dst=192.168.0.9 sport=53 dport=6001 mark=0 use=1
icmp     1 29 src=10.0.0.1 dst=10.0.0.2 type=8 code=0 id=1 src=10.0.0.2 dst=10.0.0.1 type=0 code=0 id=1 mark=0 use=1
udp      17 28 src=fd00::12 dst=fd00:96::10 sport=5555 dport=53 src=fd00:244::11 dst=fd00::12 sport=8080 dport=5555 mark=0 use=1
`;

const target = (over: Partial<FlowTarget>): FlowTarget => ({
  protocol: 'udp',
  addresses: ['10.96.0.10'],
  port: 53,
  nodePort: 30053,
  endpoints: new Set(['10.244.1.11:8080']),
  ...over,
});
const text = (targets: FlowTarget[]) => staleFilters(parseFlows(listed), targets).map((f) => f.slice(3).join(' '));

test('flows are read, those without ports left out', () => {
  assert.deepEqual(parseFlows(listed).length, 5);
  assert.deepEqual(parseFlows(listed)[1], {
    protocol: 'udp',
    destination: '10.96.0.10',
    destinationPort: 53,
    replySource: '10.96.0.10',
    replyPort: 53,
  });
});

test('flows to Services that no serving endpoint answers are stale', () => {
  assert.deepEqual(text([target({})]), [
    '10.96.0.10 --orig-port-dst 53 --reply-src 10.96.0.10 --reply-port-src 53',
    '192.168.0.1 --orig-port-dst 30053 --reply-src 10.244.2.5 --reply-port-src 8080',
  ]);
  const both = new Set(['10.244.1.11:8080', '10.244.2.5:8080']);
  assert.deepEqual(text([target({ endpoints: both })]).length, 1);
  assert.deepEqual(text([target({ endpoints: new Set() })]).length, 3, 'a port that is gone');
  assert.deepEqual(text([target({ endpoints: new Set(['10.244.1.11:9090']), nodePort: 0 })]).length, 2, 'another port');
  assert.deepEqual(text([target({ addresses: ['10.96.0.11'], nodePort: 0 })]), []);
  const six = target({ addresses: ['fd00:96::10'], nodePort: 0, endpoints: new Set() });
  assert.deepEqual(text([six]), ['fd00:96::10 --orig-port-dst 53 --reply-src fd00:244::11 --reply-port-src 8080']);
});
