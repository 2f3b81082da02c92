import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KernelState } from './kernel.js';
import { Plan } from './plan.js';

const empty = (): KernelState => ({ virtuals: new Map(), addresses: new Set(), members: new Set() });
const web = '-t 10.96.0.1:80';
const options = '-s rr';

test('a new virtual server, and nothing when it is there', () => {
  const known = empty();
  const leaving = new Set<string>();
  const plan = new Plan('ipv4', known, leaving);
  plan.virtual(web, { options, reals: ['10.0.0.1:1', '10.0.0.2:2'] });
  plan.address('10.96.0.1', true);
  plan.member('KUBE-CLUSTER-IP 10.96.0.1,tcp:80', true);
  assert.deepEqual(plan.batch, {
    ipset: ['add -exist KUBE-CLUSTER-IP 10.96.0.1,tcp:80'],
    ipvsadm: [`-A ${web} -s rr`, `-a ${web} -r 10.0.0.1:1 -m -w 1`, `-a ${web} -r 10.0.0.2:2 -m -w 1`],
    ip: ['addr add 10.96.0.1/32 dev kube-ipvs0'],
  });
  assert.deepEqual(known, empty(), 'nothing is known before it is written');
  plan.commit();
  const again = new Plan('ipv4', known, leaving);
  again.virtual(web, { options, reals: ['10.0.0.2:2', '10.0.0.1:1'] });
  again.address('10.96.0.1', true);
  again.member('KUBE-CLUSTER-IP 10.96.0.1,tcp:80', true);
  assert.equal(again.lines, 0);
});

test('a real server leaves by weight 0, comes back, and goes with its virtual server', () => {
  const known = empty();
  const leaving = new Set<string>();
  const step = (reals: string[] | undefined): string[] => {
    const plan = new Plan('ipv4', known, leaving);
    plan.virtual(web, reals && { options, reals });
    plan.commit();
    return plan.batch.ipvsadm;
  };
  step(['10.0.0.1:1', '10.0.0.2:2']);
  assert.deepEqual(step(['10.0.0.2:2']), [`-e ${web} -r 10.0.0.1:1 -m -w 0`]);
  assert.deepEqual([...leaving], [`${web} 10.0.0.1:1`]);
  assert.deepEqual(step(['10.0.0.2:2']), [], 'it is leaving already');
  assert.deepEqual(step(['10.0.0.1:1', '10.0.0.2:2']), [`-e ${web} -r 10.0.0.1:1 -m -w 1`]);
  assert.equal(leaving.size, 0);
  step([]);
  assert.equal(leaving.size, 2);
  assert.deepEqual(step(undefined), [`-D ${web}`]);
  assert.equal(leaving.size, 0);
});

test('flows of UDP are cut at once; changed options change the virtual server in place', () => {
  const known = empty();
  const first = new Plan('ipv6', known, new Set());
  first.virtual('-u [fd00::1]:53', { options, reals: ['[fd00::2]:53'] });
  first.commit();
  const plan = new Plan('ipv6', known, new Set());
  plan.virtual('-u [fd00::1]:53', { options: '-s rr -p 60', reals: [] });
  assert.deepEqual(plan.batch.ipvsadm, ['-E -u [fd00::1]:53 -s rr -p 60', '-d -u [fd00::1]:53 -r [fd00::2]:53']);
});

test("a firewall's set is filled after what it lets through, and emptied before", () => {
  const known = empty();
  const at = '1.2.3.4,tcp:80';
  const members = [`KUBE-LOAD-BALANCER-FW ${at}`, `KUBE-LOAD-BALANCER-SOURCE-CIDR ${at},10.0.0.0/8`];
  const lines = (wanted: boolean) => {
    const plan = new Plan('ipv6', known, new Set());
    for (const m of members) plan.member(m, wanted);
    plan.commit();
    return plan.batch.ipset;
  };
  assert.deepEqual(lines(true), [
    `add -exist KUBE-6-LOAD-BALANCER-SOURCE-CID ${at},10.0.0.0/8`,
    `add -exist KUBE-6-LOAD-BALANCER-FW ${at}`,
  ]);
  assert.deepEqual(lines(false), [
    `del -exist KUBE-6-LOAD-BALANCER-FW ${at}`,
    `del -exist KUBE-6-LOAD-BALANCER-SOURCE-CID ${at},10.0.0.0/8`,
  ]);
});
