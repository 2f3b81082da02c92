import assert from 'node:assert/strict';
import type { RestartCase } from '../case.js';
import { p2 } from '../objects.js';
import { goodIp, setGood } from './good.js';

/** Not in IPVS mode, as in kube-proxy's. */
export const localInterface: RestartCase = {
  name: 'pods told by their interface',
  modes: ['iptables', 'nftables'],
  async run(stage) {
    const { lab } = stage;
    await stage.end();
    await stage.start((proxy) => setGood(proxy, [p2]), { clusterCidrs: [], localInterface: 'cni0' });
    assert.equal(await lab.get('p1', goodIp), 'p2 10.244.1.11');
    assert.equal(await lab.get('client', goodIp), 'p2 10.244.1.1');
  },
};
