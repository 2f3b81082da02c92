import assert from 'node:assert/strict';
import type { RestartCase } from '../case.js';
import { p2 } from '../objects.js';
import { flowIp, goodIp, setFlow, setGood } from './good.js';

export const restart: RestartCase = {
  name: 'a restart takes over what is there: connections go on, stale flows move, what is not wanted goes',
  async run(stage) {
    const { lab, mode } = stage;
    const before = mode.shownOf(lab, goodIp);
    assert.ok(before.length > 0);
    assert.match(await lab.again('client', 'restart', goodIp), /^p\d /);
    assert.match(await lab.udp('client', flowIp, 53, 5568), /^p1 /);
    await stage.end();
    assert.match(await lab.get('node', goodIp), /^p\d /, 'Services stay while no proxy runs');
    await stage.start((proxy) => {
      setGood(proxy);
      setFlow(proxy, p2);
    });
    assert.deepEqual(mode.shownOf(lab, goodIp), before);
    assert.match(await lab.again('client', 'restart', goodIp), /^p\d /);
    assert.match(await lab.get('client', goodIp), /^p\d /);
    assert.match(await lab.udp('client', flowIp, 53, 5568), /^p2 /);
    assert.doesNotMatch(mode.shown(lab), /10\.96\.0\.\d\b|30003|default\/(web|stick|lb|loc)\b/);
  },
};
