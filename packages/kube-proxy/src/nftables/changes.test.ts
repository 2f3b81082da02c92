import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultMasqueradeMark, type RuleOptions } from '../iptables/options.js';
import { TableState } from './changes.js';
import { nodePart } from './layout.js';
import { emptyPart, type Part } from './part.js';

const options: RuleOptions = {
  family: 'ipv4',
  clusterCidr: undefined,
  masqueradeAll: false,
  masqueradeMark: defaultMasqueradeMark,
  masqueradeRandomFully: true,
  localhostNodePorts: false,
  nodePortAddresses: ['127.0.0.1', '192.168.77.1'],
  nodeIP: undefined,
};
const newState = () => new TableState('ip kube-proxy', 'ip');
const update = (state: TableState, parts: Record<string, Part | undefined>) =>
  state.update(new Map(Object.entries(parts))).map(({ text, owner }) => `${owner ?? '-'}: ${text}`);

test("the node's addresses, but not of its loopback; only what differs is written", () => {
  const state = newState();
  const check = 'cluster-ips-check';
  assert.deepEqual(update(state, { '': nodePart(options, []) }), [
    `-: add chain ip kube-proxy ${check}`,
    `-: add rule ip kube-proxy ${check} ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"`,
    '-: add element ip kube-proxy nodeport-ips { 192.168.77.1 }',
  ]);
  assert.deepEqual(update(state, { '': nodePart({ ...options, nodePortAddresses: ['192.168.78.1'] }, []) }), [
    '-: delete element ip kube-proxy nodeport-ips { 192.168.77.1 }',
    '-: add element ip kube-proxy nodeport-ips { 192.168.78.1 }',
  ]);
});

test('an element that two want is of the first, and of the second when the first gives it up', () => {
  const state = newState();
  const part = (value: string): Part => ({
    ...emptyPart(),
    elements: new Map([['service-ips k', { map: 'service-ips', key: 'k', value }]]),
  });
  const line = (what: string) => `ip kube-proxy service-ips { ${what} }`;
  assert.deepEqual(update(state, { a: part('goto a'), b: part('goto b') }), [`a: add element ${line('k : goto a')}`]);
  assert.deepEqual(update(state, { b: part('goto c') }), []);
  assert.deepEqual(update(state, { a: undefined }), [
    `b: delete element ${line('k')}`,
    `b: add element ${line('k : goto c')}`,
  ]);
  assert.deepEqual(update(state, { b: undefined }), [`b: delete element ${line('k')}`]);
});

test('a chain that is no longer wanted is emptied and noted; one that is wanted again is not', () => {
  const state = newState();
  const part: Part = { ...emptyPart(), chains: new Map([['service-x', ['accept']]]) };
  const chain = 'ip kube-proxy service-x';
  const made = [`a: add chain ${chain}`, `a: add rule ${chain} accept`];
  assert.deepEqual(update(state, { a: part }), made);
  assert.deepEqual(update(state, { a: undefined }), [`a: flush chain ${chain}`]);
  assert.deepEqual([...state.unused.keys()], ['service-x']);
  assert.deepEqual(update(state, { a: part }), made);
  assert.deepEqual([...state.unused.keys()], []);
});
