import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withExtraConfig } from './extra-config.js';

test('flags are added, replaced, and taken back', () => {
  const first = withExtraConfig({}, ['scheduler.v=4', 'kubelet.max-pods=20', 'apiserver.feature-gates=A=true,B=false']);
  assert.deepEqual(first, {
    scheduler: { v: '4' },
    kubelet: { 'max-pods': '20' },
    apiserver: { 'feature-gates': 'A=true,B=false' },
  });
  assert.deepEqual(withExtraConfig(first, ['kubelet.max-pods=', 'scheduler.v=5', 'scheduler.profiling=false']), {
    scheduler: { v: '5', profiling: 'false' },
    kubelet: {},
    apiserver: { 'feature-gates': 'A=true,B=false' },
  });
});

for (const wrong of ['v=4', 'scheduler', 'scheduler.=4', 'proxy.v=4', '.v=4', 'scheduler.V x=4', 'scheduler.v']) {
  test(`refused: ${wrong}`, () => {
    assert.throws(() => withExtraConfig({}, [wrong]), /is not COMPONENT\.FLAG=VALUE with one of etcd, apiserver/);
  });
}
