import assert from 'node:assert/strict';
import type { RestartCase } from '../case.js';
import { p2 } from '../objects.js';
import { goodIp, goodPort, setGood } from './good.js';

export const masqueradeAll: RestartCase = {
  name: 'masquerade-all, node ports on some addresses alone',
  async run(stage) {
    const { lab } = stage;
    await stage.end();
    await stage.start((proxy) => setGood(proxy, [p2]), { masqueradeAll: true, nodePortAddresses: ['primary'] });
    assert.equal(await lab.get('p1', goodIp), 'p2 10.244.1.1', 'the pod is masqueraded');
    assert.equal(await lab.get('client', `192.168.77.1:${goodPort}`), 'p2 10.244.1.1');
    for (const address of ['192.168.78.1', '192.168.77.9']) {
      assert.equal(await lab.get('client', `${address}:${goodPort}`), 'refused', address);
    }
    assert.equal(await lab.get('node', `127.0.0.1:${goodPort}`), 'refused');
  },
};
