import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CriClient } from '@kubelab/cri';
import { UsageCollector } from './collector.js';

test('an interface the runtime names twice is told once, the default one first', async () => {
  const entry = (name: string, bytes: number) => ({ name, rx_bytes: { value: bytes }, tx_bytes: { value: bytes } });
  const network = { default_interface: entry('eth0', 5), interfaces: [entry('net1', 7), entry('eth0', 5)] };
  const stats = [{ attributes: { id: 'a', labels: {} }, linux: { network } }];
  const cri = { listPodSandboxStats: async () => ({ stats }) } as unknown as CriClient;
  const { pods } = await new UsageCollector(cri).read();
  assert.deepEqual(
    pods[0]?.network.map(({ name, rxBytes }) => [name, rxBytes]),
    [
      ['eth0', 5],
      ['net1', 7],
    ],
  );
});
