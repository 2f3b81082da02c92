import assert from 'node:assert/strict';
import { endpoint, type Stage, service, slice } from '@kubelab/kube-proxy/testing';

const address = '10.96.0.67';

/** From IPVS mode to iptables mode and back: Services work in both, and nothing is left of the other. */
export async function changeModes(stage: Stage): Promise<void> {
  const { lab } = stage;
  const to = async (mode: 'iptables' | 'ipvs') => {
    await stage.end();
    const set = (proxy: Stage['proxy']) => {
      proxy.setService(service('good', address));
      proxy.setSlice(slice('good', [endpoint('10.244.1.11', 'node1')]));
    };
    await stage.start(set, { mode });
    assert.match(await lab.get('client', address), /^p1 /);
    return lab.run('iptables-legacy-save');
  };
  assert.doesNotMatch(await to('iptables'), /IPVS|kube-proxy firewall|KUBE-NODE-PORT|KUBE-LOAD-BALANCER/);
  assert.doesNotMatch(lab.run('ipvsadm', '-Sn'), /10\.96\./);
  assert.doesNotMatch(lab.run('ipset', 'list', '-n'), /KUBE/);
  assert.doesNotMatch(await to('ipvs'), /KUBE-SVC|KUBE-SEP|KUBE-EXTERNAL-SERVICES|KUBE-NODEPORTS/);
}
