import assert from 'node:assert/strict';
import { cleanupKubeProxy } from '../cleanup.js';
import type { Stage } from './stage.js';

/** Ends the proxy and removes all that it made: nothing of it is left, in no mode's place, and others keep theirs. */
export async function cleanup(stage: Stage): Promise<void> {
  const { lab, mode } = stage;
  await stage.end();
  const options = {
    commandPrefix: lab.prefix,
    ipvsExcludeCidrs: mode.options?.ipvs?.excludeCidrs ?? [],
  };
  assert.ok((await cleanupKubeProxy(options)) >= 2);
  for (const tool of [`iptables-${mode.backend}-save`, `ip6tables-${mode.backend}-save`]) {
    assert.doesNotMatch(lab.run(tool), /KUBE/);
  }
  assert.doesNotMatch(mode.shown(lab), /KUBE|kube-proxy|kube-ipvs|10\.96\./);
  mode.keepsOthers(lab);
  assert.equal(await cleanupKubeProxy(options), 0);
}
