import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RuleOptions } from '../iptables/options.js';
import type { SetName } from './names.js';
import { ipvsRules } from './rules.js';

const options: RuleOptions = {
  family: 'ipv4',
  clusterCidr: '10.244.0.0/16',
  masqueradeAll: false,
  masqueradeMark: '0x4000',
  masqueradeRandomFully: true,
  localhostNodePorts: false,
  nodePortAddresses: undefined,
  nodeIP: undefined,
};
const chainOf = (name: string, sets: SetName[], o = options) =>
  ipvsRules(o, (s) => sets.includes(s), []).find(([table, c]) => table === 'nat' && c === name)?.[2] ?? [];
const cluster = 'comment "Kubernetes service cluster ip + port for masquerade purpose"';

test('KUBE-SERVICES grows with the kinds of Services that there are', () => {
  assert.deepEqual(chainOf('KUBE-SERVICES', []), [
    '-s 127.0.0.0/8 -j RETURN',
    '-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT',
  ]);
  assert.deepEqual(chainOf('KUBE-SERVICES', ['KUBE-CLUSTER-IP', 'KUBE-LOAD-BALANCER', 'KUBE-EXTERNAL-IP']), [
    '-s 127.0.0.0/8 -j RETURN',
    '-m comment --comment "Kubernetes service lb portal" -m set --match-set KUBE-LOAD-BALANCER dst,dst -j KUBE-LOAD-BALANCER',
    `! -s 10.244.0.0/16 -m comment --${cluster} -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ`,
    ...[
      '-j KUBE-MARK-MASQ',
      '-m physdev ! --physdev-is-in -m addrtype ! --src-type LOCAL -j ACCEPT',
      '-m addrtype --dst-type LOCAL -j ACCEPT',
    ].map(
      (rest) =>
        `-m comment --comment "Kubernetes service external ip + port for masquerade and filter purpose" -m set --match-set KUBE-EXTERNAL-IP dst,dst ${rest}`,
    ),
    '-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT',
    '-m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT',
    '-m set --match-set KUBE-LOAD-BALANCER dst,dst -j ACCEPT',
  ]);
});

test('who is masqueraded on the way to a cluster IP', () => {
  const masquerade = (o: RuleOptions) =>
    chainOf('KUBE-SERVICES', ['KUBE-CLUSTER-IP'], o).find((r) => r.endsWith('-j KUBE-MARK-MASQ'));
  const set = `-m comment --${cluster} -m set --match-set`;
  assert.equal(masquerade({ ...options, masqueradeAll: true }), `${set} KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ`);
  assert.equal(masquerade({ ...options, clusterCidr: undefined }), `${set} KUBE-CLUSTER-IP src,dst -j KUBE-MARK-MASQ`);
  assert.equal(
    masquerade({ ...options, localInterface: 'veth+' }),
    `! -i veth+ ${set} KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ`,
  );
  assert.match(masquerade({ ...options, family: 'ipv6' }) ?? '', /KUBE-6-CLUSTER-IP/);
});

test('KUBE-NODE-PORT: policy Local returns before the mark', () => {
  const rules = chainOf('KUBE-NODE-PORT', [
    'KUBE-NODE-PORT-TCP',
    'KUBE-NODE-PORT-LOCAL-TCP',
    'KUBE-NODE-PORT-SCTP-HASH',
  ]);
  assert.deepEqual(
    rules.map((r) => r.replace(/-m comment --comment "[^"]*" /, '')),
    [
      '-p tcp -m set --match-set KUBE-NODE-PORT-LOCAL-TCP dst -j RETURN',
      '-p tcp -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ',
      '-p sctp -m set --match-set KUBE-NODE-PORT-SCTP-HASH dst,dst -j KUBE-MARK-MASQ',
    ],
  );
});
