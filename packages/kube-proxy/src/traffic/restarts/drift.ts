import assert from 'node:assert/strict';
import type { RestartCase } from '../case.js';

export const drift: RestartCase = {
  name: 'what is read is what was written, however the tools spell it',
  async run({ proxy, metrics }) {
    await proxy.verify();
    await proxy.settled();
    const found = await metrics.getSingleMetric('kubeproxy_verify_drift_total')?.get();
    assert.deepEqual(
      found?.values.filter((v) => v.value > 0),
      [],
    );
  },
};
