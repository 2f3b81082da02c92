import assert from 'node:assert/strict';
import type { RestartCase } from '../case.js';
import { p1 } from '../objects.js';
import { goodIp, goodPort, setFlow, setGood } from './good.js';

export const takenAway: RestartCase = {
  name: 'what others take away is put back; an address that the node gets has node ports',
  async run(stage) {
    const { lab, mode, proxy } = stage;
    setGood(proxy);
    setFlow(proxy, p1);
    await proxy.settled();
    assert.match(await lab.get('node', goodIp), /^p\d /);
    // IPVS has a virtual server for each address, which is made when all is compared.
    lab.run('ip', 'addr', 'add', '192.168.77.9/24', 'dev', 'client');
    for (const takeAway of mode.takeAways) {
      await takeAway(stage);
      const deadline = Date.now() + 60_000;
      while (!/^p\d /.test(await lab.get('node', goodIp, 1))) assert.ok(Date.now() < deadline, 'it is not back');
      for (const address of ['192.168.77.1', '192.168.77.9']) {
        assert.match(await lab.get('client', `${address}:${goodPort}`), /^p\d /);
      }
    }
  },
};
