import { OptionError } from '@kubelab/component-base';
import type { Parts } from '../parts.js';
import { detectCgroups } from './detect.js';
import { type CgroupDriver, CgroupfsDriver, type ReportLimits } from './driver.js';
import type { CgroupHierarchy } from './hierarchy.js';
import { PodCgroups } from './pod-cgroups.js';
import { nodeLimits } from './pod-limits.js';
import { isSystemdRunning, SystemdTools } from './systemd.js';
import { SystemdDriver } from './systemd-driver.js';

/** Makes the cgroups that hold pods, with the driver that the runtime says it uses (KEP-4033). */
export async function setUpCgroups(parts: Parts): Promise<void> {
  const { config, logger, monitor, nodeAgent, pods, events } = parts;
  if (!config.options.boolean('cgroups-per-qos')) return;
  const hierarchy = await detectCgroups();
  const driver = driverOf(
    monitor.facts.cgroupDriver ?? (config.options.optionalString('cgroup-driver') || 'cgroupfs'),
    hierarchy,
    (path, error) => logger.warn('Cgroup limits could not be set', { path, error }),
  );
  const enforced = enforcesAllocatable(config.options.strings('enforce-node-allocatable'));
  parts.cgroups = new PodCgroups({
    driver,
    root: config.options.string('cgroup-root'),
    podPidsLimit: config.options.number('pod-max-pids'),
    nodeLimits: () => nodeLimits(enforced ? nodeAgent.absoluteAllocatable() : nodeAgent.capacity),
    pods: () => pods.pods(),
    event: (type, reason, message) => events.node(type, reason, message),
    logger,
  });
  await parts.cgroups.setUp();
  logger.info('Pods have their cgroups', {
    driver: driver.name,
    version: hierarchy.version,
    path: parts.cgroups.topPath,
  });
}

function driverOf(name: string, hierarchy: CgroupHierarchy, report: ReportLimits): CgroupDriver {
  if (name === 'cgroupfs') return new CgroupfsDriver(hierarchy, report);
  if (name !== 'systemd') throw new OptionError(`--cgroup-driver: ${name} is neither cgroupfs nor systemd`);
  if (!isSystemdRunning()) throw new Error('the cgroup driver is systemd, but systemd does not run this machine');
  return new SystemdDriver(hierarchy, new SystemdTools(), report);
}

function enforcesAllocatable(names: string[]): boolean {
  for (const name of names) {
    if (name !== 'pods' && name !== 'none' && name !== '') {
      throw new OptionError(`--enforce-node-allocatable: ${name} is not supported, only pods and none`);
    }
  }
  if (names.includes('none') && names.length > 1) {
    throw new OptionError('--enforce-node-allocatable: none can’t be given with others');
  }
  return names.includes('pods');
}
