import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1RuntimeClass, V1Service } from '@kubelab/api';
import { gvr } from '@kubelab/client';
import { unifiedSettings } from '../cgroup/unified.js';
import { parseResolvConf } from '../env/dns.js';
import type { Parts } from '../parts.js';
import { formatPod, type Pod } from '../pod/types.js';
import { Backoff } from '../runtime/backoff.js';
import type { RunnerContext } from '../runtime/runner-context.js';
import { volumeMountStatus } from '../volumes/recursive-read-only.js';
import { admitPod, type Rejection } from './admission.js';
import type { WorkerContext } from './context.js';
import { choosePreempted, isCritical } from './preemption.js';

const crashBackoffMs = { initial: 10_000, max: 300_000 };

async function runnerContext(parts: Parts): Promise<RunnerContext> {
  const { config, client, cri, events, logger } = parts;
  const { options, nodeName } = config;
  const services = parts.informers.informer<V1Service>(gvr.services);
  const resolvConf = options.string('resolv-conf');
  const host = await readFile(resolvConf, 'utf8').catch((error) => {
    logger.warn('No resolv.conf for pods to inherit', { path: resolvConf, error });
    return '';
  });
  const runtimeHandler = async (name: string | undefined) => {
    if (!name) return '';
    return (await client.resource<V1RuntimeClass>(gvr.runtimeclasses).get(name)).handler;
  };
  return {
    cri,
    events,
    logger,
    puller: parts.puller,
    paths: parts.paths,
    security: { seccompProfileRoot: join(config.rootDir, 'seccomp') },
    sandbox: {
      dns: {
        clusterDns: options.strings('cluster-dns'),
        clusterDomain: options.string('cluster-domain'),
        host: parseResolvConf(host),
      },
      podLogsDir: config.podLogsDir,
      cgroupParent: (pod) => parts.cgroups?.path(pod) ?? '',
    },
    nodeName,
    memoryCapacityBytes: parts.machine.memoryBytes,
    unified: unifiedSettings(parts.cgroups?.version, options.boolean('single-process-oom-kill')),
    services: async () => {
      if (!services.hasSynced()) await services.waitForSync(parts.signal);
      return services.lister.list();
    },
    objectsFor: parts.objectsFor,
    allocatable: () => parts.nodeAgent.allocatable,
    hostIps: () => config.nodeIps,
    devices: (pod, container) => parts.devices.allocate(pod, container),
    isolate: parts.isolate,
    runtimeHandler,
    recursiveReadOnly: async (pod) => {
      try {
        return parts.monitor.recursiveReadOnly(await runtimeHandler(pod.spec.runtimeClassName));
      } catch (error) {
        logger.warn('The pod’s runtime is not known', { pod: formatPod(pod), error });
        return false;
      }
    },
  };
}

/** What pod workers need, from the parts of the agent. */
export async function workerContext(parts: Parts): Promise<WorkerContext> {
  const { config, cri, events, logger, reader, puller, probes, statuses, volumes, resizer, pods, monitor } = parts;
  return {
    cri,
    events,
    logger,
    reader,
    runner: await runnerContext(parts),
    puller,
    probes,
    statuses,
    volumes,
    crashBackoff: new Backoff(crashBackoffMs.initial, crashBackoffMs.max),
    runtimeName: () => monitor.facts.name,
    hostIps: () => config.nodeIps,
    networkProblem: () => monitor.networkProblem(),
    admit: (pod) =>
      admitPod(pod, {
        nodeName: config.nodeName,
        nodeLabels: parts.nodeAgent.labels,
        nodeTaints: parts.nodeAgent.node?.spec?.taints ?? [],
        allocatable: parts.nodeAgent.allocatable,
        active: pods.admitted(),
        pressures: parts.eviction.pressures(),
        allowedUnsafeSysctls: config.options.strings('allowed-unsafe-sysctls'),
        shuttingDown: parts.shutdown.shuttingDown,
      }),
    preempt: (pod, rejection) => preempt(parts, pod, rejection),
    nextTokenRefresh: (uid) => parts.tokens.nextRefresh(uid),
    ensureCgroup: (pod) => ensureCgroup(parts, pod),
    removeCgroup: async (pod) => parts.cgroups?.remove(pod),
    resize: (pod, state) => resizer.resize(pod, state),
    volumeMountStatus: (container) => volumeMountStatus(container, monitor.recursiveReadOnly('')),
    extraConditions: (uid) => [resizer.condition(uid)].filter((condition) => condition !== undefined),
    removeFromRuntime: ({ metadata }) => parts.containerGc.removePod(metadata.namespace, metadata.name, metadata.uid),
    forget: (uid) => {
      parts.objects.release(uid);
      parts.tokens.release(uid);
      puller.forget(uid);
      probes.remove(uid);
      resizer.forget(uid, pods.worker(uid)?.state);
    },
    onStarted: (_pod, ms) => parts.metrics.podStart.observe(ms / 1000),
    onDone: (uid) => pods.done(uid),
  };
}

async function ensureCgroup({ cgroups, events }: Parts, pod: Pod): Promise<void> {
  try {
    await cgroups?.ensure(pod);
  } catch (error) {
    const message = `unable to ensure pod container exists: ${(error as Error).message}`;
    events.pod(pod, 'Warning', 'FailedToCreatePodContainer', message);
    throw error;
  }
}

const preempting = { reason: 'Preempting', message: 'Preempted in order to admit critical pod' };

async function preempt({ pods, events, logger }: Parts, pod: Pod, { shortages }: Rejection): Promise<boolean> {
  if (!shortages || !isCritical(pod)) return false;
  const victims = choosePreempted(pod, pods.admitted(), shortages) ?? [];
  await Promise.all(
    victims.map(async (victim) => {
      const worker = pods.worker(victim.metadata.uid);
      logger.info('Ending a pod for a critical one', { pod: formatPod(victim), critical: formatPod(pod) });
      events.pod(victim, 'Warning', preempting.reason, preempting.message);
      worker?.evict(preempting);
      await worker?.stopped();
    }),
  );
  return victims.length > 0;
}
