import { Gauge, type Registry } from '@kubelab/component-base';
import type { FileSystemUse } from '../node/machine.js';
import { type MeasuredVolume, volumeUse } from './volumes.js';

const metrics: [name: string, help: string, value: (use: FileSystemUse) => number][] = [
  ['capacity_bytes', 'Capacity in bytes of the volume', (use) => use.capacityBytes],
  ['available_bytes', 'Number of available bytes in the volume', (use) => use.availableBytes],
  ['used_bytes', 'Number of used bytes in the volume', (use) => use.usedBytes],
  ['inodes', 'Maximum number of inodes in the volume', (use) => use.inodes],
  ['inodes_free', 'Number of free inodes in the volume', (use) => use.inodesFree],
  ['inodes_used', 'Number of used inodes in the volume', (use) => use.inodes - use.inodesFree],
];

/** kubelet_volume_stats_*: how full the persistent volumes of this node's pods are, measured when asked for. */
export function registerClaimMetrics(
  registry: Registry,
  claims: () => { namespace: string; volume: MeasuredVolume }[],
): void {
  for (const [name, help, value] of metrics) {
    new Gauge({
      name: `kubelet_volume_stats_${name}`,
      help,
      labelNames: ['namespace', 'persistentvolumeclaim'],
      registers: [registry],
      async collect() {
        this.reset();
        for (const { namespace, volume } of claims()) {
          const { fileSystem, claim = '' } = (await volumeUse(volume)) ?? {};
          if (fileSystem) this.set({ namespace, persistentvolumeclaim: claim }, value(fileSystem));
        }
      },
    });
  }
}
