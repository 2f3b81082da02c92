import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceMapping, HostConfig } from 'dockerode';
import type { HostFacts } from '../host.js';

/** Instances of pseudo file systems a container has of its own. */
const ownFolders = new Set(['pts', 'shm', 'fd', 'mqueue', 'hugepages', '.lxc', '.lxd-mounts', '.udev']);

/**
 * Docker's privileged mode. On a machine where it can't work, because not every capability may be handed on (one that
 * is itself a container or a stripped-down VM), what comes closest to it: all capabilities there are, all devices.
 */
export function privilegedConfig(host: HostFacts): Partial<HostConfig> {
  if (!host.limitedCapabilities) return { Privileged: true };
  return {
    Privileged: false,
    CapAdd: host.limitedCapabilities,
    CapDrop: [],
    Devices: hostDevices('/dev'),
    DeviceCgroupRules: ['a *:* rwm'],
  };
}

function hostDevices(dir: string): DeviceMapping[] {
  const devices: DeviceMapping[] = [];
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory() && !ownFolders.has(entry.name)) devices.push(...hostDevices(path));
    const isDevice = entry.isCharacterDevice() || entry.isBlockDevice();
    if (isDevice && path !== '/dev/console') {
      devices.push({ PathOnHost: path, PathInContainer: path, CgroupPermissions: 'rwm' });
    }
  }
  return devices;
}
