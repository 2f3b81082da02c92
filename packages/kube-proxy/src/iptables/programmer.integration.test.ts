import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { Iptables, Restorer } from '@kubelab/node-iptables';
import { categorize } from '../model/categorize.js';
import { portEndpoints } from '../model/endpoints.js';
import { servicePorts } from '../model/service.js';
import { endpoint, service, slice } from '../testing/objects.js';
import { IptablesProgrammer } from './programmer.js';

const ns = `kpform${process.pid}`;
const iptables = new Iptables({ family: 'ipv4', backend: 'nft', prefix: ['ip', 'netns', 'exec', ns] });

before(() => execFileSync('ip', ['netns', 'add', ns]));
after(() => execFileSync('ip', ['netns', 'del', ns]));

function make(): IptablesProgrammer {
  return new IptablesProgrammer(new Restorer(iptables, { batchChains: 600 }), {
    family: 'ipv4',
    clusterCidr: '10.244.0.0/16',
    masqueradeAll: false,
    masqueradeMark: '0x4000',
    masqueradeRandomFully: true,
    localhostNodePorts: true,
    nodePortAddresses: undefined,
    nodeIP: undefined,
  });
}

/** Services `s1` to `sN`; the last is said to have `total` endpoints, so that a large cluster needs few rules. */
function fill(p: IptablesProgrammer, count: number, total: number): void {
  for (let i = 1; i <= count; i++) {
    const ports = servicePorts(service(`s${i}`, `10.96.0.${i}`), 'ipv4', (_s, m) => assert.fail(m));
    for (const port of ports) {
      const list = [endpoint(`10.244.1.${i}`, 'node1'), endpoint(`10.244.2.${i}`, 'node2')];
      const used = categorize(portEndpoints([slice(`s${i}`, list)], port, 'ipv4', 'node1'), port, {
        nodeName: 'node1',
        zone: undefined,
      });
      p.set(port, i === count ? { ...used, total } : used);
    }
  }
}

/** Applies until nothing is left; returns the lines written. */
async function finish(p: IptablesProgrammer): Promise<number> {
  let lines = 0;
  for (let turn = 0; turn < 10; turn++) {
    const result = await p.apply();
    lines += result.lines;
    if (!result.isUnfinished) return lines;
  }
  return assert.fail('never finished');
}

/** Kinds of comments in the nat table. */
async function comments(): Promise<string[]> {
  const save = await iptables.save('nat');
  const kinds = [/s3:http cluster IP/, /s3:http -> /, /KUBE-SEP-\S+ .*default\/s3:http/, /KUBE-SEP-\S+ .*-m tcp /];
  return kinds.filter((k) => k.test(save)).map(String);
}

test('the size of the cluster decides what the rules say; each form is taken over by a restart', async () => {
  let p = make();
  fill(p, 5, 2);
  await finish(p);
  const full = await comments();
  assert.equal(full.length, 4);
  assert.ok(await p.isIntact());

  fill(p, 5, 1001);
  await finish(p);
  assert.deepEqual(await comments(), [full[0], full[3]], "kube-proxy's large cluster mode");
  fill(p, 5, 950);
  assert.equal(await finish(p), 0, 'a little below the threshold nothing is written');

  p = make();
  fill(p, 5, 950);
  assert.equal(await finish(p), 0, 'a restart takes the other form over as it stands');
  assert.ok(await p.isIntact());
  assert.equal(await p.verify(), 0);
  fill(p, 5, 10_001);
  await finish(p);
  assert.deepEqual(await comments(), []);
  assert.equal(await p.verify(), 0);
  p = make();
  fill(p, 5, 10_001);
  assert.equal(await finish(p), 0);
  p.remove('default/s3:http/tcp');
  await finish(p);
  assert.doesNotMatch(await iptables.save('nat'), /10\.96\.0\.3\//);

  fill(p, 5, 2);
  await finish(p);
  assert.deepEqual(await comments(), full);

  p = make();
  fill(p, 5, 20_000);
  await finish(p);
  assert.deepEqual(await comments(), [], 'what makes changes dear is written anew');
});

test('a flush that leaves the chains is seen, whatever it took', async () => {
  const p = make();
  fill(p, 5, 2);
  await finish(p);
  const flushes = [
    ['nat'],
    ['filter'],
    ['nat', 'KUBE-SERVICES'],
    ['nat', 'KUBE-POSTROUTING'],
    ['filter', 'KUBE-FORWARD'],
  ];
  for (const [table = '', ...chain] of flushes) {
    assert.ok(await p.isIntact());
    await iptables.run('-t', table, '-F', ...chain);
    assert.ok(!(await p.isIntact()), `${table} ${chain}`);
    p.forget();
    await finish(p);
  }
  assert.equal(await p.verify(), 0);
});
